/**
 * Caches with keys: expiry with and without renewal (each key by itself: Jung, Berger and Balakrishnan 2003), least recently
 * used for a cache so small that it is exact (King 1971), and a stampede of misses for one key.
 */
import type { Architecture, KeyedCacheOptions } from "../../src/architecture.ts";
import { component, constant, link, poisson, type resultsOfComponent } from "../../src/scenario.ts";
import type { Case } from "../case.ts";
import { arrivalsPer, of, ofSystem } from "../read.ts";
import { lruOfTwoHits, missesFromEmpty, zipfShares } from "../theory.ts";

function cached(cache: KeyedCacheOptions, ratePerSecond: number): Architecture {
  return {
    components: [
      component("client", "client"),
      component("cache", "cache", { concurrency: 10_000, cache }),
      component("database", "database", { concurrency: 10_000 }),
    ],
    links: [link("client", "cache"), link("cache", "database")],
    workloads: [poisson("client", ratePerSecond)],
  };
}

const hitShare = ({ cacheHits, cacheMisses }: ReturnType<typeof resultsOfComponent>) =>
  cacheHits / (cacheHits + cacheMisses);

const everything = { keys: 10_000, skew: 0.8, capacity: 10_000, singleFlight: false };
const shares = zipfShares(everything.keys, everything.skew);
const sum = (terms: readonly number[]) => terms.reduce((total, term) => total + term, 0);
const run = { durationMs: 240_000, warmupMs: 120_000, isFixed: true };
const lifeSeconds = 60;
/** Of one key in the minutes that are measured. */
const misses = (share: number) =>
  missesFromEmpty(1000 * share, lifeSeconds, 240) - missesFromEmpty(1000 * share, lifeSeconds, 120);

const expiries = [
  {
    id: "V17b",
    // Keys expire together in the first minutes: .8764 now, the published .8782 when they no longer do.
    what: "10 000 keys, Zipf .8, for a minute each, 1000 requests/s, from the third minute on",
    cache: { ...everything, policy: "ttl", ttlMs: lifeSeconds * 1000 },
    exact: 1 - sum(shares.map(misses)) / 120_000,
  },
  {
    id: "V17b-renewed",
    what: "the same, where each hit begins the minute anew",
    cache: { ...everything, policy: "ttl", ttlMs: lifeSeconds * 1000, ttlResetsOnHit: true },
    exact: sum(shares.map((share) => share * (1 - Math.exp(-share * 1000 * lifeSeconds)))),
  },
] as const;

const ttl: Case[] = [
  ...expiries.map(
    ({ id, what, cache, exact }): Case => ({
      id,
      what,
      model: cached(cache, 1000),
      run,
      figures: [{ name: "hits", unit: "", exact, precision: 0.002, read: of("cache", hitShare) }],
    }),
  ),
  {
    id: "V17b-one",
    what: "one key for 10 s, asked for once a second",
    model: cached({ keys: 1, skew: 0, capacity: 1, policy: "ttl", ttlMs: 10_000, singleFlight: false }, 1),
    run: { durationMs: 20_000_000, warmupMs: 100_000 },
    figures: [{ name: "hits", unit: "", exact: 10 / 11, precision: 0.001, read: of("cache", hitShare) }],
  },
];

const leastRecentlyUsed: Case = {
  id: "V17c",
  what: "least recently used, room for two of four keys of Zipf 1",
  model: cached({ keys: 4, skew: 1, capacity: 2, policy: "lru", ttlMs: 0, singleFlight: false }, 1000),
  run: { durationMs: 60_000, warmupMs: 1000 },
  figures: [
    { name: "hits", unit: "", exact: lruOfTwoHits(zipfShares(4, 1)), precision: 0.003, read: of("cache", hitShare) },
  ],
};

/** Shares of the same keys when one of them, the least wanted, becomes hot. */
const hotShares = zipfShares(4, 1).map((share, key) => share * 0.5 + (key === 3 ? 0.5 : 0));
const hotKey: Case = {
  ...leastRecentlyUsed,
  id: "V17c-hot",
  what: "the same, where half of the requests ask for the key that was least wanted",
  run: {
    ...leastRecentlyUsed.run,
    changes: () => [{ atMs: 0, change: { kind: "keys", component: "cache", hotShare: 0.5 } }],
  },
  figures: [{ name: "hits", unit: "", exact: lruOfTwoHits(hotShares), precision: 0.003, read: of("cache", hitShare) }],
};

const stampede = [
  { singleFlight: false, calls: 200, lastMs: 1000 },
  { singleFlight: true, calls: 1, lastMs: 50 },
].map(
  ({ singleFlight, calls, lastMs }): Case => ({
    id: `V27c-${singleFlight ? "single-flight" : "all"}`,
    what: `200 clients miss one key, ${singleFlight ? "one fetches it for all" : "each fetches it"}: 10 slots of 50 ms`,
    model: {
      components: [
        component("client", "client"),
        component("cache", "cache", {
          concurrency: 1000,
          cache: { keys: 1, skew: 0, capacity: 1, policy: "lru", ttlMs: 0, singleFlight },
        }),
        component("database", "database", { concurrency: 10, serviceTime: constant(50) }),
      ],
      links: [link("client", "cache"), link("cache", "database")],
      workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: Array(200).fill(0) }],
    },
    run: { durationMs: 2000, isFixed: true },
    figures: [
      { name: "calls", unit: "", exact: calls, precision: 0, read: of("database", (one) => one.arrivals) },
      { name: "last", unit: "ms", exact: lastMs, precision: 0, read: ofSystem((run) => run.latency.maxMs) },
      {
        name: "calls per miss",
        unit: "",
        exact: calls / 200,
        precision: 0,
        read: arrivalsPer("database", "cache"),
      },
    ],
  }),
);

export const caches: readonly Case[] = [...ttl, leastRecentlyUsed, hotKey, ...stampede];
