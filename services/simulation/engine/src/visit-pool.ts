/**
 * Requests in the system: one visit per component a request is at, or on its way to, or whose answer is on its way.
 *
 * Columns instead of objects, indexed by visit; a released visit's place is reused. A visit knows the call that waits
 * for its answer by index and attempt number: attempt numbers are never reused, so an answer that comes after the caller
 * gave up is recognised although the call's place may serve another by then. The number of visits is limited, because an
 * overloaded model would otherwise fill the memory and die without saying why.
 */
import type { Dues } from "./event-queue.ts";
import { grownFloat64, grownInt32 } from "./grow-array.ts";

/** No visit, call or workload. */
export const none = -1;

/** Thrown when a run holds more requests at once than it may. */
export class TooManyRequestsError extends Error {
  override readonly name = "TooManyRequestsError";
  readonly limit: number;

  constructor(limit: number) {
    super(
      `more than ${limit} requests are in the system at once; lower the load, the queue capacities or the calls per request`,
    );
    this.limit = limit;
  }
}

/** What a visit is doing. Between `limited` and `collapsed` it is present at its component. */
export const stage = {
  travelling: 0,
  /** Waits for a token of a rate limit. */
  limited: 1,
  queued: 2,
  /** Holds a slot and waits for a lock. */
  locked: 3,
  working: 4,
  /** Waits for its calls. */
  calling: 5,
  /** Waits for another visit's fetch in a cache. */
  collapsed: 6,
  /** Its answer is on the way. */
  answered: 7,
  free: 8,
} as const;

export function isPresentIn(stageOfVisit: number): boolean {
  return stageOfVisit >= stage.limited && stageOfVisit <= stage.collapsed;
}

export class VisitPool implements Dues {
  component: Int32Array;
  /** Its instance, numbered over all components (stations.ts). */
  instance: Int32Array;
  /** The call that waits for the answer; `none` for what a client itself asks. */
  call: Int32Array;
  /** What it is doing: one of `stage`. */
  stage: Int32Array;
  hasFailed: Int32Array;
  /** 1 while it holds a slot. */
  hasSlot: Int32Array;
  /** 1 when the caller's word that it no longer waits has come; only links with `timeoutCancels` send it. */
  isCancelled: Int32Array;
  /** The workload that it comes from in the end, and what that drew for the whole tree of calls. */
  workload: Int32Array;
  isWrite: Int32Array;
  session: Int32Array;
  /** Its place in the sampled traces; `none` when it is not traced. */
  span: Int32Array;
  /** Position in the component's links, and calls still to make on that link. */
  linkCursor: Int32Array;
  callsLeft: Int32Array;
  /** Calls made and not yet answered. */
  awaitedCalls: Int32Array;
  /** The first of those, where calls can be called off; chained through `CallPool.sibling`. */
  firstCall: Int32Array;
  /** The next visit in the same queue, or the next free place. */
  next: Int32Array;
  /** The visit before it in the same queue. */
  previous: Int32Array;
  /** Which attempt of the call this is. */
  attempt: Float64Array;
  arrivedNs: Float64Array;
  /** Network delay of the answer. */
  answerDelayNs: Float64Array;
  /** After this the answer is worth nothing; Infinity without a deadline. */
  deadlineNs: Float64Array;
  /** The event that will move it on; an event of another sequence is obsolete. */
  dueSequence: Float64Array;
  /** The event with which that word comes; 0 when none is under way. */
  cancelSequence: Float64Array;
  /** How long its instance had been paused altogether when its work was last timed. */
  pausesNs: Float64Array;

  #free = none;
  #used = 0;
  #live = 0;
  readonly #limit: number;

