/**
 * Calls that somebody has made and not yet given up on: the caller's side of a link, across all attempts.
 *
 * A call has one current attempt, numbered uniquely in the run; answers and timeouts of earlier attempts, or of the
 * call that had this place before, carry another number and are ignored. Columns instead of objects, as in `VisitPool`.
 */
import { grownFloat64, grownInt32 } from "./grow-array.ts";
import { none } from "./visit-pool.ts";

export class CallPool {
  link: Int32Array;
  /** The visit that waits for the call; `none` when nobody does. */
  caller: Int32Array;
  /** The current attempt's number in the run; 0 between attempts. */
  attempt: Float64Array;
  /** Sequence of the current attempt's timeout event; 0 when there is none. */
  timeoutSequence: Float64Array;
  attemptsMade: Int32Array;
  /** The key that the call asks a cache for, in every attempt; `none` until the cache has drawn it. */
  key: Int32Array;

  #next: Int32Array;
  #free = none;
  #used = 0;

  constructor(capacity = 256) {
    this.link = new Int32Array(capacity);
    this.caller = new Int32Array(capacity);
    this.attempt = new Float64Array(capacity);
    this.timeoutSequence = new Float64Array(capacity);
    this.attemptsMade = new Int32Array(capacity);
    this.key = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
  }

  acquire(link: number, caller: number): number {
    let call = this.#free;
    if (call === none) {
      if (this.#used === this.link.length) this.#grow();
      call = this.#used++;
    } else {
      this.#free = this.#next[call] as number;
    }
    this.link[call] = link;
    this.caller[call] = caller;
    this.attempt[call] = 0;
    this.timeoutSequence[call] = 0;
    this.attemptsMade[call] = 0;
    this.key[call] = none;
    return call;
  }

  /** Also makes the current attempt's answer and timeout come too late. */
  release(call: number): void {
    this.attempt[call] = 0;
    this.timeoutSequence[call] = 0;
    this.#next[call] = this.#free;
    this.#free = call;
  }

  #grow(): void {
    const capacity = this.link.length * 2;
    this.link = grownInt32(this.link, capacity);
    this.caller = grownInt32(this.caller, capacity);
    this.attempt = grownFloat64(this.attempt, capacity);
    this.timeoutSequence = grownFloat64(this.timeoutSequence, capacity);
    this.attemptsMade = grownInt32(this.attemptsMade, capacity);
    this.key = grownInt32(this.key, capacity);
    this.#next = grownInt32(this.#next, capacity);
  }
}
