import type { Change } from "@weft/simulator";
import { SimulationError } from "./errors.ts";
import type { ChangeOutcome, Control, Simulation, SimulationStore } from "./ports.ts";
import { hasEnded } from "./transitions.ts";

/*
 * Makes a change in a run that goes on. It is kept first, and then the instance that runs it is told to look, again and
 * again until the outcome is written: a notice has no room for a change, and may be lost. What is kept takes effect sooner or
 * later unless the run ends, so an instance that does not answer is not an error here: whoever tried again would have it
 * twice.
 */

/** Enough to break and mend a system all day by hand; a run that begins again repeats all of them. */
const mostLiveChanges = 1000;

interface ChangePatience {
  /** How long the outcome is waited for. */
  readonly patienceMs: number;
  readonly pollMs: number;
  /** How often the instance is told. */
  readonly repeatMs: number;
}

/**
 * The run as it is then, and when the change took effect; undefined: it has not yet. Throws SimulationError when the change
 * is impossible, when there have been too many, and when the run ends before it.
 */
export async function makeChange(
  id: string,
  change: Change,
  options: ChangePatience & {
    readonly store: SimulationStore;
    readonly control: Control;
    readonly now: () => number;
    readonly sleep: (ms: number) => Promise<void>;
    readonly find: (id: string) => Promise<Simulation>;
  },
): Promise<{ simulation: Simulation; atMs: number | undefined }> {
  const { store, control, now, sleep, find, patienceMs, pollMs, repeatMs } = options;
  const number = await store.addChange(id, change, mostLiveChanges);
  if (number === undefined) {
    const simulation = await find(id);
    throw hasEnded(simulation.status) ? ended(simulation) : tooMany();
  }
  const untilMs = now() + patienceMs;
  for (;;) {
    await control.send({ id, command: "apply" });
    const repeatAtMs = now() + repeatMs;
    do {
      // In this order: an outcome is written before the end.
      const simulation = await find(id);
      const outcome = await store.changeOutcome(id, number);
      if (outcome !== undefined) {
        return { simulation, atMs: effectOf(outcome) };
      }
      if (hasEnded(simulation.status)) {
        throw ended(simulation);
      }
      if (simulation.status === "PENDING" || now() >= untilMs) {
        return { simulation, atMs: undefined };
      }
      await sleep(pollMs);
    } while (now() < repeatAtMs);
  }
}

function effectOf(outcome: ChangeOutcome): number {
  if ("refusal" in outcome) {
    const field = "change";
    throw new SimulationError("invalid", `${field}: ${outcome.refusal}`, {
      fields: [{ field, description: outcome.refusal }],
    });
  }
  return outcome.atMs;
}

function ended({ status }: Simulation): SimulationError {
  return new SimulationError("wrong_status", `a simulation that is ${status} cannot be changed`);
}

function tooMany(): SimulationError {
  return new SimulationError(
    "too_many_changes",
    `the simulation was changed ${mostLiveChanges} times, the most there can be`,
  );
}
