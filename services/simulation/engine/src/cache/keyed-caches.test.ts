import { describe, expect, test } from "vitest";
import type { Architecture, Component, KeyedCacheOptions, Link } from "../architecture.ts";
import { estimateEvents } from "../estimate-events.ts";
import { compileModel } from "../model.ts";
import { ModelError } from "../model-error.ts";
import { expectMean, replicate } from "../replications.ts";
import { component, constant, constantRate, link, poisson, resultsOfComponent, simulate } from "../scenario.ts";
import { Simulation } from "../simulation.ts";

const oneKey: KeyedCacheOptions = {
  keys: 1,
  skew: 0,
  capacity: 1,
  policy: "lru",
  ttlMs: 0,
  singleFlight: false,
};

/** A client, the cache with keys, and a database behind it. */
function cached(
  cache: KeyedCacheOptions,
  ratePerSecond: number,
  given: { cache?: Partial<Component>; database?: Partial<Component>; toCache?: Partial<Link> } = {},
): Architecture {
  return {
    components: [
      component("client", "client"),
      component("cache", "cache", { concurrency: 1000, cache, ...given.cache }),
      component("db", "database", { concurrency: 1000, ...given.database }),
    ],
    links: [link("client", "cache", given.toCache), link("cache", "db")],
    workloads: [poisson("client", ratePerSecond)],
  };
}

/** Two hundred requests reach the cache at 2 s: one request, two services, a hundred parallel calls each. */
function stampede(cache: KeyedCacheOptions, database: Partial<Component> = {}, fromCache: Partial<Link> = {}) {
  const caller = { fanOut: "parallel" as const };
  return simulate(
    {
      components: [
        component("client", "client", caller),
        component("a", "service", caller),
        component("b", "service", caller),
        component("cache", "cache", { concurrency: 200, cache }),
        component("db", "database", { concurrency: 10, serviceTime: constant(50), ...database }),
      ],
      links: [
        link("client", "a"),
        link("client", "b"),
        link("a", "cache", { callsPerRequest: 100 }),
        link("b", "cache", { callsPerRequest: 100 }),
        link("cache", "db", fromCache),
      ],
      workloads: [constantRate("client", 0.5)],
    },
    { durationMs: 3500 },
  );
}

describe("a stampede of 200 requests on one key that is not held", () => {
  test("sends them all to a database of ten slots and 50 ms, which is done after a second", () => {
    const results = stampede(oneKey).results();
    expect(resultsOfComponent(results, "db")).toMatchObject({ arrivals: 200, completed: 200 });
    expect(resultsOfComponent(results, "cache")).toMatchObject({ cacheHits: 0, cacheMisses: 200, collapsedMisses: 0 });
    expect(resultsOfComponent(results, "cache").latency.maxMs).toBe(1000);
    expect(results.latency.maxMs).toBe(1000);
  });

  test("with single flight makes one call, which answers them all after 50 ms", () => {
    const results = stampede({ ...oneKey, singleFlight: true }).results();
    expect(resultsOfComponent(results, "db")).toMatchObject({ arrivals: 1, completed: 1 });
    expect(resultsOfComponent(results, "cache")).toMatchObject({
      completed: 200,
      cacheHits: 0,
      cacheMisses: 200,
      collapsedMisses: 199,
    });
    expect(resultsOfComponent(results, "cache").latency).toMatchObject({ meanMs: 50, maxMs: 50 });
    expect(results.latency.maxMs).toBe(50);
  });

  test("with single flight shares the failure as well, and holds nothing", () => {
    const simulation = stampede({ ...oneKey, singleFlight: true }, { errorRatio: 1 });
    const results = simulation.results();
    expect(resultsOfComponent(results, "db").arrivals).toBe(1);
    expect(resultsOfComponent(results, "cache")).toMatchObject({ completed: 0, failed: 200, cacheHits: 0 });
    for (const { arrivals, completed, failed, shed, inFlight } of simulation.audit()) {
      expect(arrivals).toBe(completed + failed + shed + inFlight);
    }
  });

  test("lets all of them go when the one they wait for gives up", () => {
    const results = stampede({ ...oneKey, singleFlight: true }, {}, { timeoutMs: 20 }).results();
    expect(resultsOfComponent(results, "cache")).toMatchObject({ failed: 200, inFlight: 0 });
    expect(results.latency.maxMs).toBe(0);
    expect(resultsOfComponent(results, "cache").inFlightMean * 3.5).toBeCloseTo(200 * 0.02, 6);
  });
});

