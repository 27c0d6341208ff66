/*
 * The stores against exact hit ratios under the independent reference model: each request asks for key i with
 * probability p_i, whatever was asked before. Poisson requests, twenty replications.
 */
import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { createStore, type KeyedStore } from "./keyed-store.ts";
import { LfuStore } from "./lfu.ts";
import { QueueStore } from "./queue-store.ts";
import { ZipfKeys } from "./zipf.ts";

const seeds = Array.from({ length: 20 }, (_, index) => 500 + index);

/** Throws unless the mean lies within four standard errors and these are below the given part of the exact value. */
function expectMean(values: readonly number[], exact: number, precision: number): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const standardError = Math.sqrt(variance / values.length);
  expect(standardError).toBeLessThan(precision * exact);
  expect(Math.abs(mean - exact)).toBeLessThan(4 * standardError);
}

describe("a small store", () => {
  const popularity = [0.4, 0.3, 0.2, 0.1];
  const draw = (stream: RandomStream) => {
    const uniform = stream.uniform();
    return uniform < 0.4 ? 0 : uniform < 0.7 ? 1 : uniform < 0.9 ? 2 : 3;
  };
  const limits = { keys: 4, capacity: 2, ttlNs: Number.POSITIVE_INFINITY };

  function hitRatios(create: () => QueueStore | LfuStore): number[] {
    const warmup = 100;
    const requests = 20_000;
    return seeds.map((seed) => {
      const stream = new RandomStream(seed, "popularity");
      const store = create();
      let hits = 0;
      for (let request = -warmup; request < requests; request++) {
        const key = draw(stream);
        if (store.lookup(key, request)) {
          if (request >= 0) hits++;
        } else {
          store.fill(key, request);
        }
      }
      return hits / requests;
    });
  }

  test("hits as King's exact sum says for LRU: the last two different keys, in either order", () => {
    let exact = 0;
    for (const [i, last] of popularity.entries()) {
      for (const [j, other] of popularity.entries()) {
        if (i !== j) exact += ((last * other) / (1 - last)) * (last + other);
      }
    }
    expect(exact).toBeCloseTo(0.5806, 4);
    expectMean(
      hitRatios(() => new QueueStore(limits, "moves")),
      exact,
      0.002,
    );
  });

  test("without moves on a hit is first in, first out: its pairs are weighted by p_i p_j alone", () => {
    let weight = 0;
    let hits = 0;
    for (const [i, one] of popularity.entries()) {
      for (const [j, other] of popularity.entries()) {
        if (i === j) continue;
        weight += one * other;
        hits += one * other * (one + other);
      }
    }
    expectMean(
      hitRatios(() => new QueueStore(limits, "nothing")),
      hits / weight,
      0.002,
    );
  });

  test("of the least frequently used never gives up what was used most, and the other place to whoever came last", () => {
    const usedMost = () => {
      const store = new LfuStore(limits);
      store.fill(0, -1000);
      for (let use = 0; use < 1000; use++) store.lookup(0, -1000);
      return store;
    };
    const exact = 0.4 + (0.3 ** 2 + 0.2 ** 2 + 0.1 ** 2) / 0.6;
    expectMean(hitRatios(usedMost), exact, 0.002);
  });
});

describe("a store whose entries live 60 s, 10 000 keys of skew 0.8 at 1000 requests per second", () => {
  const lifeNs = 60e9;
  const weights = Array.from({ length: 10_000 }, (_, key) => (key + 1) ** -0.8);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const expectedInLife = weights.map((weight) => (60_000 * weight) / total);

  /** Sixty seconds that begin in equilibrium, which `prepare` brings about. */
  function hitRatios(ttlResetsOnHit: boolean, prepare: (store: KeyedStore, seed: number) => void): number[] {
    const options = { keys: 10_000, skew: 0.8, capacity: 10_000, singleFlight: false };
    return seeds.map((seed) => {
      const store = createStore({ ...options, policy: "ttl", ttlMs: 60_000, ttlResetsOnHit });
      prepare(store, seed);
      return request(store, seed, 0);
    });
  }

  /** Poisson requests from then on for one life; the share that hit. */
  function request(store: KeyedStore, seed: number, fromNs: number): number {
    const keys = new ZipfKeys(10_000, 0.8, new RandomStream(seed, `key ${fromNs}`));
    const gaps = new RandomStream(seed, `arrival ${fromNs}`);
    let requests = 0;
    let hits = 0;
    for (let nowNs = fromNs; nowNs < fromNs + lifeNs; nowNs += Math.round(gaps.exponential() * 1e6)) {
      const key = keys.next();
      requests++;
      if (store.lookup(key, nowNs)) hits++;
      else store.fill(key, nowNs);
    }
    return hits / requests;
  }

  /** Held with the probability of a hit, and then of any age: keys that are always asked for would else expire in step. */
  function fillAsInEquilibrium(store: KeyedStore, seed: number): void {
    const stream = new RandomStream(seed, "start");
    const writtenNs = expectedInLife.map((expected) =>
      stream.chance(expected / (1 + expected)) ? -Math.floor(lifeNs * stream.uniform()) : Number.NEGATIVE_INFINITY,
    );
    const held = [...writtenNs.keys()].filter((key) => Number.isFinite(writtenNs[key]));
    held.sort((a, b) => (writtenNs[a] as number) - (writtenNs[b] as number));
    for (const key of held) store.fill(key, writtenNs[key] as number);
  }

  const mean = (hitRatioOf: (expected: number) => number) =>
    weights.reduce((sum, weight, key) => sum + (weight / total) * hitRatioOf(expectedInLife[key] as number), 0);

  test("hits λT / (1 + λT) of the requests for a key when a hit does not renew a life", () => {
    const exact = mean((expected) => expected / (1 + expected));
    expect(exact).toBeCloseTo(0.8782, 4);
    expectMean(hitRatios(false, fillAsInEquilibrium), exact, 0.001);
  });

  test("hits 1 - exp(-λT) of them when it does", () => {
    const exact = mean((expected) => 1 - Math.exp(-expected));
    expect(exact).toBeCloseTo(0.9689, 4);
    // What is held depends on the last life alone.
    const live = (store: KeyedStore, seed: number) => request(store, seed, -lifeNs);
    expectMean(hitRatios(true, live), exact, 0.001);
  });
});
