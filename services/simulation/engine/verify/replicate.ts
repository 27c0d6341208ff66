/** Runs one replication of a case and reads its figures. */
import { compileModel } from "../src/model.ts";
import { Simulation, type SimulationOptions } from "../src/simulation.ts";
import type { Case, RunLength } from "./case.ts";

/** Far from those of the unit tests, so that both do not try the same luck. */
const firstSeed = 20_000;

/** The figures' values, in their order; replications are counted from 0. */
export function replicate(given: Case, replication: number): number[] {
  const seed = firstSeed + replication;
  const changes = given.run.changes?.(replication) ?? [];
  const { simulation, reachedMs } = run(given.model, given.run, { seed, changes });
  const results = simulation.results();
  const rival =
    given.rival === undefined ? results : run(given.rival, given.run, { seed, changes }).simulation.results();
  return given.figures.map((figure) => figure.read({ results, rival, reachedMs }));
}

function run(
  model: Case["model"],
  { durationMs, warmupMs = 0, loadChanges = [], watch }: RunLength,
  luck: Pick<SimulationOptions, "seed" | "changes">,
): { simulation: Simulation; reachedMs: number } {
  const simulation = new Simulation(compileModel(model), { ...luck, durationMs, warmupMs });
  for (const { atMs, load } of loadChanges) {
    simulation.runUntil(atMs);
    simulation.setLoad(load);
  }
  if (watch === undefined) {
    simulation.runUntil(durationMs);
    return { simulation, reachedMs: durationMs };
  }
  simulation.runUntil(watch.fromMs);
  simulation.frame();
  while (!simulation.done) {
    simulation.runUntil(simulation.nowMs + watch.everyMs);
    if (watch.until(simulation.frame())) return { simulation, reachedMs: simulation.nowMs };
  }
  return { simulation, reachedMs: durationMs };
}
