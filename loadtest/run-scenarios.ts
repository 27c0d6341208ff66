import { type ContenderId, contenderIds } from "./contenders/contender.ts";
import { Crew } from "./processes/crew.ts";
import { Pair } from "./processes/pair.ts";
import type { Profile } from "./profiles/profile.ts";
import { Samples } from "./rounds.ts";
import type { RoundContext, Scenario } from "./scenarios/scenario.ts";

/*
 * A run: starts everybody who is needed, warms them up, and goes through the scenarios in rounds until the rounds or the
 * time are over. Whatever happens, nothing is left running.
 */

const warmUpStepMs = 250;

export interface RunOptions {
  readonly scenarios: readonly Scenario[];
  readonly profile: Profile;
  progress(line: string): void;
}

export interface RunResult {
  readonly samples: Samples;
  readonly rounds: number;
  /** How everybody is called, with what was chosen for them. */
  readonly contenders: readonly { readonly id: ContenderId; readonly label: string; readonly note: string }[];
}

export async function runScenarios({ scenarios, profile, progress }: RunOptions): Promise<RunResult> {
  const startedMs = performance.now();
  const seconds = (): string => `${((performance.now() - startedMs) / 1000).toFixed(1).padStart(6)} s`;
  const say = (line: string): void => progress(`${seconds()}  ${line}`);
  const samples = new Samples();
  const crew = await Crew.start();
  const endOnSignal = (signal: NodeJS.Signals): void => {
    void crew.stop().finally(() => process.exit(signal === "SIGINT" ? 130 : 143));
  };
  process.once("SIGINT", endOnSignal);
  process.once("SIGTERM", endOnSignal);
  // The last resort: without processes everything that is still asked for fails at once, and the run ends.
  const limit = setTimeout(() => {
    say("the time is over: what is not measured by now fails");
    void crew.stop();
  }, profile.hardLimitMs);
  try {
    const pairs = await startPairs(crew, scenarios, samples, say);
    const contenders = [...pairs.values()].map(({ contender: id, label, note }) => ({ id, label, note }));
    await warmUp(pairs, profile.firstWarmUp, startedMs + profile.hardLimitMs / 2, say);
    const contextOf = (round: number): RoundContext => ({
      ...{ round, profile, samples, crew, pairs },
      progress: (line) => say(`round ${round + 1}/${profile.rounds}  ${line}`),
    });
    let rounds = 0;
    let longestMs = 0;
    while (rounds < profile.rounds) {
      const roundStartedMs = performance.now();
      if (rounds > 0 && roundStartedMs - startedMs + longestMs > profile.budgetMs) {
        say(`no time for more than ${rounds} of ${profile.rounds} rounds`);
        break;
      }
      for (const scenario of scenarios.filter(({ once }) => !once)) {
        await scenario.measure(contextOf(rounds));
      }
      longestMs = Math.max(longestMs, performance.now() - roundStartedMs);
      rounds += 1;
    }
    for (const scenario of scenarios.filter(({ once }) => once)) {
      await scenario.measure({ ...contextOf(0), progress: (line) => say(`once  ${line}`) });
    }
    return { samples, rounds, contenders };
  } finally {
    clearTimeout(limit);
    await crew.stop();
    process.off("SIGINT", endOnSignal);
    process.off("SIGTERM", endOnSignal);
  }
}

async function startPairs(
  crew: Crew,
  scenarios: readonly Scenario[],
  samples: Samples,
  say: (line: string) => void,
): Promise<Map<ContenderId, Pair>> {
  const needed = contenderIds.filter((id) => scenarios.some(({ needs }) => needs.includes(id)));
  const pairs = new Map<ContenderId, Pair>();
  const started = await Promise.all(
    needed.map(async (contender) => {
      try {
        return await Pair.start(crew, { contender, name: `bench-${contender}` });
      } catch (error) {
        say(`${contender} does not start: ${String(error)}`);
        for (const scenario of scenarios.filter(({ needs }) => needs.includes(contender))) {
          for (const { series } of scenario.rules) {
            samples.fail(series, contender, error instanceof Error ? error.message : String(error));
          }
        }
        return undefined;
      }
    }),
  );
  for (const pair of started) {
    if (pair !== undefined) {
      pairs.set(pair.contender, pair);
    }
  }
  say(`${pairs.size} contenders run, two processes each`);
  return pairs;
}

/**
 * Nothing of it counts; what fails here fails again where it is measured, and is noted there. It goes by calls, since it is
 * calls that make code hot, and by time, since the compiler works beside them: ours and grpc-js are several times faster
 * after three seconds than in the first. Half of the run at most goes into it, however busy the machine is.
 */
async function warmUp(
  pairs: ReadonlyMap<ContenderId, Pair>,
  { calls, leastMs, mostMs }: Profile["firstWarmUp"],
  untilMs: number,
  say: (line: string) => void,
): Promise<void> {
  for (const pair of pairs.values()) {
    const startedMs = performance.now();
    let done = 0;
    let elapsedMs = 0;
    try {
      while (performance.now() < untilMs && (elapsedMs < leastMs || (done < calls && elapsedMs < mostMs))) {
        const load = await pair.load({
          ...{ kind: "closed-loop", inFlight: 256, latency: false },
          ...{ warmUpMs: 0, measureMs: warmUpStepMs },
        });
        done += load.calls;
        elapsedMs = performance.now() - startedMs;
      }
    } catch (error) {
      say(`${pair.label} fails in the warm-up: ${String(error)}`);
    }
  }
  say("warmed up");
}
