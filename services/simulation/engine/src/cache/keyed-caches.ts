/**
 * The caches of a run that have keys: what each instance holds, and which of its keys are being fetched.
 *
 * A visit that asks for a key has one of three outcomes.
 * - hit: it is answered now.
 * - fetch: it makes the calls behind the cache, and when they were answered well, the key is held from then on. So a
 *   request that comes while the first is still under way misses as well.
 * - wait: with single flight, another visit of this instance is fetching this key. It keeps its slot, makes no calls, and
 *   is answered together with the one it waits for, failure included: that is what sharing one call means in the usual
 *   libraries, and letting the next of the waiting try again would queue them one after the other behind a dead database.
 *
 * Every instance holds, fetches and waits on its own. The columns belong to visits and are `none` but between a fetch and
 * its end, so a visit to anything else costs nothing here.
 */
import type { KeyedCacheOptions } from "../architecture.ts";
import { grownInt32 } from "../grow-array.ts";
import type { Model } from "../model.ts";
import { RandomStream } from "../random.ts";
import { none, type VisitPool } from "../visit-pool.ts";
import { HashedIndex } from "./key-index.ts";
import { createStore, type KeyedStore } from "./keyed-store.ts";
import { ZipfKeys } from "./zipf.ts";

interface KeyedCache {
  readonly options: KeyedCacheOptions;
  readonly keys: ZipfKeys;
  /** By `VisitPool.instance`; made when an instance gets its first request. */
  readonly instances: (CacheInstance | undefined)[];
}

interface CacheInstance {
  readonly store: KeyedStore;
  /** Key to the visit that fetches it; not used without single flight. */
  readonly fetches: HashedIndex;
}

/** Fetches under way at once, of an instance, before their index has to grow. */
const usualFetches = 8;

export class KeyedCaches {
  /** By component: 1 when it is a cache with keys. */
  readonly isKeyed: Uint8Array;
  readonly #caches: (KeyedCache | undefined)[];
  readonly #visits: VisitPool;
  /** By visit: the key it fetches, and those that wait for it, chained through `VisitPool.next`. */
  #key: Int32Array;
  #firstWaiting: Int32Array;
  #lastWaiting: Int32Array;

  constructor(model: Model, visits: VisitPool, seed: number) {
    this.#visits = visits;
    this.isKeyed = new Uint8Array(model.components.length);
    this.#caches = model.components.map(({ id, index, cache }) => {
      if (cache === undefined) return undefined;
      this.isKeyed[index] = 1;
      const keys = new ZipfKeys(cache.keys, cache.skew, new RandomStream(seed, `component/${id}/key`));
      return { options: cache, keys, instances: [] };
    });
    this.#key = new Int32Array(0);
    this.#firstWaiting = new Int32Array(0);
    this.#lastWaiting = new Int32Array(0);
  }

  /** The key of a new request to this component. */
  drawKey(component: number): number {
    return (this.#caches[component] as KeyedCache).keys.next();
  }

  lookUp(visit: number, key: number, nowNs: number): "hit" | "fetch" | "wait" {
    const { options, instances } = this.#cacheOf(visit);
    const { store, fetches } = instances[this.#visits.instance[visit] as number] ?? this.#newInstance(visit);
    if (store.lookup(key, nowNs)) return "hit";
    if (options.singleFlight) {
      const fetching = fetches.get(key);
      if (fetching !== none) {
        this.#wait(visit, fetching);
        return "wait";
      }
      fetches.set(key, visit);
    }
    if (visit >= this.#key.length) this.#grow();
    this.#key[visit] = key;
    this.#firstWaiting[visit] = none;
    this.#lastWaiting[visit] = none;
    return "fetch";
  }

  /**
   * For every visit to a keyed cache that ends. If it fetched a key, that is over, and if well, the key is held. The answer
   * is the first of the visits that waited for it, from which `VisitPool.next` leads to the others, or `none`.
   */
  endFetch(visit: number, hasFailed: boolean, nowNs: number): number {
    const key = visit < this.#key.length ? (this.#key[visit] as number) : none;
    if (key === none) return none;
    this.#key[visit] = none;
    const { options, instances } = this.#cacheOf(visit);
    const { store, fetches } = instances[this.#visits.instance[visit] as number] as CacheInstance;
    if (!hasFailed) store.fill(key, nowNs);
    if (options.singleFlight) fetches.delete(key);
    return this.#firstWaiting[visit] as number;
  }

  /** Every instance of this component holds nothing from now on; fetches that are under way go on. */
  flush(component: number): void {
    const instances = this.#caches[component]?.instances ?? [];
    for (const instance of instances) instance?.store.clear();
  }

  /** One instance holds nothing from now on. */
  flushInstance(component: number, instance: number): void {
    this.#caches[component]?.instances[instance]?.store.clear();
  }

  #wait(visit: number, fetching: number): void {
    const last = this.#lastWaiting[fetching] as number;
    if (last === none) this.#firstWaiting[fetching] = visit;
    else this.#visits.next[last] = visit;
    this.#lastWaiting[fetching] = visit;
    this.#visits.next[visit] = none;
  }

  #newInstance(visit: number): CacheInstance {
    const { options, instances } = this.#cacheOf(visit);
    const created = { store: createStore(options), fetches: new HashedIndex(usualFetches) };
    instances[this.#visits.instance[visit] as number] = created;
    return created;
  }

  #cacheOf(visit: number): KeyedCache {
    return this.#caches[this.#visits.component[visit] as number] as KeyedCache;
  }

  #grow(): void {
    const before = this.#key.length;
    const length = this.#visits.component.length;
    this.#key = grownInt32(this.#key, length).fill(none, before);
    this.#firstWaiting = grownInt32(this.#firstWaiting, length);
    this.#lastWaiting = grownInt32(this.#lastWaiting, length);
  }
}
