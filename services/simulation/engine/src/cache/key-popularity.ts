/**
 * How wanted each of a number of keys (or sessions) is: by Zipf's law, until a change shifts it.
 *
 * A shift is another skew, or one key that gets a share of all requests by itself, or both. That one is the last key, which
 * hardly anybody asked for before: a key becomes hot, and is not only hotter, so caches do not hold it and what is hashed
 * moves to another instance. Its share is drawn from a stream of its own, so nothing else changes its luck.
 */
import type { RandomStream } from "../random.ts";
import { ZipfKeys } from "./zipf.ts";

export class KeyPopularity {
  readonly #keys: number;
  readonly #skew: number;
  readonly #stream: RandomStream;
  readonly #hotStream: RandomStream;
  #zipf: ZipfKeys;
  #hotShare = 0;

  constructor(keys: number, skew: number, stream: RandomStream, hotStream: RandomStream) {
    this.#keys = keys;
    this.#skew = skew;
    this.#stream = stream;
    this.#hotStream = hotStream;
    this.#zipf = new ZipfKeys(keys, skew, stream);
  }

  /** From 0 to the number of keys - 1. */
  next(): number {
    if (this.#hotShare > 0 && this.#hotStream.chance(this.#hotShare)) return this.#keys - 1;
    return this.#zipf.next();
  }

  /** From now on keys are wanted by this skew, its own when absent, and one key by this share of all beside that. */
  shift(skew: number | undefined, hotShare: number): void {
    this.#zipf = new ZipfKeys(this.#keys, skew ?? this.#skew, this.#stream);
    this.#hotShare = hotShare;
  }
}
