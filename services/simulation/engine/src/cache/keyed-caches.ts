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
import type { Model } from "../model.ts";
import { RandomStream } from "../random.ts";
import { none, type Visit } from "../visit.ts";
import type { VisitPool } from "../visit-pool.ts";
import { HashedIndex } from "./key-index.ts";
import { KeyPopularity } from "./key-popularity.ts";
import { createStore, type KeyedStore } from "./keyed-store.ts";

interface KeyedCache {
  readonly options: KeyedCacheOptions;
  readonly keys: KeyPopularity;
  /** By `Visit.instance`; made when an instance gets its first request. */
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

  constructor(model: Model, visits: VisitPool, seed: number) {
    this.#visits = visits;
    this.isKeyed = new Uint8Array(model.components.length);
    this.#caches = model.components.map(({ id, index, cache }) => {
      if (cache === undefined) return undefined;
      this.isKeyed[index] = 1;
      const hot = new RandomStream(seed, `component/${id}/hot-key`);
      const keys = new KeyPopularity(cache.keys, cache.skew, new RandomStream(seed, `component/${id}/key`), hot);
      return { options: cache, keys, instances: [] };
    });
  }

  /** The key of a new request to this component. */
  drawKey(component: number): number {
    return (this.#caches[component] as KeyedCache).keys.next();
  }

  lookUp(visit: Visit, key: number, nowNs: number): "hit" | "fetch" | "wait" {
    const { options, instances } = this.#cacheOf(visit);
    const { store, fetches } = instances[visit.instance] ?? this.#newInstance(visit);
    if (store.lookup(key, nowNs)) return "hit";
    if (options.singleFlight) {
      const fetching = fetches.get(key);
      if (fetching !== none) {
        wait(visit, this.#visits.at(fetching));
        return "wait";
      }
      fetches.set(key, visit.index);
    }
    visit.fetchedKey = key;
    visit.firstWaiting = undefined;
    visit.lastWaiting = undefined;
    return "fetch";
  }

  /**
   * For every visit to a keyed cache that ends. If it fetched a key, that is over, and if well, the key is held. The answer
   * is the first of the visits that waited for it, if any, from which `Visit.next` leads to the others.
   */
  endFetch(visit: Visit, hasFailed: boolean, nowNs: number): Visit | undefined {
    const key = visit.fetchedKey;
    if (key === none) return undefined;
    visit.fetchedKey = none;
    const { options, instances } = this.#cacheOf(visit);
    const { store, fetches } = instances[visit.instance] as CacheInstance;
    if (!hasFailed) store.fill(key, nowNs);
    if (options.singleFlight) fetches.delete(key);
    return visit.firstWaiting;
  }

  /** Keys are wanted in other shares from now on; see key-popularity.ts. */
  shiftKeys(component: number, skew: number | undefined, hotShare: number): void {
    this.#caches[component]?.keys.shift(skew, hotShare);
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

  #newInstance(visit: Visit): CacheInstance {
    const { options, instances } = this.#cacheOf(visit);
    const created = { store: createStore(options), fetches: new HashedIndex(usualFetches) };
    instances[visit.instance] = created;
    return created;
  }

  #cacheOf(visit: Visit): KeyedCache {
    return this.#caches[visit.component.index] as KeyedCache;
  }
}

function wait(visit: Visit, fetching: Visit): void {
  if (fetching.lastWaiting === undefined) fetching.firstWaiting = visit;
  else fetching.lastWaiting.next = visit;
  fetching.lastWaiting = visit;
  visit.next = undefined;
}
