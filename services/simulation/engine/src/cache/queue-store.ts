/**
 * Entries in one queue, given up from its front: LRU and TTL, which differ only in what a hit does to an entry.
 *
 *   front (next to go)  [e3] ⇄ [e0] ⇄ [e7] ⇄ [e1]  back (written last)
 *
 * - "moves": to the back, its expiry stays: least recently used.
 * - "nothing": the queue is in order of writing, and so, all lives being equally long, of expiry.
 * - "renews": to the back with a new life: in order of expiry again, and of last use.
 *
 * The queue is doubly linked through columns, so every step takes the same time whatever the capacity.
 */
import { none } from "../visit-pool.ts";
import { createKeyIndex, type KeyIndex } from "./key-index.ts";
import type { KeyedStore, StoreLimits } from "./keyed-store.ts";

export class QueueStore implements KeyedStore {
  readonly #index: KeyIndex;
  readonly #ttlNs: number;
  readonly #moves: boolean;
  readonly #renews: boolean;
  readonly #keys: Int32Array;
  readonly #expiresNs: Float64Array;
  /** Towards the back; of places that are free, the next free one. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #front = none;
  #back = none;
  #free = none;
  /** Places that were ever in use. */
  #used = 0;
  #size = 0;

  constructor({ keys, capacity, ttlNs }: StoreLimits, onHit: "moves" | "nothing" | "renews") {
    this.#index = createKeyIndex(keys, capacity);
    this.#ttlNs = ttlNs;
    this.#moves = onHit !== "nothing";
    this.#renews = onHit === "renews";
    this.#keys = new Int32Array(capacity);
    this.#expiresNs = new Float64Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  lookup(key: number, nowNs: number): boolean {
    const entry = this.#index.get(key);
    if (entry === none) return false;
    if ((this.#expiresNs[entry] as number) <= nowNs) {
      this.#remove(entry);
      return false;
    }
    if (this.#renews) this.#expiresNs[entry] = nowNs + this.#ttlNs;
    if (this.#moves) this.#moveToBack(entry);
    return true;
  }

  fill(key: number, nowNs: number): void {
    let entry = this.#index.get(key);
    if (entry === none) {
      entry = this.#freePlace();
      this.#keys[entry] = key;
      this.#index.set(key, entry);
      this.#size++;
      this.#append(entry);
    } else {
      this.#moveToBack(entry);
    }
    this.#expiresNs[entry] = nowNs + this.#ttlNs;
  }

  clear(): void {
    this.#index.clear();
    this.#front = none;
    this.#back = none;
    this.#free = none;
    this.#used = 0;
    this.#size = 0;
  }

  #freePlace(): number {
    if (this.#size === this.#keys.length) this.#remove(this.#front);
    const place = this.#free;
    if (place === none) return this.#used++;
    this.#free = this.#next[place] as number;
    return place;
  }

  #remove(entry: number): void {
    this.#index.delete(this.#keys[entry] as number);
    this.#unlink(entry);
    this.#next[entry] = this.#free;
    this.#free = entry;
    this.#size--;
  }

  #moveToBack(entry: number): void {
    if (entry === this.#back) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #append(entry: number): void {
    this.#previous[entry] = this.#back;
    this.#next[entry] = none;
    if (this.#back === none) this.#front = entry;
    else this.#next[this.#back] = entry;
    this.#back = entry;
  }

  #unlink(entry: number): void {
    const previous = this.#previous[entry] as number;
    const next = this.#next[entry] as number;
    if (previous === none) this.#front = next;
    else this.#next[previous] = next;
    if (next === none) this.#back = previous;
    else this.#previous[next] = previous;
  }
}
