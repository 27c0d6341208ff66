/**
 * What one instance of a cache holds, and the three ways to choose what it gives up.
 *
 * - lru: the entry whose last use is longest ago.
 * - lfu: the entry used least since it came in; see `lfu.ts`.
 * - ttl: the entry that would expire first, which is the one written first.
 *
 * Every policy may have a time to live. It counts from when the entry was written, and a hit does not renew it: that is
 * what an expiry set with the value does in the usual servers. With Poisson requests for a key at rate λ such an entry
 * answers λT / (1 + λT) of them; one that each hit renews (`ttlResetsOnHit`), 1 - exp(-λT) (Fofack, Nain, Neglia and
 * Towsley, 2012). Expired entries take room until they are asked for or evicted.
 */
import type { KeyedCacheOptions } from "../architecture.ts";
import { LfuStore } from "./lfu.ts";
import { QueueStore } from "./queue-store.ts";

const nsPerMs = 1e6;

/** Keys are whole numbers from 0; times never go back. */
export interface KeyedStore {
  /** Entries held, expired ones included that nobody has asked for since. */
  readonly size: number;
  /** Whether the key is held and not expired; if so, this was a use of it. */
  lookup(key: number, nowNs: number): boolean;
  /** Writes the key, for which another may have to go. A key that is held counts as used, and its life begins anew. */
  fill(key: number, nowNs: number): void;
  clear(): void;
}

export interface StoreLimits {
  readonly keys: number;
  readonly capacity: number;
  /** Infinity: entries never expire. */
  readonly ttlNs: number;
}

export function createStore(options: KeyedCacheOptions): KeyedStore {
  const { keys, policy, ttlMs, ttlResetsOnHit = false } = options;
  // Entries beyond one per key would never be used.
  const capacity = Math.min(options.capacity, keys);
  const limits = { keys, capacity, ttlNs: ttlMs === 0 ? Number.POSITIVE_INFINITY : Math.round(ttlMs * nsPerMs) };
  if (policy === "lfu") return new LfuStore(limits);
  if (policy === "lru") return new QueueStore(limits, "moves");
  return new QueueStore(limits, ttlResetsOnHit ? "renews" : "nothing");
}