  constructor(limit: number, capacity = 256) {
    this.#limit = limit;
    this.component = new Int32Array(capacity);
    this.instance = new Int32Array(capacity);
    this.call = new Int32Array(capacity);
    this.stage = new Int32Array(capacity);
    this.hasFailed = new Int32Array(capacity);
    this.hasSlot = new Int32Array(capacity);
    this.isCancelled = new Int32Array(capacity);
    this.workload = new Int32Array(capacity);
    this.isWrite = new Int32Array(capacity);
    this.session = new Int32Array(capacity);
    this.span = new Int32Array(capacity);
    this.linkCursor = new Int32Array(capacity);
    this.callsLeft = new Int32Array(capacity);
    this.awaitedCalls = new Int32Array(capacity);
    this.firstCall = new Int32Array(capacity);
    this.next = new Int32Array(capacity);
    this.previous = new Int32Array(capacity);
    this.attempt = new Float64Array(capacity);
    this.arrivedNs = new Float64Array(capacity);
    this.answerDelayNs = new Float64Array(capacity);
    this.deadlineNs = new Float64Array(capacity);
    this.dueSequence = new Float64Array(capacity);
    this.cancelSequence = new Float64Array(capacity);
    this.pausesNs = new Float64Array(capacity);
  }

  /** Places that were ever in use; each is a visit or free. */
  get used(): number {
    return this.#used;
  }

  /** A fresh visit to a component, travelling. Throws TooManyRequestsError at the limit. */
  acquire(component: number): number {
    if (this.#live >= this.#limit) throw new TooManyRequestsError(this.#limit);
    this.#live++;
    let visit = this.#free;
    if (visit === none) {
      if (this.#used === this.component.length) this.#grow();
      visit = this.#used++;
    } else {
      this.#free = this.next[visit] as number;
    }
    this.component[visit] = component;
    this.call[visit] = none;
    this.stage[visit] = stage.travelling;
    this.hasFailed[visit] = 0;
    this.hasSlot[visit] = 0;
    this.isCancelled[visit] = 0;
    this.span[visit] = none;
    this.linkCursor[visit] = -1;
    this.callsLeft[visit] = 0;
    this.awaitedCalls[visit] = 0;
    this.firstCall[visit] = none;
    return visit;
  }

  release(visit: number): void {
    this.#live--;
    this.stage[visit] = stage.free;
    this.dueSequence[visit] = 0;
    this.cancelSequence[visit] = 0;
    this.next[visit] = this.#free;
    this.#free = visit;
  }

  #grow(): void {
    const capacity = this.component.length * 2;
    this.component = grownInt32(this.component, capacity);
    this.instance = grownInt32(this.instance, capacity);
    this.call = grownInt32(this.call, capacity);
    this.stage = grownInt32(this.stage, capacity);
    this.hasFailed = grownInt32(this.hasFailed, capacity);
    this.hasSlot = grownInt32(this.hasSlot, capacity);
    this.isCancelled = grownInt32(this.isCancelled, capacity);
    this.workload = grownInt32(this.workload, capacity);
    this.isWrite = grownInt32(this.isWrite, capacity);
    this.session = grownInt32(this.session, capacity);
    this.span = grownInt32(this.span, capacity);
    this.linkCursor = grownInt32(this.linkCursor, capacity);
    this.callsLeft = grownInt32(this.callsLeft, capacity);
    this.awaitedCalls = grownInt32(this.awaitedCalls, capacity);
    this.firstCall = grownInt32(this.firstCall, capacity);
    this.next = grownInt32(this.next, capacity);
    this.previous = grownInt32(this.previous, capacity);
    this.attempt = grownFloat64(this.attempt, capacity);
    this.arrivedNs = grownFloat64(this.arrivedNs, capacity);
    this.answerDelayNs = grownFloat64(this.answerDelayNs, capacity);
    this.deadlineNs = grownFloat64(this.deadlineNs, capacity);
    this.dueSequence = grownFloat64(this.dueSequence, capacity);
    this.cancelSequence = grownFloat64(this.cancelSequence, capacity);
    this.pausesNs = grownFloat64(this.pausesNs, capacity);
  }
}
