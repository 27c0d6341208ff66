import { describe, expect, test } from "vitest";
import type { Architecture, Autoscaler, Component } from "./architecture.ts";
import type { Change } from "./changes.ts";
import { compileModel } from "./model.ts";
import { component, constant, constantRate, link, resultsOfComponent } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

/** Every request keeps one of an instance's ten slots for 100 ms, so 100 requests/s keep ten busy. */
function scaled(autoscaler: Partial<Autoscaler>, given: Partial<Component> = {}, ratePerSecond = 100): Architecture {
  const timing = { intervalMs: 1000, startDelayMs: 500, scaleDownDelayMs: 3000 };
  return {
    components: [
      component("client", "client"),
      component("api", "service", {
        ...{ concurrency: 10, serviceTime: constant(100), balancing: "least_connections" },
        autoscaler: { minInstances: 1, maxInstances: 10, targetUtilization: 0.5, ...timing, ...autoscaler },
        ...given,
      }),
    ],
    links: [link("client", "api")],
    workloads: [constantRate("client", ratePerSecond)],
  };
}

/** How many instances take requests in the middle of every half second. */
function instancesOver(
  model: Architecture,
  durationMs: number,
  changes: readonly (readonly [number, Change])[] = [],
): number[] {
  return Array.from({ length: durationMs / 500 }, (_, half) => {
    // A mean over the millisecond in the middle.
    const untilMs = 500 * half + 251;
    const planned = changes.filter(([atMs]) => atMs <= untilMs).map(([atMs, change]) => ({ atMs, change }));
    const run = new Simulation(compileModel(model), {
      seed: 1,
      durationMs: untilMs,
      warmupMs: untilMs - 1,
      changes: planned,
    });
    run.runUntil(untilMs);
    return resultsOfComponent(run.results(), "api").instancesMean;
  });
}

const load = (factor: number): Change => ({ kind: "load", load: factor });

describe("an autoscaler", () => {
  test("starts as many as the target asks for, which take requests after the start delay", () => {
    // Nearly all of ten slots are busy in the first second: two are wanted at 1000 and there at 1500.
    expect(instancesOver(scaled({}), 4000)).toEqual([1, 1, 1, 2, 2, 2, 2, 2]);
    expect(instancesOver(scaled({ targetUtilization: 0.25 }), 4000)).toEqual([1, 1, 1, 4, 4, 4, 4, 4]);
  });

  test("leaves a utilization close to its target alone, and stays within its limits", () => {
    expect(instancesOver(scaled({ targetUtilization: 0.95 }), 3000)).toEqual(Array(6).fill(1));
    expect(instancesOver(scaled({ targetUtilization: 0.1, maxInstances: 3 }), 3000).at(-1)).toBe(3);
    const idle = scaled({ minInstances: 2, scaleDownDelayMs: 0 }, { instances: 4 }, 1);
    expect(instancesOver(idle, 3000).at(-1)).toBe(2);
  });

  test("takes instances out when fewer have been enough for the whole delay", () => {
    const counts = instancesOver(scaled({}), 12_000, [[5005, load(0.1)]]);
    // Fewer are wanted from 6000 on; the last that wanted two looked at 5000 and counts until 8000.
    expect(counts.slice(0, 16).at(-1)).toBe(2);
    expect(counts.at(-1)).toBe(1);
    const wentMs = 500 * counts.lastIndexOf(2);
    expect(wentMs).toBeGreaterThanOrEqual(8000);
    expect(wentMs).toBeLessThanOrEqual(9500);
  });

  test("lets an instance that goes end what it has", () => {
    const model = scaled(
      { scaleDownDelayMs: 0 },
      { instances: 2, serviceTime: constant(3000), concurrency: 100, balancing: "round_robin" },
      2,
    );
    const run = new Simulation(compileModel(model), { seed: 1, durationMs: 20_000 });
    run.runUntil(20_000);
    const api = resultsOfComponent(run.results(), "api");
    expect(api.instancesMean).toBeLessThan(1.2);
    expect(api).toMatchObject({ failed: 0, shed: 0, completed: 34, inFlight: 6 });
    expect(api.latency.maxMs).toBe(3000);
  });

  test("looks at cores where they are shared", () => {
    const shared = { cpus: 1, concurrency: 1000, serviceTime: constant(8) };
    // 0.8 of a core are used: at 0.2 that is four, at 0.8 one.
    expect(instancesOver(scaled({ targetUtilization: 0.2 }, shared), 3000).at(-1)).toBe(4);
    expect(instancesOver(scaled({ targetUtilization: 0.8 }, shared), 3000).at(-1)).toBe(1);
  });

  test("starts others for those that are known to be down, and starts none of those", () => {
    const down: Change = { kind: "down", component: "api", instances: [0, 1], inFlight: "fail", isNoticed: true };
    const counts = instancesOver(scaled({ minInstances: 2 }, { instances: 2 }, 1), 4000, [[1100, down]]);
    expect(counts).toEqual([2, 2, 0, 0, 0, 2, 2, 2]);
  });

  test("does not bring back an instance that crashed while it was started", () => {
    const down: Change = { kind: "down", component: "api", instances: [1], inFlight: "fail", isNoticed: true };
    expect(instancesOver(scaled({ intervalMs: 60_000 }), 500, [])).toEqual([1]);
    // Decided at 1000, down at 1100: another one is decided on at 2000.
    expect(instancesOver(scaled({}), 4000, [[1100, down]])).toEqual([1, 1, 1, 1, 1, 2, 2, 2]);
  });
});
