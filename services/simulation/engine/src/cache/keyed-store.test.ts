import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeyedCacheOptions } from "../architecture.ts";
import { createStore, type KeyedStore } from "./keyed-store.ts";

interface Entry {
  key: number;
  uses: number;
  /** Step at which it came to the place it has in the order of eviction. */
  placed: number;
  expiresMs: number;
}

/** The policies as one would write them down, without a thought for speed. */
class ObviousStore {
  readonly #options: KeyedCacheOptions;
  readonly #entries = new Map<number, Entry>();
  #steps = 0;

  constructor(options: KeyedCacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  lookup(key: number, nowMs: number): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    if (entry.expiresMs <= nowMs) {
      this.#entries.delete(key);
      return false;
    }
    const { policy, ttlResetsOnHit = false } = this.#options;
    entry.uses++;
    if (policy !== "ttl" || ttlResetsOnHit) entry.placed = ++this.#steps;
    if (ttlResetsOnHit) entry.expiresMs = this.#expiry(nowMs);
    return true;
  }

  fill(key: number, nowMs: number): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.#options.capacity) this.#evict();
    const uses = (this.#entries.get(key)?.uses ?? 0) + 1;
    this.#entries.set(key, { key, uses, placed: ++this.#steps, expiresMs: this.#expiry(nowMs) });
  }

  clear(): void {
    this.#entries.clear();
  }

  #expiry(nowMs: number): number {
    return this.#options.ttlMs === 0 ? Number.POSITIVE_INFINITY : nowMs + this.#options.ttlMs;
  }

  #evict(): void {
    const rank = (entry: Entry) => (this.#options.policy === "lfu" ? entry.uses : 0);
    const [victim] = [...this.#entries.values()].sort((a, b) => rank(a) - rank(b) || a.placed - b.placed);
    if (victim !== undefined) this.#entries.delete(victim.key);
  }
}

const keys = 12;
const nsPerMs = 1e6;

const options: fc.Arbitrary<KeyedCacheOptions> = fc
  .record({
    policy: fc.constantFrom("lru" as const, "lfu" as const, "ttl" as const, "sliding" as const),
    ttlMs: fc.constantFrom(0, 5, 20),
    capacity: fc.constantFrom(1, 2, 3, 5, 100),
  })
  .map(({ policy, ttlMs, capacity }) => ({
    keys,
    skew: 1,
    capacity,
    singleFlight: false,
    ...(policy === "sliding"
      ? { policy: "ttl" as const, ttlMs: ttlMs || 8, ttlResetsOnHit: true }
      : { policy, ttlMs: policy === "ttl" ? ttlMs || 8 : ttlMs }),
  }));

const step = fc.record({
  kind: fc.oneof(
    { weight: 10, arbitrary: fc.constant("request") },
    { weight: 3, arbitrary: fc.constant("lookup") },
    { weight: 3, arbitrary: fc.constant("fill") },
    { weight: 1, arbitrary: fc.constant("clear") },
  ),
  key: fc.nat(keys - 1),
  pauseMs: fc.constantFrom(0, 0, 1, 4),
});

/** A request that misses is filled at once. */
function take(store: KeyedStore | ObviousStore, { kind, key }: { kind: string; key: number }, now: number): boolean {
  if (kind === "clear") store.clear();
  const isHit = (kind === "lookup" || kind === "request") && store.lookup(key, now);
  if (kind === "fill" || (kind === "request" && !isHit)) store.fill(key, now);
  return isHit;
}

describe("createStore", () => {
  test("hits, misses and holds as an obvious model does, whatever the policy and the sequence", () => {
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 120, size: "max" }), (given, steps) => {
        const store = createStore(given);
        const model = new ObviousStore(given);
        let nowMs = 0;
        for (const one of steps) {
          nowMs += one.pauseMs;
          expect(take(store, one, nowMs * nsPerMs)).toBe(take(model, one, nowMs));
          expect(store.size).toBe(model.size);
        }
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  test("the same holds where the index is hashed, because there are many more keys than entries", () => {
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 120, size: "max" }), (given, steps) => {
        const store = createStore({ ...given, keys: 1_000_000, capacity: Math.min(given.capacity, keys) });
        const model = new ObviousStore(given);
        let nowMs = 0;
        for (const one of steps) {
          nowMs += one.pauseMs;
          const isHit = take(store, { ...one, key: one.key * 80_021 }, nowMs * nsPerMs);
          expect(isHit).toBe(take(model, one, nowMs));
        }
      }),
      { numRuns: 200, seed: 4 },
    );
  });
});
