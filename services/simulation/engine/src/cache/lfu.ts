/**
 * Least frequently used, in constant time (Shah, Mitra and Matani, "An O(1) algorithm for implementing the LFU cache
 * eviction scheme", 2010): entries of the same number of uses form a group, groups are linked in ascending order, and a
 * use moves an entry from its group to the next.
 *
 *   #lowest → group(1 use): [e2] ⇄ [e5]   →   group(3 uses): [e0]   →   group(9 uses): [e1] ⇄ [e4]
 *
 * The entry to give up is the first of the lowest group: among equals the one that reached this number longest ago. Uses
 * are counted from when the entry came in and forgotten when it goes, as caches do that keep nothing about absent keys.
 */
import { none } from "../visit-pool.ts";
import { createKeyIndex, type KeyIndex } from "./key-index.ts";
import type { KeyedStore, StoreLimits } from "./keyed-store.ts";

export class LfuStore implements KeyedStore {
  readonly #index: KeyIndex;
  readonly #ttlNs: number;
  readonly #keys: Int32Array;
  readonly #expiresNs: Float64Array;
  readonly #groupOf: Int32Array;
  /** Within a group; of places that are free, the next free one. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** Of each group: how many uses, its entries' ends, and its neighbours; of free groups, `above` is the next free one. */
  readonly #uses: Float64Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #above: Int32Array;
  readonly #below: Int32Array;
  #lowest = none;
  #freeEntry = none;
  #freeGroup = none;
  /** Places that were ever in use. */
  #usedEntries = 0;
  #usedGroups = 0;
  #size = 0;

  constructor({ keys, capacity, ttlNs }: StoreLimits) {
    this.#index = createKeyIndex(keys, capacity);
    this.#ttlNs = ttlNs;
    this.#keys = new Int32Array(capacity);
    this.#expiresNs = new Float64Array(capacity);
    this.#groupOf = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    // One more than there are entries: a use makes the next group before it gives up an emptied one.
    this.#uses = new Float64Array(capacity + 1);
    this.#first = new Int32Array(capacity + 1);
    this.#last = new Int32Array(capacity + 1);
    this.#above = new Int32Array(capacity + 1);
    this.#below = new Int32Array(capacity + 1);
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
    this.#use(entry);
    return true;
  }

  fill(key: number, nowNs: number): void {
    let entry = this.#index.get(key);
    if (entry === none) {
      entry = this.#freePlace();
      this.#keys[entry] = key;
      this.#index.set(key, entry);
      this.#size++;
      this.#append(entry, this.#groupWith(1, none, this.#lowest));
    } else {
      this.#use(entry);
    }
    this.#expiresNs[entry] = nowNs + this.#ttlNs;
  }

  clear(): void {
    this.#index.clear();
    this.#lowest = none;
    this.#freeEntry = none;
    this.#freeGroup = none;
    this.#usedEntries = 0;
    this.#usedGroups = 0;
    this.#size = 0;
  }

  #use(entry: number): void {
    const group = this.#groupOf[entry] as number;
    const higher = this.#groupWith((this.#uses[group] as number) + 1, group, this.#above[group] as number);
    this.#take(entry);
    this.#append(entry, higher);
  }

  /** The group of this many uses, which is `above` or belongs between `below` and `above`. */
  #groupWith(uses: number, below: number, above: number): number {
    if (above !== none && this.#uses[above] === uses) return above;
    let group = this.#freeGroup;
    if (group === none) group = this.#usedGroups++;
    else this.#freeGroup = this.#above[group] as number;
    this.#uses[group] = uses;
    this.#first[group] = none;
    this.#last[group] = none;
    this.#below[group] = below;
    this.#above[group] = above;
    if (below === none) this.#lowest = group;
    else this.#above[below] = group;
    if (above !== none) this.#below[above] = group;
    return group;
  }

  #append(entry: number, group: number): void {
    const last = this.#last[group] as number;
    this.#groupOf[entry] = group;
    this.#previous[entry] = last;
    this.#next[entry] = none;
    if (last === none) this.#first[group] = entry;
    else this.#next[last] = entry;
    this.#last[group] = entry;
  }

  /** Takes the entry out of its group, and the group away if that leaves it empty. */
  #take(entry: number): void {
    const group = this.#groupOf[entry] as number;
    const previous = this.#previous[entry] as number;
    const next = this.#next[entry] as number;
    if (previous === none) this.#first[group] = next;
    else this.#next[previous] = next;
    if (next === none) this.#last[group] = previous;
    else this.#previous[next] = previous;
    if (this.#first[group] !== none) return;
    const below = this.#below[group] as number;
    const above = this.#above[group] as number;
    if (below === none) this.#lowest = above;
    else this.#above[below] = above;
    if (above !== none) this.#below[above] = below;
    this.#above[group] = this.#freeGroup;
    this.#freeGroup = group;
  }

  #freePlace(): number {
    if (this.#size === this.#keys.length) this.#remove(this.#first[this.#lowest] as number);
    const place = this.#freeEntry;
    if (place === none) return this.#usedEntries++;
    this.#freeEntry = this.#next[place] as number;
    return place;
  }

  #remove(entry: number): void {
    this.#index.delete(this.#keys[entry] as number);
    this.#take(entry);
    this.#next[entry] = this.#freeEntry;
    this.#freeEntry = entry;
    this.#size--;
  }
}
