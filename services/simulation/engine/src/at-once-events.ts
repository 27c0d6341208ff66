/** Events that happen without delay, in the order in which they were scheduled: a ring, as event-lane.ts without times. */
import { grownFloat64, grownInt32 } from "./grow-array.ts";

export class AtOnceEvents {
  size = 0;
  #head = 0;
  /** One less than there are places, which are a power of two. */
  #mask = 63;
  #sequences = new Float64Array(64);
  #codes = new Int32Array(64);

  get firstSequence(): number {
    return this.#sequences[this.#head] as number;
  }

  get firstCode(): number {
    return this.#codes[this.#head] as number;
  }

  push(sequence: number, code: number): void {
    if (this.size > this.#mask) this.#grow();
    const end = (this.#head + this.size) & this.#mask;
    this.#sequences[end] = sequence;
    this.#codes[end] = code;
    this.size++;
  }

  shift(): void {
    this.#head = (this.#head + 1) & this.#mask;
    this.size--;
  }

  /** Twice as long, and unrolled: what stood before the head moves behind the old end. */
  #grow(): void {
    const places = this.#mask + 1;
    this.#sequences = grownFloat64(this.#sequences, places * 2).copyWithin(places, 0, this.#head);
    this.#codes = grownInt32(this.#codes, places * 2).copyWithin(places, 0, this.#head);
    this.#mask = places * 2 - 1;
  }
}
