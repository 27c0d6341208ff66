/**
 * The future events, earliest first; events of the same time leave in the order they were scheduled.
 *
 * A binary heap over three parallel typed arrays: time, sequence, and a code that packs what happens to whom. `sequence`
 * grows by one per event and breaks ties, so the order is total and a run is repeatable. Nothing is ever removed from
 * the middle: whoever cancels an event remembers the sequence it was given and ignores the event when it comes.
 *
 * Events of one constant delay go into a lane (event-lane.ts), of which only the first stands in the heap, so the heap stays as
 * small as the number of delays and of random waits. The order is the same with lanes and without.
 *
 * Times are whole nanoseconds in a double, exact up to 2^53 (104 days).
 */
import { EventLane } from "./event-lane.ts";
import { grownFloat64, grownInt32 } from "./grow-array.ts";

const kindBits = 4;
const kindMask = (1 << kindBits) - 1;
/** The code of a lane's first event: what it is stands in the lane. */
const laneKind = kindMask;
/** More distinct delays than this, and looking for the right lane would cost more than it saves. */
const maxLanes = 4096;

/** What `laneOf` answers when there is none. */
export const noLane = -1;

/** Kinds must be below 15 and subjects below 2^27. */
export class EventQueue {
  /** The event that `pop` took last. */
  timeNs = 0;
  sequence = 0;
  kind = 0;
  subject = 0;

  /** In the heap; lanes hold more. */
  #size = 0;
  #inLanes = 0;
  #nextSequence = 1;
  readonly #lanes: EventLane[] = [];
  readonly #laneByDelay = new Map<number, number>();
  readonly #usesLanes: boolean;
  #times: Float64Array;
  #sequences: Float64Array;
  #codes: Int32Array;

  constructor({ capacity = 1024, lanes = true }: { readonly capacity?: number; readonly lanes?: boolean } = {}) {
    this.#usesLanes = lanes;
    this.#times = new Float64Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#codes = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size + this.#inLanes;
  }

  /** The lane of a constant delay, for `pushInto`; asked once per delay, when the model is made ready. */
  laneOf(delayNs: number): number {
    if (!this.#usesLanes) return noLane;
    const known = this.#laneByDelay.get(delayNs);
    if (known !== undefined) return known;
    if (this.#lanes.length === maxLanes) return noLane;
    this.#lanes.push(new EventLane());
    this.#laneByDelay.set(delayNs, this.#lanes.length - 1);
    return this.#lanes.length - 1;
  }

  /** Schedules an event in a lane, or in the heap when it has none or its time is before the lane's last. */
  pushInto(lane: number, timeNs: number, kind: number, subject: number): number {
    if (lane === noLane) return this.push(timeNs, kind, subject);
    const ring = this.#lanes[lane] as EventLane;
    if (ring.size === 0) {
      const sequence = this.#nextSequence;
      this.push(timeNs, laneKind, lane);
      ring.push(timeNs, sequence, (subject << kindBits) | kind);
      return sequence;
    }
    if (timeNs < ring.lastTimeNs) return this.push(timeNs, kind, subject);
    const sequence = this.#nextSequence++;
    ring.push(timeNs, sequence, (subject << kindBits) | kind);
    this.#inLanes++;
    return sequence;
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
    let code = codes[0] as number;
    this.timeNs = times[0] as number;
    this.sequence = sequences[0] as number;
    if ((code & kindMask) === laneKind) {
      const laneCode = code;
      const lane = this.#lanes[code >>> kindBits] as EventLane;
      code = lane.firstCode;
      lane.shift();
      if (lane.size > 0) {
        this.#inLanes--;
        this.#sink(lane.firstTimeNs, lane.firstSequence, laneCode, this.#size);
        this.kind = code & kindMask;
        this.subject = code >>> kindBits;
        return true;
      }
    }
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
