/**
 * What somebody asks of a component along a link: the caller's side, across all attempts.
 *
 * A call has one current attempt (and one beside it when it is hedged), numbered uniquely in the run; answers and timeouts of
 * earlier attempts, or of what this object was before, carry another number and are ignored. Objects are used again; visit.ts
 * says why objects.
 */
import type { RunLink } from "./run-link.ts";
import { none, type Visit } from "./visit.ts";

/** What `holdsConnection` says. */
export const connection = { none: 0, held: 1, awaited: 2 } as const;

export class Call {
  /** In its pool, and the subject of its events. */
  readonly index: number;
  link: RunLink;
  isFree = false;
  /** The visit that waits for the call; absent when nobody does. */
  caller: Visit | undefined = undefined;
  /** Which instance of the calling component it comes from, from 0. */
  callerInstance = 0;
  /** The current attempt's number in the run; 0 when none is under way. And its visit, only of use while it is. */
  attempt = 0;
  visit: Visit | undefined = undefined;
  /** The same of a second attempt beside it. */
  hedge = 0;
  hedgeVisit: Visit | undefined = undefined;
  attemptsMade = 0;
  /** Its next event: the timeout of the attempt, the end of a pause. An event of another sequence is obsolete. */
  dueSequence = 0;
  hedgeSequence = 0;
  /** What it has of a connection of its caller's pool: one of `connection`. */
  holdsConnection: number = connection.none;
  waitsSinceNs = Number.NaN;
  /** The key that the call asks a cache for, in every attempt; `none` until the cache has drawn it. */
  key: number = none;
  /** Copied from the caller, who may be gone when it is tried again. */
  workload = 0;
  isWrite = false;
  session = 0;
  deadlineNs = Number.POSITIVE_INFINITY;
  /** The caller's span; `none` when it is not traced. */
  span: number = none;
  /** Of traced calls: when it was made, and all pauses before retries and waits for a connection, up to now. */
  madeNs = Number.NaN;
  pausedNs = 0;
  connectionNs = 0;
  /** Other calls of the same caller, where they can be called off. */
  sibling: Call | undefined = undefined;
  elderSibling: Call | undefined = undefined;
  /** The next free one, or the next that waits for a connection. */
  next: Call | undefined = undefined;
  /** The one before it that waits for a connection. */
  previous: Call | undefined = undefined;

  constructor(index: number, link: RunLink) {
    this.index = index;
    this.link = link;
  }
}
