/**
 * Work that is done later, by whoever is free: the contract of every queue. Delivery is at least once: a job is handed
 * out again when its consumer fails, crashes or falls silent, so handlers must bear being run twice. After the last
 * attempt a job waits among the dead letters for a person; nothing is dropped.
 *
 * Each group sees every job and shares it out among its consumers. Order is that of arrival, but not a promise: retries
 * and concurrency overtake.
 */

export interface NewJob {
  /** What to do: lower case with underscores by convention, such as `send_email`. */
  readonly type: string;
  /** Anything JSON can carry, up to 256 KiB of it. */
  readonly payload: unknown;
  /** Makes enqueuing idempotent: a second job with the same id within a day is not added. Default: a new UUID. */
  readonly id?: string;
  readonly correlationId?: string;
}

export interface Job {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly correlationId?: string;
  readonly enqueuedAtMs: number;
}

export interface JobContext {
  /** From 1. Deliveries that ended in a crash count. */
  readonly attempt: number;
  /** Aborts when another consumer took the job over, or when closing takes too long. */
  readonly signal: AbortSignal;
}

export type JobHandler = (job: Job, context: JobContext) => Promise<void>;

export interface ConsumeOptions {
  /** Jobs handled at the same time by this consumer. Default 4. */
  readonly concurrency?: number;
  /** A consumer that is silent for so long has lost its jobs to others. Default 30 000; renewed at a third of it. */
  readonly leaseMs?: number;
  /** Attempts before a job is dead. Default 5. */
  readonly maxAttempts?: number;
  /** Full-jitter backoff between attempts. Default 1000 to 60 000 ms. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** How long `close` waits for handlers before it aborts their signals. Default 10 000. */
  readonly drainTimeoutMs?: number;
}

export interface Consumer {
  /** Takes no new jobs, waits for those under way, and gives the others back. */
  close(): Promise<void>;
}

export interface QueueDepth {
  /** Jobs that no consumer has seen; of the slowest group. */
  readonly waiting: number;
  /** Jobs handed out and not finished, of all groups; includes those that wait for a retry. */
  readonly pending: number;
  readonly dead: number;
}

export interface DeadLetter {
  /** For `redrive` and `discard`; not the job's id. */
  readonly id: string;
  /** Absent when the entry was trimmed away under its consumer, so that only its place is known. */
  readonly job?: Job;
  readonly group: string;
  readonly attempts: number;
  /** The last failure. */
  readonly error: string;
  readonly diedAtMs: number;
}

/** Jobs that need a person's decision (EVT-52). */
export interface DeadLetters {
  /** Oldest first; `after` is the id of the last one seen. Default limit 100. */
  inspect(options?: { readonly limit?: number; readonly after?: string }): Promise<DeadLetter[]>;
  /** Gives the job back to its group with all attempts; false when there is no such dead letter with a job. */
  redrive(id: string): Promise<boolean>;
  /** Deletes it; false when there is no such dead letter. */
  discard(id: string): Promise<boolean>;
}

export interface WorkQueue {
  readonly name: string;
  /** Gives the job's id. Rejects with `QueueFullError`, a `RangeError` naming the bad field, or when the broker is away. */
  enqueue(job: NewJob): Promise<string>;
  /** Starts a consumer; it survives every absence of the broker. */
  consume(group: string, handler: JobHandler, options?: ConsumeOptions): Consumer;
  depth(): Promise<QueueDepth>;
  deadLetters(): DeadLetters;
  /** Closes all consumers made here. */
  close(): Promise<void>;
}

/** What happens in a queue, for metrics. */
export type QueueEventKind =
  | "enqueued"
  | "duplicate"
  | "refused"
  | "completed"
  | "retried"
  | "dead"
  | "reclaimed"
  | "lease-lost"
  | "lost"
  | "dead-letter-dropped";

export type QueueObserver = (event: {
  readonly queue: string;
  readonly kind: QueueEventKind;
  readonly count: number;
}) => void;

/** The queue holds as many unfinished jobs as it may: the producer must slow down or give up. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
  constructor(queue: string, maxLength: number) {
    super(`the queue "${queue}" already holds ${maxLength} unfinished jobs`);
  }
}

/** Thrown by a handler: no further attempt can help, the job goes to the dead letters at once. */
export class UnretryableJobError extends Error {
  override readonly name = "UnretryableJobError";
}
