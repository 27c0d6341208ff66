/**
 * Calls that somebody has made and not yet given up on: the caller's side of a link, across all attempts.
 *
 * A call has one current attempt (and one beside it when it is hedged), numbered uniquely in the run; answers and timeouts of
 * earlier attempts, or of the call that had this place before, carry another number and are ignored. Columns instead of
 * objects, as in `VisitPool`.
 */
import type { Dues } from "./event-queue.ts";
import { grownFloat64, grownInt32 } from "./grow-array.ts";
import { none } from "./visit-pool.ts";

/** What `holdsConnection` says. */
export const connection = { none: 0, held: 1, awaited: 2 } as const;

export class CallPool implements Dues {
  link: Int32Array;
  /** The visit that waits for the call; `none` when nobody does. */
  caller: Int32Array;
  /** Which instance of the calling component it comes from, from 0. */
  callerInstance: Int32Array;
  /** The visit of the current attempt, and of its hedge; only of use while that attempt is under way. */
  visit: Int32Array;
  hedgeVisit: Int32Array;
  attemptsMade: Int32Array;
  /** 1 while it holds a connection of its caller's pool; 2 while it waits for one. */
  holdsConnection: Int32Array;
  /** The key that the call asks a cache for, in every attempt; `none` until the cache has drawn it. */
  key: Int32Array;
  /** Copied from the caller, who may be gone when it is tried again. */
  workload: Int32Array;
  isWrite: Int32Array;
  session: Int32Array;
  /** The caller's span; `none` when it is not traced. */
  span: Int32Array;
  /** Other calls of the same caller, where they can be called off. */
  sibling: Int32Array;
  elderSibling: Int32Array;
  /** The next free place, or the next that waits for a connection. */
  next: Int32Array;
  /** The one before it that waits for a connection. */
  previous: Int32Array;
  /** The current attempt's number in the run; 0 when none is under way. */
  attempt: Float64Array;
  /** The number of the second attempt beside it; 0 without. */
  hedge: Float64Array;
  /** When the call was made, and when it began to wait for a connection. */
  madeNs: Float64Array;
  waitsSinceNs: Float64Array;
  /** Of traced calls: all pauses before retries, and all waits for a connection, up to now. */
  pausedNs: Float64Array;
  connectionNs: Float64Array;
  deadlineNs: Float64Array;
  /** Its next event: the timeout of the attempt, the end of a pause. An event of another sequence is obsolete. */
  dueSequence: Float64Array;
  hedgeSequence: Float64Array;

  #free = none;
  #used = 0;

  constructor(capacity = 256) {
    this.link = new Int32Array(capacity);
    this.caller = new Int32Array(capacity);
    this.callerInstance = new Int32Array(capacity);
    this.visit = new Int32Array(capacity);
    this.hedgeVisit = new Int32Array(capacity);
    this.attemptsMade = new Int32Array(capacity);
    this.holdsConnection = new Int32Array(capacity);
    this.key = new Int32Array(capacity);
    this.workload = new Int32Array(capacity);
    this.isWrite = new Int32Array(capacity);
    this.session = new Int32Array(capacity);
    this.span = new Int32Array(capacity);
    this.sibling = new Int32Array(capacity);
    this.elderSibling = new Int32Array(capacity);
    this.next = new Int32Array(capacity);
    this.previous = new Int32Array(capacity);
    this.attempt = new Float64Array(capacity);
    this.hedge = new Float64Array(capacity);
    this.madeNs = new Float64Array(capacity);
    this.waitsSinceNs = new Float64Array(capacity);
    this.pausedNs = new Float64Array(capacity);
    this.connectionNs = new Float64Array(capacity);
    this.deadlineNs = new Float64Array(capacity);
    this.dueSequence = new Float64Array(capacity);
    this.hedgeSequence = new Float64Array(capacity);
  }

  /** Places that were ever in use; those that are free have the link `none`. */
  get used(): number {
    return this.#used;
  }

  acquire(link: number, caller: number): number {
    let call = this.#free;
    if (call === none) {
      if (this.#used === this.link.length) this.#grow();
      call = this.#used++;
    } else {
      this.#free = this.next[call] as number;
    }
    this.link[call] = link;
    this.caller[call] = caller;
    this.attempt[call] = 0;
    this.hedge[call] = 0;
    this.dueSequence[call] = 0;
    this.hedgeSequence[call] = 0;
    this.attemptsMade[call] = 0;
    this.holdsConnection[call] = connection.none;
    this.key[call] = none;
    this.span[call] = none;
    return call;
  }

  /** Also makes the current attempt's answer and timeout come too late. */
  release(call: number): void {
    this.link[call] = none;
    this.attempt[call] = 0;
    this.hedge[call] = 0;
    this.dueSequence[call] = 0;
    this.hedgeSequence[call] = 0;
    this.next[call] = this.#free;
    this.#free = call;
  }

  #grow(): void {
    const capacity = this.link.length * 2;
    this.link = grownInt32(this.link, capacity);
    this.caller = grownInt32(this.caller, capacity);
    this.callerInstance = grownInt32(this.callerInstance, capacity);
    this.visit = grownInt32(this.visit, capacity);
    this.hedgeVisit = grownInt32(this.hedgeVisit, capacity);
    this.attemptsMade = grownInt32(this.attemptsMade, capacity);
    this.holdsConnection = grownInt32(this.holdsConnection, capacity);
    this.key = grownInt32(this.key, capacity);
    this.workload = grownInt32(this.workload, capacity);
    this.isWrite = grownInt32(this.isWrite, capacity);
    this.session = grownInt32(this.session, capacity);
    this.span = grownInt32(this.span, capacity);
    this.sibling = grownInt32(this.sibling, capacity);
    this.elderSibling = grownInt32(this.elderSibling, capacity);
    this.next = grownInt32(this.next, capacity);
    this.previous = grownInt32(this.previous, capacity);
    this.attempt = grownFloat64(this.attempt, capacity);
    this.hedge = grownFloat64(this.hedge, capacity);
    this.madeNs = grownFloat64(this.madeNs, capacity);
    this.waitsSinceNs = grownFloat64(this.waitsSinceNs, capacity);
    this.pausedNs = grownFloat64(this.pausedNs, capacity);
    this.connectionNs = grownFloat64(this.connectionNs, capacity);
    this.deadlineNs = grownFloat64(this.deadlineNs, capacity);
    this.dueSequence = grownFloat64(this.dueSequence, capacity);
    this.hedgeSequence = grownFloat64(this.hedgeSequence, capacity);
  }
}
