import { describe, expect, test } from "vitest";
import { compileModel } from "./model.ts";
import { component, exponential, link, poisson } from "./scenario.ts";
import { Simulation } from "./simulation.ts";
import { restoreSimulation, SnapshotError } from "./snapshot.ts";

const architecture = {
  components: [
    component("client", "client"),
    component("api", "service", { instances: 2, concurrency: 4, serviceTime: exponential(10) }),
    component("db", "database", { concurrency: 3, serviceTime: exponential(20) }),
  ],
  links: [link("client", "api", { timeoutMs: 300, retries: 1 }), link("api", "db", { callsPerRequest: 0.5 })],
  workloads: [poisson("client", 100)],
};
const options = {
  seed: 7,
  durationMs: 60_000,
  warmupMs: 1000,
  changes: [{ atMs: 20_000, change: { kind: "errors", component: "db", ratio: 0.3 } }],
} as const;

/** Half of a run, with changes by hand, as it would be stored. */
function half(model = compileModel(architecture)) {
  const simulation = new Simulation(model, options);
  simulation.runUntil(10_000);
  simulation.setLoad(2);
  simulation.apply({ kind: "work", component: "api", instance: 1, factor: 3 });
  simulation.runUntil(30_000.5);
  return simulation;
}

describe("a restored run", () => {
  test("goes on as the one that was left would have, to the last event", () => {
    const model = compileModel(architecture);
    const original = half(model);
    const stored = JSON.parse(JSON.stringify(original.snapshot()));
    const restored = restoreSimulation(model, stored);
    for (const simulation of [original, restored]) {
      simulation.apply({ kind: "pause", component: "db", lengthMs: 500 });
      simulation.runUntil(60_000);
    }
    expect(restored.results()).toEqual(original.results());
    expect(restored.results().changes).toHaveLength(4);
    expect(restored.snapshot()).toEqual(original.snapshot());
  });

  test("is refused when the model is another one", () => {
    const other = compileModel({ ...architecture, workloads: [poisson("client", 101)] });
    expect(() => restoreSimulation(other, half().snapshot())).toThrow(SnapshotError);
  });
});
