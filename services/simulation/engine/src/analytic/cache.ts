/**
 * How often a cache of keys hits, when each request asks for a key independently (the independent reference model).
 *
 * LRU: Che's approximation (Che, Tung, Wang 2002; why it is so good: Fricker, Robert, Roberts 2012) gives every key the
 * same time T until it is evicted if nobody asks, with T such that the cache is just full. Exactly, King (1971): the most
 * recent keys in order; summed here over sets instead of orders, 2^keys steps, for up to 20 keys.
 * TTL: a key lives a fixed time from its loading (a renewal each miss) or from its last use.
 */
import { rootOf } from "./quantile.ts";

const mostExactKeys = 20;

/** Probabilities of `keys` keys, the i-th ∝ i^-exponent. */
export function zipfPopularity(keys: number, exponent: number): Float64Array {
  const weights = Float64Array.from({ length: keys }, (_, index) => (index + 1) ** -exponent);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Share of hits of an LRU cache with room for `capacity` keys, by Che's approximation. */
export function lruHitRatio(popularity: Float64Array, capacity: number): number {
  if (capacity <= 0) return 0;
  if (capacity >= popularity.length) return 1;
  const free = (requests: number) => capacity - weightOfRecent(popularity, requests, false);
  let above = capacity;
  while (free(above) > 0) above *= 2;
  return weightOfRecent(popularity, rootOf(free, 0, above), true);
}

/** Keys asked for within the last `requests` requests: how many, or what share of the requests they draw. */
function weightOfRecent(popularity: Float64Array, requests: number, byPopularity: boolean): number {
  let sum = 0;
  for (const share of popularity) sum += -Math.expm1(-share * requests) * (byPopularity ? share : 1);
  return sum;
}

/** The same, exactly. Throws RangeError beyond 20 keys. */
export function exactLruHitRatio(popularity: readonly number[], capacity: number): number {
  const keys = popularity.length;
  if (keys > mostExactKeys) throw new RangeError(`exact LRU is limited to ${mostExactKeys} keys, given were ${keys}`);
  if (capacity >= keys) return 1;
  // By set of keys: the probability that it holds the most recent ones, and what its keys draw.
  const probability = new Float64Array(2 ** keys);
  probability[0] = 1;
  let hits = 0;
  for (let set = 0; set < probability.length; set++) {
    let size = 0;
    let drawn = 0;
    for (let key = 0; key < keys; key++) {
      if ((set & (1 << key)) === 0) continue;
      size++;
      drawn += popularity[key] as number;
    }
    if (size > capacity) continue;
    const reached = probability[set] as number;
    if (size === capacity) {
      hits += reached * drawn;
      continue;
    }
    for (let key = 0; key < keys; key++) {
      const larger = set | (1 << key);
      if (larger !== set) {
        probability[larger] = (probability[larger] as number) + (reached * (popularity[key] as number)) / (1 - drawn);
      }
    }
  }
  return hits;
}

/** Share of hits where keys live `ttlMs` after they were loaded or, with `isReset`, after they were last asked for. */
export function ttlHitRatio(
  popularity: Float64Array,
  given: { readonly requestsPerSecond: number; readonly ttlMs: number; readonly isReset: boolean },
): number {
  const requestsPerLife = (given.requestsPerSecond * given.ttlMs) / 1000;
  if (given.isReset) return weightOfRecent(popularity, requestsPerLife, true);
  let sum = 0;
  for (const share of popularity) sum += (share * share * requestsPerLife) / (1 + share * requestsPerLife);
  return sum;
}