describe("a cache with keys", () => {
  test("misses once for a key that never expires, and hits from then on", () => {
    const results = simulate(cached(oneKey, 100), { durationMs: 10_000 }).results();
    const { cacheHits, cacheMisses, arrivals } = resultsOfComponent(results, "cache");
    expect(cacheMisses).toBe(1);
    expect(cacheHits).toBe(arrivals - 1);
    expect(resultsOfComponent(results, "db")).toMatchObject({ arrivals: 1, cacheHits: 0, cacheMisses: 0 });
  });

  test("holds nothing that was answered badly", () => {
    const architecture = cached(oneKey, 100, { database: { errorRatio: 1 } });
    const results = simulate(architecture, { durationMs: 5000 }).results();
    expect(resultsOfComponent(results, "cache").cacheHits).toBe(0);
  });

  test("holds a key in each instance for itself", () => {
    const architecture = cached(oneKey, 1000, { cache: { instances: 3 } });
    const results = simulate(architecture, { durationMs: 5000 }).results();
    expect(resultsOfComponent(results, "cache").cacheMisses).toBe(3);
  });

  test("asks for the same key again when it retries", () => {
    // Nobody waits longer than 5 ms, the database takes 8: the second attempt comes at 5 ms, the third, at 10, hits.
    const cache = { ...oneKey, keys: 10_000_000 };
    const architecture = cached(cache, 1, {
      database: { serviceTime: constant(8) },
      toCache: { timeoutMs: 5, retries: 2 },
    });
    const results = simulate(
      { ...architecture, workloads: [constantRate("client", 1)] },
      { durationMs: 10_500 },
    ).results();
    expect(results).toMatchObject({ completed: 10, failed: 0 });
    expect(resultsOfComponent(results, "cache")).toMatchObject({ cacheHits: 10, cacheMisses: 20 });
  });

  test("is the same in slices of any size", () => {
    const cache = { ...oneKey, keys: 50, capacity: 5, ttlMs: 200, singleFlight: true, skew: 1 };
    const architecture = cached(cache, 300, { cache: { instances: 2 }, database: { serviceTime: constant(20) } });
    const whole = simulate(architecture, { durationMs: 5000 }).results();
    const sliced = new Simulation(compileModel(architecture), { seed: 1, durationMs: 5000 });
    for (let slice = 1; !sliced.done; slice++) sliced.runUntil(slice * 3);
    expect(sliced.results()).toEqual(whole);
    expect(resultsOfComponent(whole, "cache").collapsedMisses).toBeGreaterThan(0);
  });

  test("is estimated to hit what it could hold", () => {
    const cache = { ...oneKey, keys: 1000, capacity: 1000 };
    const events = (given: KeyedCacheOptions) => estimateEvents(compileModel(cached(given, 100)), 1000);
    expect(events(cache)).toBe(400);
    expect(events({ ...cache, capacity: 500 })).toBeCloseTo(550, 0);
  });
});

