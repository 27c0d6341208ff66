/**
 * The future events, in a total order: by time, then what happens at once before what was waited for, then as scheduled.
 *
 * A binary heap over three parallel typed arrays: time, sequence, and a code that packs what happens to whom. `sequence`
 * grows by one per event and breaks ties, so a run is repeatable. Nothing is ever removed from the middle: whoever cancels an
 * event remembers the sequence it was given and ignores the event when it comes.
 *
 * Three things keep the heap out of the way of most events.
 * - What happens without delay goes through a ring and is next, before anything else of the same time.
 * - Events of one constant delay go into a lane (event-lane.ts), of which only the first stands in the heap, so the heap stays
 *   as small as the number of delays and of random waits. A lane of events that are mostly cancelled (timeouts) drops those when
 *   they become its first, without a way through the heap. The order is the same with lanes and without.
 * - Taking an event leaves a hole at the root, which the next event scheduled fills: one way through the heap instead of two.
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
/** The compiler knows constants that are not exported; those that are it reads from memory each time. */
const withoutLane = noLane;

/** Who schedules events that may be cancelled: by subject, the sequence of the event that counts. */
export interface Dues {
  dueSequence(subject: number): number;
}

/** Kinds must be below 15 and subjects below 2^27. */
export class EventQueue {
  /** The simulated time: of the event that `pop` took last, or later. */
  nowNs = 0;
  /** The event that `pop` took last. */
  sequence = 0;
  kind = 0;
  subject = 0;

  /** In the heap, the hole included; lanes hold more. */
  #size = 0;
  #hasHole = false;
  #nextSequence = 1;
  readonly #atOnce = new EventLane();
  readonly #lanes: EventLane[] = [];
  readonly #laneByDelay = new Map<number, number>();
  readonly #cancellableLaneByDelay = new Map<number, number>();
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
    let inLanes = 0;
    for (const { size } of this.#lanes) inLanes += Math.max(0, size - 1);
    return this.#atOnce.size + this.#size - (this.#hasHole ? 1 : 0) + inLanes;
  }

  /**
   * The lane of a constant delay, for `after`; asked once per delay, when a run is made ready. With `dues` it is for events
   * that are mostly cancelled, all of them of one kind of subject.
   */
  laneOf(delayNs: number, dues?: Dues): number {
    if (!this.#usesLanes) return withoutLane;
    const lanes = dues === undefined ? this.#laneByDelay : this.#cancellableLaneByDelay;
    const known = lanes.get(delayNs);
    if (known !== undefined) return known;
    if (this.#lanes.length === maxLanes) return withoutLane;
    this.#lanes.push(new EventLane(dues));
    lanes.set(delayNs, this.#lanes.length - 1);
    return this.#lanes.length - 1;
  }

  /** Schedules an event this long from now, in its lane or in none; returns its sequence, which is never 0. */
  after(delayNs: number, lane: number, kind: number, subject: number): number {
    if (delayNs === 0) {
      const sequence = this.#nextSequence++;
      this.#atOnce.push(this.nowNs, sequence, (subject << kindBits) | kind);
      return sequence;
    }
    const timeNs = this.nowNs + delayNs;
    if (lane === withoutLane) return this.push(timeNs, kind, subject);
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
    return sequence;
  }

  /** Time of the next event; Infinity when there is none. */
  get nextTimeNs(): number {
    if (this.#atOnce.size > 0) return this.nowNs;
    if (this.#hasHole) this.#closeHole();
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  /** Schedules an event at a time, not before now, and returns its sequence, which is never 0. */
  push(timeNs: number, kind: number, subject: number): number {
    const sequence = this.#nextSequence++;
    const code = (subject << kindBits) | kind;
    if (this.#hasHole) {
      this.#hasHole = false;
      this.#sink(timeNs, sequence, code);
      return sequence;
    }
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    const sequences = this.#sequences;
    const codes = this.#codes;
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
    codes[hole] = code;
    return sequence;
  }

  /** Takes the next event into `nowNs`, `sequence`, `kind` and `subject`; false when there is none. */
  pop(): boolean {
    return this.popAtOnce() || this.popLater();
  }

  /** The same of those that happen at once; false when there is none. */
  popAtOnce(): boolean {
    const atOnce = this.#atOnce;
    if (atOnce.size === 0) return false;
    const code = atOnce.firstCode;
    this.sequence = atOnce.firstSequence;
    atOnce.shift();
    this.kind = code & kindMask;
    this.subject = code >>> kindBits;
    return true;
  }

  /** The same of those that were waited for, when none is left that happens at once. */
  popLater(): boolean {
    if (this.#hasHole) this.#closeHole();
    if (this.#size === 0) return false;
    let code = this.#codes[0] as number;
    this.nowNs = this.#times[0] as number;
    this.sequence = this.#sequences[0] as number;
    if ((code & kindMask) === laneKind) code = this.#popLane(code);
    else this.#hasHole = true;
    this.kind = code & kindMask;
    this.subject = code >>> kindBits;
    return true;
  }

  /** Takes the first of the lane that stands at the root, and puts its next there. */
  #popLane(laneCode: number): number {
    const lane = this.#lanes[laneCode >>> kindBits] as EventLane;
    const code = lane.firstCode;
    lane.shift();
    if (lane.dues !== undefined) dropCancelled(lane, lane.dues);
    if (lane.size === 0) this.#hasHole = true;
    else this.#sink(lane.firstTimeNs, lane.firstSequence, laneCode);
    return code;
  }

  #closeHole(): void {
    this.#hasHole = false;
    const last = --this.#size;
    if (last > 0) {
      this.#sink(this.#times[last] as number, this.#sequences[last] as number, this.#codes[last] as number);
    }
  }

  /** Puts an event into the hole at the root and lets it sink to its place. */
  #sink(timeNs: number, sequence: number, code: number): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const codes = this.#codes;
    const size = this.#size;
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      let childNs = times[child] as number;
      const right = child + 1;
      if (right < size) {
        const rightNs = times[right] as number;
        if (rightNs < childNs || (rightNs === childNs && (sequences[right] as number) < (sequences[child] as number))) {
          child = right;
          childNs = rightNs;
        }
      }
      if (childNs > timeNs || (childNs === timeNs && (sequences[child] as number) > sequence)) break;
      times[hole] = childNs;
      sequences[hole] = sequences[child] as number;
      codes[hole] = codes[child] as number;
      hole = child;
    }
    times[hole] = timeNs;
    sequences[hole] = sequence;
    codes[hole] = code;
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    this.#times = grownFloat64(this.#times, capacity);
    this.#sequences = grownFloat64(this.#sequences, capacity);
    this.#codes = grownInt32(this.#codes, capacity);
  }
}

function dropCancelled(lane: EventLane, dues: Dues): void {
  while (lane.size > 0 && dues.dueSequence(lane.firstCode >>> kindBits) !== lane.firstSequence) lane.shift();
}
