/**
 * Where a key's entry is: key to place, both whole numbers from 0.
 *
 * Two ways with the same answers. `DirectIndex` has a place for every key there is. `HashedIndex` is an open-addressing
 * table, at most half full, that probes linearly; a deletion moves later keys of the run back instead of leaving a mark,
 * so the table never fills with marks and a miss stays short (Knuth, TAOCP 3, 6.4, algorithm R). `createKeyIndex` takes
 * whichever is smaller: a small cache of many keys must not cost memory for every key.
 */
import { none } from "../visit-pool.ts";

export interface KeyIndex {
  /** `none` when the key is not in it. */
  get(key: number): number;
  set(key: number, place: number): void;
  delete(key: number): void;
  clear(): void;
}

/** For up to `entries` of `keys` keys at a time. */
export function createKeyIndex(keys: number, entries: number): KeyIndex {
  return keys <= 4 * entries ? new DirectIndex(keys) : new HashedIndex(entries);
}

export class DirectIndex implements KeyIndex {
  readonly #places: Int32Array;

  constructor(keys: number) {
    this.#places = new Int32Array(keys).fill(none);
  }

  get(key: number): number {
    return this.#places[key] as number;
  }

  set(key: number, place: number): void {
    this.#places[key] = place;
  }

  delete(key: number): void {
    this.#places[key] = none;
  }

  clear(): void {
    this.#places.fill(none);
  }
}

export class HashedIndex implements KeyIndex {
  /** `none` where nothing is. */
  #keys: Int32Array;
  #places: Int32Array;
  #mask: number;
  #shift: number;
  #size = 0;

  /** Grows beyond `entries` when it must. */
  constructor(entries: number) {
    const bits = Math.max(4, Math.ceil(Math.log2(2 * entries)));
    this.#keys = new Int32Array(2 ** bits).fill(none);
    this.#places = new Int32Array(2 ** bits);
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
  }

  get(key: number): number {
    const cell = this.#cellOf(key);
    return this.#keys[cell] === none ? none : (this.#places[cell] as number);
  }

  set(key: number, place: number): void {
    let cell = this.#cellOf(key);
    if (this.#keys[cell] === none) {
      if (2 * (this.#size + 1) > this.#keys.length) {
        this.#grow();
        cell = this.#cellOf(key);
      }
      this.#size++;
      this.#keys[cell] = key;
    }
    this.#places[cell] = place;
  }

  delete(key: number): void {
    let hole = this.#cellOf(key);
    if (this.#keys[hole] === none) return;
    this.#size--;
    for (let cell = (hole + 1) & this.#mask; this.#keys[cell] !== none; cell = (cell + 1) & this.#mask) {
      const later = this.#keys[cell] as number;
      // It may move back unless its search begins behind the hole.
      if (((cell - this.#home(later)) & this.#mask) < ((cell - hole) & this.#mask)) continue;
      this.#keys[hole] = later;
      this.#places[hole] = this.#places[cell] as number;
      hole = cell;
    }
    this.#keys[hole] = none;
  }

  clear(): void {
    this.#keys.fill(none);
    this.#size = 0;
  }

  /** The key's cell, or the empty one at which its search ends. */
  #cellOf(key: number): number {
    let cell = this.#home(key);
    while (this.#keys[cell] !== key && this.#keys[cell] !== none) cell = (cell + 1) & this.#mask;
    return cell;
  }

  /** Fibonacci hashing (Knuth, TAOCP 3, 6.4): neighbouring keys land far apart. */
  #home(key: number): number {
    return Math.imul(key, 0x9e3779b1) >>> this.#shift;
  }

  #grow(): void {
    const keys = this.#keys;
    const places = this.#places;
    this.#keys = new Int32Array(keys.length * 2).fill(none);
    this.#places = new Int32Array(keys.length * 2);
    this.#mask = keys.length * 2 - 1;
    this.#shift--;
    for (let cell = 0; cell < keys.length; cell++) {
      if (keys[cell] === none) continue;
      const moved = this.#cellOf(keys[cell] as number);
      this.#keys[moved] = keys[cell] as number;
      this.#places[moved] = places[cell] as number;
    }
  }
}
