/**
 * Requests in the system: one visit per component a request is at, or on its way to, or whose answer is on its way.
 *
 * Columns instead of objects, indexed by visit; a released visit's place is reused. A visit knows the call that waits
 * for its answer by index and attempt number: attempt numbers are never reused, so an answer that comes after the caller
 * gave up is recognised although the call's place may serve another by then. The number of visits is limited, because an
 * overloaded model would otherwise fill the memory and die without saying why.
 */
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

export class VisitPool {
  component: Int32Array;
  instance: Int32Array;
  /** Clients: the workload that the request came from. */
  workload: Int32Array;
  /** The call that waits for the answer, and which of its attempts; `none` for a client's own requests. */
  call: Int32Array;
  attempt: Float64Array;
  arrivedNs: Float64Array;
  /** Network delay of the answer. */
  answerDelayNs: Float64Array;
  /** 1 between arrival and answer. */
  isPresent: Int32Array;
  hasFailed: Int32Array;
  /** 1 while it holds a slot. */
  hasSlot: Int32Array;
  /** Position in the component's links, and calls still to make on that link. */
  linkCursor: Int32Array;
  callsLeft: Int32Array;
  /** Calls made and not yet answered. */
  awaitedCalls: Int32Array;
  /** The next visit in the same queue, or the next free place. */
  next: Int32Array;
  /** The visit before it in the same queue. */
  previous: Int32Array;

  #free = none;
  #used = 0;
  #live = 0;
  readonly #limit: number;

  constructor(limit: number, capacity = 256) {
    this.#limit = limit;
    this.component = new Int32Array(capacity);
    this.instance = new Int32Array(capacity);
    this.workload = new Int32Array(capacity);
    this.call = new Int32Array(capacity);
    this.attempt = new Float64Array(capacity);
    this.arrivedNs = new Float64Array(capacity);
    this.answerDelayNs = new Float64Array(capacity);
    this.isPresent = new Int32Array(capacity);
    this.hasFailed = new Int32Array(capacity);
    this.hasSlot = new Int32Array(capacity);
    this.linkCursor = new Int32Array(capacity);
    this.callsLeft = new Int32Array(capacity);
    this.awaitedCalls = new Int32Array(capacity);
    this.next = new Int32Array(capacity);
    this.previous = new Int32Array(capacity);
  }

  /** Places that were ever in use; each is a visit or free. */
  get used(): number {
    return this.#used;
  }

  /** A fresh visit to a component. Throws TooManyRequestsError at the limit. */
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
    this.workload[visit] = none;
    this.call[visit] = none;
    this.hasFailed[visit] = 0;
    this.hasSlot[visit] = 0;
    this.linkCursor[visit] = -1;
    this.callsLeft[visit] = 0;
    this.awaitedCalls[visit] = 0;
    return visit;
  }

  release(visit: number): void {
    this.#live--;
    this.next[visit] = this.#free;
    this.#free = visit;
  }

  #grow(): void {
    const capacity = this.component.length * 2;
    this.component = grownInt32(this.component, capacity);
    this.instance = grownInt32(this.instance, capacity);
    this.workload = grownInt32(this.workload, capacity);
    this.call = grownInt32(this.call, capacity);
    this.attempt = grownFloat64(this.attempt, capacity);
    this.arrivedNs = grownFloat64(this.arrivedNs, capacity);
    this.answerDelayNs = grownFloat64(this.answerDelayNs, capacity);
    this.isPresent = grownInt32(this.isPresent, capacity);
    this.hasFailed = grownInt32(this.hasFailed, capacity);
    this.hasSlot = grownInt32(this.hasSlot, capacity);
    this.linkCursor = grownInt32(this.linkCursor, capacity);
    this.callsLeft = grownInt32(this.callsLeft, capacity);
    this.awaitedCalls = grownInt32(this.awaitedCalls, capacity);
    this.next = grownInt32(this.next, capacity);
    this.previous = grownInt32(this.previous, capacity);
  }
}
