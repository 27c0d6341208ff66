/*
 * What must hold exactly for any architecture at any time, whatever is done to it, tried on random small ones: conservation of
 * requests, Little's law, shares that are shares, that a run is a function of its model, seed and changes alone, and that
 * nothing stays behind in it when the load is gone and every fault is mended.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyArchitecture } from "../tests/any-architecture.ts";
import { anyChanges } from "../tests/any-changes.ts";
import type { Architecture } from "./architecture.ts";
import type { Change, PlannedChange } from "./changes.ts";
import { compileModel } from "./model.ts";
import { constant } from "./scenario.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

interface System {
  readonly architecture: Architecture;
  readonly changes: readonly PlannedChange[];
}

const anySystem: fc.Arbitrary<System> = anyArchitecture.chain((architecture) =>
  anyChanges(architecture, 5).map((changes) => ({ architecture, changes })),
);

const durationMs = 1500;

function start({ architecture, changes }: System, options: Partial<SimulationOptions> = {}): Simulation {
  return new Simulation(compileModel(architecture), { seed: 5, durationMs, warmupMs: 300, changes, ...options });
}

function run(
  given: System,
  sliceMs: number,
  visit: (simulation: Simulation) => void = () => {},
  options: Partial<SimulationOptions> = {},
): Simulation {
  const simulation = start(given, options);
  for (let slice = 1; !simulation.done; slice++) {
    simulation.runUntil(slice * sliceMs);
    visit(simulation);
  }
  return simulation;
}

describe("any run", () => {
  test("loses no request: arrivals = completed + failed + shed + in flight", () => {
    fc.assert(
      fc.property(anySystem, (given) => {
        const simulation = run(given, 77, (at) => {
          for (const { arrivals, completed, failed, shed, inFlight } of at.audit()) {
            expect(arrivals).toBe(completed + failed + shed + inFlight);
          }
        });
        for (const { arrivals, completed, failed, shed, inFlight } of simulation.results().components) {
          expect(arrivals).toBe(completed + failed + shed + inFlight);
        }
      }),
      { numRuns: 70, seed: 1 },
    );
  });

  test("keeps Little's law to a billionth", () => {
    fc.assert(
      fc.property(anySystem, (given) => {
        run(given, 130, (at) => {
          for (const { presentAreaNs, residenceNs } of at.audit()) {
            expect(Math.abs(presentAreaNs - residenceNs)).toBeLessThanOrEqual(1e-9 * residenceNs);
          }
        });
      }),
      { numRuns: 70, seed: 2 },
    );
  });

  test("keeps its shares between 0 and 1, parts within their wholes, and quantiles in order", () => {
    fc.assert(
      fc.property(anySystem, (given) => {
        for (const one of run(given, durationMs).results().components) {
          const { latency } = one;
          for (const ascending of [
            [0, one.workUtilization, one.utilization, 1],
            [0, one.coreUtilization, 1],
            [0, one.queueLengthMean, Math.min(one.queueLengthMax, one.inFlightMean)],
            [0, one.waitProbability, 1],
            [0, one.waitP50Ms, one.waitP95Ms, one.waitP99Ms],
            [0, ...one.presentAtLeast.toReversed(), 1],
            [0, one.instancesMean, 5],
            [0, one.backlogMean],
            [0, latency.p50Ms, latency.p99Ms, latency.p999Ms, latency.maxMs],
            [0, one.expired + one.cancelled, one.failed],
            [0, one.limited, one.shed],
          ]) {
            // Up to the rounding of a division.
            for (const [index, value] of ascending.entries()) {
              expect(value, one.id).toBeGreaterThanOrEqual((ascending[index - 1] ?? value) - 1e-12);
            }
          }
        }
      }),
      { numRuns: 70, seed: 7 },
    );
  });

  test("is the same in one piece, in slices, again, traced, and without lanes", () => {
    fc.assert(
      fc.property(anySystem, fc.constantFrom(3, 50, 333.3), (given, sliceMs) => {
        const whole = run(given, durationMs).results();
        expect(run(given, sliceMs, (at) => at.frame(), { lanes: false, traceEvery: 2 }).results()).toEqual(whole);
        expect(run(given, durationMs).results().eventTraceHash).toBe(whole.eventTraceHash);
      }),
      { numRuns: 40, seed: 4 },
    );
  });

  test("is the same when its changes are made by hand", () => {
    fc.assert(
      fc.property(anySystem, ({ architecture, changes }) => {
        const byHand = start({ architecture, changes: [] });
        for (const { atMs, change } of changes) {
          if (atMs > 0) byHand.runUntil(atMs);
          byHand.apply(change);
        }
        byHand.runUntil(durationMs);
        expect(byHand.results()).toEqual(run({ architecture, changes }, durationMs).results());
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  test("ends empty when nobody comes any more and every fault is mended", () => {
    fc.assert(
      fc.property(anySystem, ({ architecture, changes }) => {
        const simulation = start({ architecture, changes }, { durationMs: 2_000_000 });
        simulation.runUntil(durationMs);
        for (const change of mended(architecture)) simulation.apply(change);
        simulation.runUntil(1_999_000);
        simulation.frame();
        simulation.runUntil(2_000_000);
        for (const { component, inFlight } of simulation.audit()) expect(inFlight, component).toBe(0);
        for (const { id, utilization } of simulation.frame().components) expect(utilization, id).toBe(0);
      }),
      { numRuns: 20, seed: 6 },
    );
  });
});

/** Everything that could keep a request for ever is as the architecture says, and no new ones come. */
function mended({ components, links }: Architecture): Change[] {
  return [
    { kind: "load", load: 0 },
    ...components
      .slice(1)
      .flatMap(({ id, instances, concurrency, rateLimit }): Change[] => [
        { kind: "work", component: id, factor: 1 },
        { kind: "up", component: id, instances: Array.from({ length: instances }, (_, number) => number) },
        { kind: "slots", component: id, slots: concurrency },
        ...(rateLimit === undefined ? [] : [{ kind: "rate_limit", component: id, factor: 1 } as const]),
      ]),
    ...links.flatMap(({ id, maxConnections = 0 }): Change[] => [
      { kind: "delay", link: id, extra: constant(0), share: 0 },
      { kind: "loss", link: id, ratio: 0 },
      { kind: "cut", link: id, how: "none" },
      { kind: "bandwidth", link: id, factor: 1 },
      ...(maxConnections === 0 ? [] : [{ kind: "connections", link: id, connections: maxConnections } as const]),
    ]),
  ];
}
