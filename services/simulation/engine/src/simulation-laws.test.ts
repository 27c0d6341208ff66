/*
 * What must hold exactly for any architecture at any time, tried on random small ones: conservation of requests, Little's
 * law on whole nanoseconds, and that a run is a function of its model and seed alone.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Architecture, Component, Distribution } from "./architecture.ts";
import { compileModel } from "./model.ts";
import { component, link } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

const distribution: fc.Arbitrary<Distribution> = fc.record({
  kind: fc.constantFrom("constant", "exponential", "gamma", "lognormal"),
  meanMs: fc.constantFrom(0, 0.5, 5, 40),
  cv: fc.constantFrom(0, 0.5, 2),
});

const station = fc.record({
  kind: fc.constantFrom<Component["kind"][]>("load_balancer", "service", "cache", "database", "queue", "external"),
  instances: fc.integer({ min: 1, max: 3 }),
  concurrency: fc.integer({ min: 1, max: 4 }),
  serviceTime: distribution,
  queueCapacity: fc.constantFrom(0, 2, 1000),
  errorRatio: fc.constantFrom(0, 0.2, 1),
  hitRatio: fc.constantFrom(0, 0.6),
  fanOut: fc.constantFrom<Component["fanOut"][]>("sequential", "parallel"),
});

const call = fc.record({
  latency: distribution,
  timeoutMs: fc.constantFrom(0, 10, 60),
  retries: fc.integer({ min: 0, max: 2 }),
  retryBackoffMs: fc.constantFrom(0, 15),
  callsPerRequest: fc.constantFrom(0, 0.4, 1, 2.5),
  weight: fc.constantFrom(1, 3),
  asynchronous: fc.boolean(),
});

const workload = fc.record({
  kind: fc.constantFrom("poisson" as const, "constant" as const, "closed" as const),
  ratePerSecond: fc.constantFrom(1, 20, 100),
  users: fc.integer({ min: 1, max: 5 }),
  thinkTimeMs: fc.constantFrom(0, 30),
});

/** A chain from the client through every station, with calls that skip one thrown in. */
const architecture: fc.Arbitrary<Architecture> = fc
  .record({
    stations: fc.array(station, { minLength: 1, maxLength: 4 }),
    calls: fc.array(call, { minLength: 8, maxLength: 8 }),
    skips: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    fanOut: fc.constantFrom<Component["fanOut"][]>("sequential", "parallel"),
    workloads: fc.array(workload, { minLength: 1, maxLength: 2 }),
  })
  .map(({ stations, calls, skips, fanOut, workloads }) => {
    const ids = ["client", ...stations.map((_, index) => `station-${index}`)];
    const steps = ids.slice(1).map((to, index) => link(ids[index] ?? "", to, calls[index]));
    const skipping = ids.slice(2).map((to, index) => link(ids[index] ?? "", to, calls[index + 4]));
    return {
      components: [
        component("client", "client", { fanOut }),
        ...stations.map(({ kind, ...given }, index) => {
          // A balancer needs somebody behind it.
          const isLast = index === stations.length - 1;
          return component(`station-${index}`, kind === "load_balancer" && isLast ? "service" : kind, given);
        }),
      ],
      links: [...steps, ...skipping.filter((_, index) => skips[index])],
      workloads: workloads.map((one, index) => ({ id: `load-${index}`, component: "client", ...one })),
    };
  });

const durationMs = 1500;

function run(given: Architecture, sliceMs: number, visit: (simulation: Simulation) => void = () => {}): Simulation {
  const simulation = new Simulation(compileModel(given), { seed: 5, durationMs, warmupMs: 300 });
  for (let slice = 1; !simulation.done; slice++) {
    simulation.runUntil(slice * sliceMs);
    visit(simulation);
  }
  return simulation;
}

describe("any run", () => {
  test("loses no request: arrivals = completed + failed + shed + in flight", () => {
    fc.assert(
      fc.property(architecture, (given) => {
        const simulation = run(given, 77, (at) => {
          for (const { arrivals, completed, failed, shed, inFlight } of at.audit()) {
            expect(arrivals).toBe(completed + failed + shed + inFlight);
          }
        });
        for (const { arrivals, completed, failed, shed, inFlight } of simulation.results().components) {
          expect(arrivals).toBe(completed + failed + shed + inFlight);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test("keeps Little's law to the nanosecond", () => {
    fc.assert(
      fc.property(architecture, (given) => {
        run(given, 130, (at) => {
          for (const { presentAreaNs, residenceNs } of at.audit()) expect(presentAreaNs).toBe(residenceNs);
        });
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  test("keeps its ratios between 0 and 1, and waits that fit its queues", () => {
    fc.assert(
      fc.property(architecture, (given) => {
        const { components } = run(given, durationMs).results();
        for (const {
          utilization,
          workUtilization,
          queueLengthMean,
          queueLengthMax,
          inFlightMean,
          latency,
        } of components) {
          expect(utilization).toBeLessThanOrEqual(1);
          expect(workUtilization).toBeLessThanOrEqual(utilization);
          expect(workUtilization).toBeGreaterThanOrEqual(0);
          expect(queueLengthMean).toBeLessThanOrEqual(Math.min(queueLengthMax, inFlightMean));
          expect(latency.p50Ms).toBeLessThanOrEqual(latency.p99Ms);
          expect(latency.p999Ms).toBeLessThanOrEqual(latency.maxMs);
        }
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  test("is the same in one piece, in slices, and again", () => {
    fc.assert(
      fc.property(architecture, fc.constantFrom(3, 50, 333.3), (given, sliceMs) => {
        const whole = run(given, durationMs).results();
        expect(run(given, sliceMs, (at) => at.frame()).results()).toEqual(whole);
        expect(run(given, durationMs).results().eventTraceHash).toBe(whole.eventTraceHash);
      }),
      { numRuns: 40, seed: 4 },
    );
  });
});
