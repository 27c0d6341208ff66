/**
 * The future events, earliest first; events of the same time leave in the order they were scheduled.
 *
 * A binary heap over three parallel typed arrays: time, sequence, and a code that packs what happens to whom. `sequence`
 * grows by one per event and breaks ties, so the order is total and a run is repeatable. Nothing is ever removed from
 * the middle: whoever cancels an event remembers the sequence it was given and ignores the event when it comes.
 *
 * Times are whole nanoseconds in a double, exact up to 2^53 (104 days).
 */
import { grownFloat64, grownInt32 } from "./grow-array.ts";

const kindBits = 3;
const kindMask = (1 << kindBits) - 1;

/** Kinds must be below 8 and subjects below 2^28. */
export class EventQueue {
  /** The event that `pop` took last. */
  timeNs = 0;
  sequence = 0;
  kind = 0;
  subject = 0;

  #size = 0;
  #nextSequence = 1;
  #times: Float64Array;
  #sequences: Float64Array;
  #codes: Int32Array;

  constructor(capacity = 1024) {
    this.#times = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#codes = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Time of the next event; Infinity when there is none. */
  get nextTimeNs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  /** Schedules an event and returns its sequence, which is never 0. */
  push(timeNs: number, kind: number, subject: number): number {
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    const sequences = this.#sequences;
    const codes = this.#codes;
    const sequence = this.#nextSequence++;
    let hole = this.#size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      // The new event has the highest sequence, so among equals it stays below.
      if ((times[parent] as number) <= timeNs) break;
      times[hole] = times[parent] as number;
      sequences[hole] = sequences[parent] as number;
      codes[hole] = codes[parent] as number;
      hole = parent;
    }
    times[hole] = timeNs;
    sequences[hole] = sequence;
    codes[hole] = (subject << kindBits) | kind;
    return sequence;
  }

  /** Takes the next event into `timeNs`, `sequence`, `kind` and `subject`; false when there is none. */
  pop(): boolean {
    if (this.#size === 0) return false;
    const times = this.#times;
    const sequences = this.#sequences;
    const codes = this.#codes;
    const code = codes[0] as number;
    this.timeNs = times[0] as number;
    this.sequence = sequences[0] as number;
    this.kind = code & kindMask;
    this.subject = code >>> kindBits;
    const size = --this.#size;
    if (size > 0) this.#sink(times[size] as number, sequences[size] as number, codes[size] as number, size);
    return true;
  }

  #sink(timeNs: number, sequence: number, code: number, size: number): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const codes = this.#codes;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && this.#isBefore(right, times[child] as number, sequences[child] as number)) child = right;
      if (!this.#isBefore(child, timeNs, sequence)) break;
      times[hole] = times[child] as number;
      sequences[hole] = sequences[child] as number;
      codes[hole] = codes[child] as number;
      hole = child;
    }
    times[hole] = timeNs;
    sequences[hole] = sequence;
    codes[hole] = code;
  }

  #isBefore(index: number, timeNs: number, sequence: number): boolean {
    const other = this.#times[index] as number;
    return other < timeNs || (other === timeNs && (this.#sequences[index] as number) < sequence);
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    this.#times = grownFloat64(this.#times, capacity);
    this.#sequences = grownFloat64(this.#sequences, capacity);
    this.#codes = grownInt32(this.#codes, capacity);
  }
}