describe("hit ratios through the engine", () => {
  const hitRatio = (results: Parameters<typeof resultsOfComponent>[0]) => {
    const { cacheHits, cacheMisses } = resultsOfComponent(results, "cache");
    return cacheHits / (cacheHits + cacheMisses);
  };

  test("of one key with a life of 10 s, asked for once a second, is 10 / 11", () => {
    const runs = replicate(cached({ ...oneKey, policy: "ttl", ttlMs: 10_000 }, 1), {
      requests: 3000,
      ratePerSecond: 1,
      warmupSeconds: 100,
    });
    expectMean(runs, hitRatio, 10 / 11, { precision: 0.001 });
  });

  test("of LRU over 2000 keys of skew 0.8 are those of Che's approximation, for several capacities", () => {
    const weights = Array.from({ length: 2000 }, (_, key) => (key + 1) ** -0.8);
    for (const capacity of [100, 500]) {
      const cache = { ...oneKey, keys: 2000, skew: 0.8, capacity };
      const runs = replicate(cached(cache, 1000), { requests: 6000, ratePerSecond: 1000, warmupSeconds: 2 });
      // Itself off by a few tenths of a per cent (Fricker, Robert and Roberts, 2012).
      expectMean(runs, hitRatio, cheHitRatio(weights, capacity), { precision: 0.007, bias: 0.005 });
    }
  });

  test("after a flush grow as new keys are asked for: n requests miss once for each different key among them", () => {
    const [ratePerSecond, seconds] = [1000, 1];
    const cache = { ...oneKey, keys: 500, skew: 0.8, capacity: 500 };
    const weights = Array.from({ length: 500 }, (_, key) => (key + 1) ** -0.8);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const exact = weights.reduce((sum, weight) => sum + 1 - Math.exp((-ratePerSecond * seconds * weight) / total), 0);
    const runs = Array.from({ length: 20 }, (_, index) => {
      const durationMs = 5000 + seconds * 1000;
      const options = { seed: 2000 + index, durationMs, warmupMs: 5000 };
      const simulation = new Simulation(compileModel(cached(cache, ratePerSecond)), options);
      simulation.runUntil(5000);
      simulation.flushCache("cache");
      simulation.runUntil(durationMs);
      return simulation.results();
    });
    expectMean(runs, (run) => resultsOfComponent(run, "cache").cacheMisses, exact, { precision: 0.01 });
    const unflushed = simulate(cached(cache, ratePerSecond), { durationMs: 6000, warmupMs: 5000 }).results();
    expect(resultsOfComponent(unflushed, "cache").cacheMisses).toBeLessThan(exact / 5);
  });

  test("a flush of what is not there is refused, and of a cache without keys does nothing", () => {
    const simulation = simulate(cached(oneKey, 1), { durationMs: 1000 });
    expect(() => simulation.flushCache("nowhere")).toThrow(RangeError);
    expect(() => simulation.flushCache("db")).not.toThrow();
  });
});

describe("compileModel", () => {
  test.each([
    ["no keys", { keys: 0 }, {}, "cache.keys", /cache\.keys is 0; allowed are whole numbers from 1 to 10000000/],
    ["half an entry", { capacity: 0.5 }, {}, "cache.capacity", /is 0\.5/],
    ["a steep skew", { skew: 6 }, {}, "cache.skew", /is 6; allowed is 0 to 5/],
    ["no skew", { skew: Number.NaN }, {}, "cache.skew", /is NaN/],
    ["an unknown policy", { policy: "random" as "lru" }, {}, "cache.policy", /"random"; allowed are lru, lfu, ttl/],
    ["a negative life", { ttlMs: -1 }, {}, "cache.ttlMs", /is -1/],
    ["entries without a life under ttl", { policy: "ttl" as const }, {}, "cache.ttlMs", /above 0/],
    ["a sliding expiry under lru", { ttlResetsOnHit: true }, {}, "cache.ttlResetsOnHit", /policy is lru/],
    ["keys of a service", {}, { kind: "service" as const }, "cache", /given for a service/],
    [
      "entries for more memory than there is",
      { keys: 1e6, capacity: 1e6 },
      { instances: 11 },
      "cache.capacity",
      /11 inst/,
    ],
  ] as const)("refuses %s and says where", (_, options, given, field, message) => {
    const architecture = cached({ ...oneKey, ...options }, 1, { cache: given });
    let issues: ModelError["issues"] = [];
    try {
      compileModel(architecture);
    } catch (error) {
      if (error instanceof ModelError) issues = error.issues;
    }
    expect(issues).toEqual([
      { component: "cache", field, message: expect.stringMatching(/^component "cache": cache/) },
    ]);
    expect(issues[0]?.message).toMatch(message);
  });
});

/** Che, Tung and Wang, 2002: a key is held while it was asked for in the last `window` requests, which are solved for. */
function cheHitRatio(weights: readonly number[], capacity: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const held = (weight: number, window: number) => 1 - Math.exp((-window * weight) / total);
  let [low, high] = [0, 1e9];
  for (let step = 0; step < 100; step++) {
    const window = (low + high) / 2;
    if (weights.reduce((sum, weight) => sum + held(weight, window), 0) < capacity) low = window;
    else high = window;
  }
  return weights.reduce((sum, weight) => sum + (weight / total) * held(weight, low), 0);
}
