/**
 * One request at one component, or on its way to it, or its answer on the way back.
 *
 * An object that lives as long as the run and is used again and again (visit-pool.ts). Objects and not columns of numbers: the
 * fields of an object are read in one step, those of a column after its array, length, start and bounds were looked up and
 * checked, and the fields that an event needs lie together. Measured, an M/M/1 run is a quarter faster for it. A request takes
 * twice the memory, which the limit of the pool allows for.
 *
 * A field that holds fractions or long times begins as NaN or Infinity, which makes it a double from the start.
 */
import type { Call } from "./call.ts";
import type { RunComponent } from "./run-component.ts";

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

/** No span, key, place or workload. */
export const none = -1;

export class Visit {
  /** In its pool, and the subject of its events. */
  readonly index: number;
  component: RunComponent;
  /** The instance of the component, numbered over all components (stations.ts). */
  instance = 0;
  /** What it is doing: one of `stage`. */
  stage: number = stage.free;
  /** The call that waits for the answer; absent for what a client itself asks. */
  call: Call | undefined = undefined;
  /** Which attempt of the call this is. Numbers are never used again, so a late answer is known by its number. */
  attempt = 0;
  arrivedNs = Number.NaN;
  /** Network delay of the answer. */
  answerDelayNs = 0;
  /** After this the answer is worth nothing; Infinity without a deadline. */
  deadlineNs = Number.POSITIVE_INFINITY;
  hasFailed = false;
  /** Of one that has failed: how, as bits of `failure` (error-codes.ts). */
  failure = 0;
  hasSlot = false;
  /** Whether the caller's word that it no longer waits came first; only links with `timeoutCancels` send it. */
  isCancelled = false;
  /** The workload that it comes from in the end, and what that drew for the whole tree of calls. */
  workload = 0;
  isWrite = false;
  session = 0;
  /** Its place in the sampled traces; `none` when it is not traced. */
  span: number = none;
  /** Position in the component's links, and calls still to make on that link. */
  linkCursor = -1;
  callsLeft = 0;
  /** Calls made and not yet answered. */
  awaitedCalls = 0;
  /** The first of those, where calls can be called off; chained through `Call.sibling`. */
  firstCall: Call | undefined = undefined;
  /** The event that will move it on; an event of another sequence is obsolete. */
  dueSequence = 0;
  /** The event with which that word comes; 0 when none is under way. */
  cancelSequence = 0;
  /** How long its instance had been paused altogether when its work was last timed. */
  pausesNs = 0;
  /** Keyed caches: the key that it fetches, or `none`, and those that wait for it, chained through `next`. */
  fetchedKey: number = none;
  firstWaiting: Visit | undefined = undefined;
  lastWaiting: Visit | undefined = undefined;
  /** The row that it has locked or waits for; `none` for none. */
  row: number = none;
  /** The next visit in the same queue, or the next free one. */
  next: Visit | undefined = undefined;
  /** The visit before it in the same queue. */
  previous: Visit | undefined = undefined;

  constructor(index: number, component: RunComponent) {
    this.index = index;
    this.component = component;
  }
}
