/**
 * Snapshots of runs: plain data from which a run goes on exactly as it would have.
 *
 * A snapshot is a recipe and not a picture: the model, the options, the changes that took effect and the moment. A run is
 * repeatable to the last event, so restoring repeats it, at the engine's speed, and compares the hash. A picture of all columns
 * would restore faster and would have to be kept compatible with every version of the engine; a recipe of an older engine is
 * recognised by its hash instead of going on as a different run.
 */
import type { Model } from "./model.ts";
import { Simulation, type SimulationSnapshot } from "./simulation.ts";

/** Thrown when the repeated run is another one: the model or the engine has changed since the snapshot was made. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

/**
 * The run of the snapshot, at its moment. `onProgress` hears the share that is done, 0 to 1, every 10 million events.
 * Throws SnapshotError when model and snapshot do not belong together.
 */
export function restoreSimulation(
  model: Model,
  snapshot: SimulationSnapshot,
  onProgress: (share: number) => void = () => undefined,
): Simulation {
  const simulation = new Simulation(model, snapshot.options);
  for (const { atMs, change } of snapshot.appliedByHand) {
    advance(simulation, atMs, snapshot, onProgress);
    simulation.apply(change);
  }
  advance(simulation, snapshot.atNs / 1e6, snapshot, onProgress);
  const { events, eventTraceHash } = simulation.results();
  if (eventTraceHash !== snapshot.eventTraceHash || events !== snapshot.events) {
    throw new SnapshotError(
      `the run that was repeated up to ${snapshot.atNs / 1e6} ms has the event trace ${eventTraceHash} of ${events} events, ` +
        `the snapshot ${snapshot.eventTraceHash} of ${snapshot.events}: its model, or the engine, was another one`,
    );
  }
  return simulation;
}

function advance(
  simulation: Simulation,
  toMs: number,
  { atNs }: SimulationSnapshot,
  onProgress: (share: number) => void,
) {
  while (!simulation.runUntil(toMs, 10_000_000)) onProgress(atNs === 0 ? 1 : (simulation.nowMs * 1e6) / atNs);
}
