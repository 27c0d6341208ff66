/**
 * Events that come in the order they were scheduled, because all of them wait for the same delay: a ring.
 *
 * Most events of a run are of this kind (timeouts, network delays, constant work), and most timeouts are never needed. In a
 * ring they cost two stores; in the heap each would make every other event's way longer.
 */
import type { Dues } from "./event-queue.ts";
import { grownFloat64, grownInt32 } from "./grow-array.ts";

export class EventLane {
  /** Whose events these are, when cancelled ones may be dropped before their time. */
  readonly dues: Dues | undefined;
  size = 0;
  /** Of the event that was scheduled last. */
  lastTimeNs = 0;
  #head = 0;
  #times: Float64Array<ArrayBuffer>;
  #sequences: Float64Array<ArrayBuffer>;
  #codes: Int32Array<ArrayBuffer>;

  /** The capacity must be a power of two. */
  constructor(dues?: Dues, capacity = 64) {
    this.dues = dues;
    this.#times = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#codes = new Int32Array(capacity);
  }

  get firstTimeNs(): number {
    return this.#times[this.#head] as number;
  }

  get firstSequence(): number {
    return this.#sequences[this.#head] as number;
  }

  get firstCode(): number {
    return this.#codes[this.#head] as number;
  }

  /** The time must not be before `lastTimeNs`. */
  push(timeNs: number, sequence: number, code: number): void {
    if (this.size === this.#times.length) this.#grow();
    const end = (this.#head + this.size) & (this.#times.length - 1);
    this.#times[end] = timeNs;
    this.#sequences[end] = sequence;
    this.#codes[end] = code;
    this.lastTimeNs = timeNs;
    this.size++;
  }

  shift(): void {
    this.#head = (this.#head + 1) & (this.#times.length - 1);
    this.size--;
  }

  /** Twice as long, and unrolled: what stood before the head moves behind the old end. */
  #grow(): void {
    const capacity = this.#times.length;
    const times = grownFloat64(this.#times, capacity * 2);
    const sequences = grownFloat64(this.#sequences, capacity * 2);
    const codes = grownInt32(this.#codes, capacity * 2);
    times.copyWithin(capacity, 0, this.#head);
    sequences.copyWithin(capacity, 0, this.#head);
    codes.copyWithin(capacity, 0, this.#head);
    this.#times = times;
    this.#sequences = sequences;
    this.#codes = codes;
  }
}
