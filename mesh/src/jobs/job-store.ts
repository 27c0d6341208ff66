/**
 * What the scheduler needs of a store. A store decides who gets a job: it hands each due job to one instance under a
 * lease, with a fence that grows at every hand-over, and refuses whoever comes back with an old fence. Times are the
 * store's own, given and taken as distances, so that instances need not agree on the time.
 */
import type { Queryable } from "../postgres/database.ts";

export interface StoredJob {
  readonly name: string;
  /** Unique; a job stored under a known key replaces it. */
  readonly key: string | undefined;
  readonly payload: unknown;
  readonly maxAttempts: number;
  /** Absolute, in ms since the epoch. */
  readonly runAtMs: number;
}

export interface RecurringJob {
  readonly name: string;
  readonly key: string;
  readonly payload: unknown;
  readonly maxAttempts: number;
  readonly intervalMs: number;
}

export interface ClaimedJob {
  readonly id: string;
  readonly name: string;
  readonly key: string | undefined;
  readonly payload: unknown;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly fence: string;
  readonly recurring: boolean;
  /** When it was to run, in ms since the epoch; the same in every attempt. */
  readonly runAtMs: number;
}

export type JobOutcome =
  /** Finished; a recurring job goes on to its next time. */
  | { readonly kind: "done" }
  | { readonly kind: "retry"; readonly delayMs: number; readonly error: string }
  /** Failed for good. A recurring job goes on to its next time all the same. */
  | { readonly kind: "dead"; readonly error: string };

export interface DeadJob {
  readonly id: string;
  readonly name: string;
  readonly key: string | undefined;
  readonly payload: unknown;
  readonly attempts: number;
  readonly error: string;
}

export interface JobCounts {
  /** Not running, in the future or waiting for a retry. */
  readonly scheduled: number;
  /** Should be running by now and are not: the backlog. */
  readonly due: number;
  readonly running: number;
  readonly dead: number;
}

export interface JobStore {
  /** Gives the job's id. `within` is the caller's transaction, for stores that have them. */
  put(job: StoredJob, within?: Queryable): Promise<string>;
  /** Makes a recurring job, or changes one; an unchanged one keeps its next time. */
  putRecurring(job: RecurringJob): Promise<void>;
  /** True when a job that had not finished was removed. */
  remove(key: string, within?: Queryable): Promise<boolean>;
  /** Takes due jobs, and those whose lease ran out, of these names; soonest first. */
  claim(names: readonly string[], limit: number, leaseMs: number): Promise<ClaimedJob[]>;
  /** False when the job has another fence now, and then nothing was changed. */
  settle(job: ClaimedJob, outcome: JobOutcome): Promise<boolean>;
  /** False as in `settle`. */
  renew(job: ClaimedJob, leaseMs: number): Promise<boolean>;
  /** Time until a job of these names falls due or a lease runs out; undefined when there is none. */
  nextDueInMs(names: readonly string[]): Promise<number | undefined>;
  dead(limit: number): Promise<DeadJob[]>;
  /** Gives a dead job all its attempts again, now. */
  revive(id: string): Promise<boolean>;
  /** Deletes a dead job. */
  discard(id: string): Promise<boolean>;
  counts(): Promise<JobCounts>;
  /** Calls back when jobs may have been added, by anybody; gives a function that stops it. */
  onChange(listener: () => void): Promise<() => Promise<void>>;
}

/** The first time after now on the grid that starts at `runAtMs`: times that were missed are passed over. */
export function nextRunAtMs(runAtMs: number, intervalMs: number, nowMs: number): number {
  const missed = Math.max(0, Math.floor((nowMs - runAtMs) / intervalMs));
  return runAtMs + (missed + 1) * intervalMs;
}
