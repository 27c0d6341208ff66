/**
 * Requests in the system. A released visit is used again, so that nothing is allocated once a run has its largest crowd.
 *
 * Their number is limited, because an overloaded model would otherwise fill the memory and die without saying why.
 */
import type { RunComponent } from "./run-component.ts";
import { none as noSpan, stage, Visit } from "./visit.ts";

/** The compiler knows a file's own constants; those that are imported are read each time. */
const { travelling, free } = stage;
const none = noSpan;

export { none } from "./visit.ts";

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
  /** Every visit there ever was, by index. */
  readonly all: Visit[] = [];
  #free: Visit | undefined = undefined;
  #live = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  at(index: number): Visit {
    return this.all[index] as Visit;
  }

  /** A fresh visit to a component, travelling. Throws TooManyRequestsError at the limit. */
  acquire(component: RunComponent): Visit {
    if (this.#live >= this.#limit) throw new TooManyRequestsError(this.#limit);
    this.#live++;
    let visit = this.#free;
    if (visit === undefined) {
      visit = new Visit(this.all.length, component);
      this.all.push(visit);
    } else {
      this.#free = visit.next;
      visit.component = component;
      visit.hasFailed = false;
      visit.failure = 0;
      visit.hasSlot = false;
      visit.isCancelled = false;
      visit.span = none;
      visit.linkCursor = -1;
      visit.callsLeft = 0;
      visit.awaitedCalls = 0;
    }
    visit.stage = travelling;
    return visit;
  }

  release(visit: Visit): void {
    this.#live--;
    visit.stage = free;
    visit.call = undefined;
    visit.firstCall = undefined;
    visit.dueSequence = 0;
    visit.cancelSequence = 0;
    visit.next = this.#free;
    this.#free = visit;
  }
}
