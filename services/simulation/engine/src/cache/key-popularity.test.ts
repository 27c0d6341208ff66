import { describe, expect, test } from "vitest";
import { lruOfTwoHits, zipfShares } from "../../verify/theory.ts";
import type { Architecture, KeyedCacheOptions } from "../architecture.ts";
import { Chooser } from "../balancing.ts";
import type { Change } from "../changes.ts";
import { checkChange } from "../check-change.ts";
import { compileModel } from "../model.ts";
import { RandomStream } from "../random.ts";
import { expectMean } from "../replications.ts";
import type { Results } from "../results.ts";
import { component, constantRate, link, poisson, resultsOfComponent, simulate } from "../scenario.ts";

interface Shift {
  readonly skew?: number;
  readonly hotShare?: number;
}

/** The shares in which keys are asked for then. */
function sharesOf(keys: number, { skew = 0, hotShare = 0 }: Shift): number[] {
  const shares = zipfShares(keys, skew).map((share) => share * (1 - hotShare));
  shares[keys - 1] = (shares[keys - 1] as number) + hotShare;
  return shares;
}

function twenty(model: Architecture, durationMs: number, change: Change): Results[] {
  const changes = [{ atMs: 0, change }];
  return Array.from({ length: 20 }, (_, seed) => simulate(model, { seed: 1000 + seed, durationMs, changes }).results());
}

const small: KeyedCacheOptions = { keys: 4, skew: 1, capacity: 2, policy: "lru", ttlMs: 0, singleFlight: false };

function cached(cache: KeyedCacheOptions): Architecture {
  return {
    components: [
      component("client", "client"),
      component("cache", "cache", { concurrency: 1000, cache }),
      component("db", "database", { concurrency: 1000 }),
    ],
    links: [link("client", "cache"), link("cache", "db")],
    workloads: [poisson("client", 1000)],
  };
}

describe("a cache whose keys shift", () => {
  test.each<Shift>([{ skew: 0 }, { skew: 2 }, { skew: 1, hotShare: 0.5 }, { skew: 0.5, hotShare: 0.8 }])(
    "hits as often as theory says of %j",
    (shift) => {
      const runs = twenty(cached(small), 6000, { kind: "keys", component: "cache", ...shift });
      const hitRatio = (results: Results) => {
        const { cacheHits, cacheMisses } = resultsOfComponent(results, "cache");
        return cacheHits / (cacheHits + cacheMisses);
      };
      // The first two of 6000 requests always miss.
      expectMean(runs, hitRatio, lruOfTwoHits(sharesOf(4, shift)), { precision: 0.005, bias: 0.0004 });
    },
  );

  test("does not hold the key that becomes hot, and holds nothing else when all ask for it", () => {
    const model = { ...cached({ ...small, keys: 1_000_000, capacity: 10 }), workloads: [constantRate("client", 100)] };
    const hot = { kind: "keys", component: "cache", hotShare: 1 } as const;
    const results = simulate(model, {
      durationMs: 2005,
      warmupMs: 1005,
      changes: [{ atMs: 1005, change: hot }],
    }).results();
    expect(resultsOfComponent(results, "cache")).toMatchObject({ cacheHits: 99, cacheMisses: 1 });
  });

  test("is as it was once nothing is said of them", () => {
    const hash = (...changes: Change[]) => {
      const planned = changes.map((change) => ({ atMs: 0, change }));
      return simulate(cached(small), { durationMs: 5000, changes: planned }).results().eventTraceHash;
    };
    const back = { kind: "keys", component: "cache" } as const;
    expect(hash({ ...back, skew: 2, hotShare: 0.5 }, back)).toBe(hash());
    expect(hash({ ...back, hotShare: 0.5 })).not.toBe(hash());
  });
});

describe("a balancer by consistent hashing", () => {
  const services = ["a", "b", "c", "d"];
  const sessions = 200;
  const model: Architecture = {
    components: [
      component("client", "client"),
      component("balancer", "load_balancer", { balancing: "consistent_hash", concurrency: 1000 }),
      ...services.map((id) => component(id, "service", { concurrency: 1000 })),
    ],
    links: [link("client", "balancer"), ...services.map((id) => link("balancer", id))],
    workloads: [{ ...poisson("client", 1000), sessions }],
  };
  const choices = { members: Int32Array.from(services.keys()), load: new Int32Array(4), weight: new Float64Array(4) };
  const chooser = new Chooser("consistent_hash", new RandomStream(1, "test"), choices, 2);
  const placeOf = Array.from({ length: sessions }, (_, session) => chooser.choose(0, 4, session));

  test.each<Shift>([{}, { hotShare: 0.5 }, { skew: 1.2 }, { skew: 1.2, hotShare: 0.3 }])(
    "gives every service what its sessions ask for: %j",
    (shift) => {
      const runs = twenty(model, 3000, { kind: "sessions", workload: "client-load", ...shift });
      const shares = sharesOf(sessions, shift);
      for (const [place, id] of services.entries()) {
        const exact = shares.reduce((sum, share, session) => sum + (placeOf[session] === place ? share : 0), 0);
        const read = (results: Results) => {
          return resultsOfComponent(results, id).arrivals / resultsOfComponent(results, "balancer").arrivals;
        };
        expectMean(runs, read, exact, { precision: 0.02 });
      }
    },
  );

  test("sends everything to one service when one session asks for all", () => {
    const change = { kind: "sessions", workload: "client-load", hotShare: 1 } as const;
    const results = simulate(model, { durationMs: 1000, changes: [{ atMs: 0, change }] }).results();
    const arrivals = services.map((id) => resultsOfComponent(results, id).arrivals);
    const hot = placeOf[sessions - 1] as number;
    expect(arrivals[hot]).toBeGreaterThan(0);
    expect(arrivals.filter((count) => count > 0)).toHaveLength(1);
  });
});

describe("a shift", () => {
  const model = compileModel(cached(small));

  test.each<[Change, string, string]>([
    [{ kind: "keys", component: "cache", skew: -1 }, "skew", "skew is -1; allowed is 0 to 5"],
    [{ kind: "keys", component: "cache", hotShare: 1.5 }, "hotShare", "hotShare is 1.5; allowed is 0 to 1"],
    [{ kind: "keys", component: "db", skew: 1 }, "component", `"db" is no cache with keys`],
    [{ kind: "sessions", workload: "none", skew: 1 }, "workload", `the model has no workload "none"`],
    [
      { kind: "sessions", workload: "client-load", skew: 1 },
      "workload",
      `no component balances by consistent_hash, so the sessions of "client-load" mean nothing`,
    ],
  ])("that is impossible is refused: %j", (change, field, message) => {
    expect(checkChange(change, model)).toEqual([{ field, message: `change "${change.kind}": ${message}` }]);
  });
});
