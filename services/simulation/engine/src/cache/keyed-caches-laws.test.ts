/*
 * What must hold exactly with keyed caches in the way, tried on random ones whose callers and fetches run out of patience:
 * no request is lost or answered twice, and every lookup is a hit or a miss.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Architecture, KeyedCacheOptions } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { component, exponential, link, poisson } from "../scenario.ts";
import { Simulation } from "../simulation.ts";

const cache: fc.Arbitrary<KeyedCacheOptions> = fc.record({
  keys: fc.constantFrom(1, 3, 50),
  skew: fc.constantFrom(0, 1),
  capacity: fc.constantFrom(1, 5, 100),
  policy: fc.constantFrom("lru" as const, "lfu" as const, "ttl" as const),
  ttlMs: fc.constantFrom(5, 100),
  singleFlight: fc.boolean(),
});

const architecture: fc.Arbitrary<Architecture> = fc
  .record({
    cache,
    instances: fc.integer({ min: 1, max: 3 }),
    concurrency: fc.constantFrom(1, 4, 50),
    queueCapacity: fc.constantFrom(0, 3, 1000),
    fanOut: fc.constantFrom("sequential" as const, "parallel" as const),
    errorRatio: fc.constantFrom(0, 0.3),
    callerTimeoutMs: fc.constantFrom(0, 15),
    fetchTimeoutMs: fc.constantFrom(0, 15),
    callsPerRequest: fc.constantFrom(0, 1, 2.5),
    isAsynchronous: fc.boolean(),
  })
  .map((given) => {
    const { cache, instances, concurrency, queueCapacity, fanOut, errorRatio } = given;
    const { callerTimeoutMs, fetchTimeoutMs, callsPerRequest, isAsynchronous: asynchronous } = given;
    const patience = { timeoutMs: callerTimeoutMs, retries: 2, retryBackoffMs: 3 };
    return {
      components: [
        component("client", "client"),
        component("cache", "cache", { cache, instances, concurrency, queueCapacity, fanOut, errorRatio }),
        component("db", "database", { concurrency: 3, serviceTime: exponential(10), queueCapacity: 20, errorRatio }),
        component("log", "queue"),
      ],
      links: [
        link("client", "cache", patience),
        link("cache", "db", { timeoutMs: fetchTimeoutMs, retries: 1, callsPerRequest }),
        link("cache", "log", { asynchronous }),
      ],
      workloads: [poisson("client", 300)],
    };
  });

test("with keyed caches no request is lost, Little's law holds to the nanosecond, and every lookup has one outcome", () => {
  fc.assert(
    fc.property(architecture, (given) => {
      const simulation = new Simulation(compileModel(given), { seed: 3, durationMs: 1000 });
      for (let slice = 1; !simulation.done; slice++) {
        simulation.runUntil(slice * 90);
        for (const { arrivals, completed, failed, shed, inFlight, presentAreaNs, residenceNs } of simulation.audit()) {
          expect(arrivals).toBe(completed + failed + shed + inFlight);
          expect(presentAreaNs).toBe(residenceNs);
        }
        const found = simulation.results().components.find(({ id }) => id === "cache");
        if (found === undefined) throw new Error("the results have no cache");
        const { completed, cacheHits, cacheMisses, collapsedMisses, inFlight, failed } = found;
        expect(collapsedMisses).toBeLessThanOrEqual(cacheMisses);
        expect(cacheHits + cacheMisses).toBeGreaterThanOrEqual(completed);
        expect(cacheHits + cacheMisses).toBeLessThanOrEqual(completed + failed + inFlight);
      }
    }),
    { numRuns: 80, seed: 6 },
  );
});
