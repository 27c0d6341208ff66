/**
 * Durable jobs at a time: reminders, clean-up, anything that must happen later even if every instance is replaced before.
 * Every instance may run a scheduler; the store (`postgres-job-store.ts`, `memory-job-store.ts`) hands each due job to
 * one of them. At least once: an instance that dies or falls silent loses its lease and the job starts again elsewhere,
 * so handlers must bear being run twice.
 *
 * It sleeps until the next job falls due, is woken when one is added, and looks every `pollMs` in any case, since a
 * notice can be lost. A failed job is tried again with backoff, then it is dead and waits for a person; a recurring job
 * never dies, it goes on to its next time.
 */
import { backoffDelayMs } from "../backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Queryable } from "../postgres/database.ts";
import { judgeFailure } from "../queue/consume-options.ts";
import { failureText } from "../queue/job-encoding.ts";
import type { Random } from "../random.ts";
import type { ClaimedJob, DeadJob, JobCounts, JobOutcome, JobStore } from "./job-store.ts";

export interface NewScheduledJob {
  readonly name: string;
  /** Unique in the service; scheduling under a known key replaces that job, also while it runs or when it is dead. */
  readonly key?: string;
  /** A time in the past means now. */
  readonly runAt: Date;
  /** Anything JSON can carry. */
  readonly payload: unknown;
  /** Default 10. */
  readonly maxAttempts?: number;
}

export interface NewRecurringJob {
  readonly name: string;
  /** First after one interval, then on that grid; times missed while nobody was there are passed over. At least 1000. */
  readonly intervalMs: number;
  readonly payload?: unknown;
}

export interface ScheduledJobContext {
  readonly key: string | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly runAt: Date;
  /** Aborts when the job was taken over, replaced or cancelled, or when closing takes too long. */
  readonly signal: AbortSignal;
}

export type ScheduledJobHandler = (payload: unknown, context: ScheduledJobContext) => Promise<void>;

export interface JobSchedulerOptions {
  readonly store: JobStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Jobs run at the same time by this instance. Default 10. */
  readonly concurrency?: number;
  /** Silence after which another instance may start the job again. Default 30 000; renewed at a third of it. */
  readonly leaseMs?: number;
  /** Look at least so often. Default 5000. */
  readonly pollMs?: number;
  /** Between attempts. Default 1000 to 600 000 ms. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** How long `close` waits for handlers before it aborts their signals. Default 10 000. */
  readonly drainTimeoutMs?: number;
}

const DEFAULTS = {
  concurrency: 10,
  leaseMs: 30_000,
  pollMs: 5000,
  backoff: { baseMs: 1000, maxMs: 600_000 },
  drainTimeoutMs: 10_000,
};
const DEFAULT_MAX_ATTEMPTS = 10;
const MIN_INTERVAL_MS = 1000;

export class JobScheduler {
  readonly #settings: Required<JobSchedulerOptions>;
  readonly #store: JobStore;
  readonly #handlers = new Map<string, ScheduledJobHandler>();
  readonly #running = new Map<Promise<void>, AbortController>();
  readonly #stop = new AbortController();
  #stopWatching: (() => Promise<void>) | undefined;
  #timer: Timer | undefined;
  #taking: Promise<void> | undefined;
  #takeAgain = false;
  #failures = 0;
  #started = false;

  constructor(options: JobSchedulerOptions) {
    this.#settings = { ...DEFAULTS, ...options };
    this.#store = options.store;
  }

  /** Stores a job and gives its id; in the caller's transaction when given, and then it exists only if that commits. */
  schedule(job: NewScheduledJob, options: { readonly within?: Queryable } = {}): Promise<string> {
    const { name, key, payload, runAt, maxAttempts = DEFAULT_MAX_ATTEMPTS } = job;
    assertText("name", name);
    if (key !== undefined) assertText("key", key);
    const runAtMs = runAt.getTime();
    if (!Number.isFinite(runAtMs)) throw new RangeError("runAt: not a valid time");
    if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
      throw new RangeError(`maxAttempts: ${maxAttempts} is not a whole number of at least 1`);
    }
    if (JSON.stringify(payload) === undefined) throw new RangeError("payload: JSON cannot carry this value");
    return this.#store.put({ name, key, payload, runAtMs, maxAttempts }, options.within);
  }

  /** Removes the job with this key; false when there is none that could still run. A running handler is told to stop. */
  cancel(key: string, options: { readonly within?: Queryable } = {}): Promise<boolean> {
    return this.#store.remove(key, options.within);
  }

  /** Makes a recurring job named `name`; every instance may call it at each start. */
  async every({ name, intervalMs, payload = null }: NewRecurringJob): Promise<void> {
    assertText("name", name);
    if (!(intervalMs >= MIN_INTERVAL_MS)) {
      throw new RangeError(`intervalMs: ${intervalMs} is below ${MIN_INTERVAL_MS}`);
    }
    await this.#store.putRecurring({
      name,
      key: `every:${name}`,
      payload,
      intervalMs,
      maxAttempts: DEFAULT_MAX_ATTEMPTS,
    });
  }

  /** Sets who runs the jobs of a name. Jobs without a handler here are left to other instances. */
  handle(name: string, handler: ScheduledJobHandler): void {
    if (this.#handlers.has(name)) throw new Error(`jobs named "${name}" already have a handler`);
    this.#handlers.set(name, handler);
    if (this.#started) this.#take();
  }

  async start(): Promise<void> {
    this.#started = true;
    this.#stopWatching = await this.#store.onChange(() => this.#take());
    this.#take();
  }

  /** Starts no more jobs and waits for those under way; what outlasts that starts again elsewhere after its lease. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#timer?.cancel();
    await this.#stopWatching?.();
    await this.#taking;
    const { clock, drainTimeoutMs } = this.#settings;
    const inTime = new AbortController();
    const timeout = clock.sleep(drainTimeoutMs, inTime.signal).catch(() => {});
    await Promise.race([Promise.all(this.#running.keys()), timeout]);
    inTime.abort();
    for (const controller of this.#running.values()) controller.abort(new Error("the scheduler is closing"));
  }

  /** Jobs that failed for good, oldest first. */
  dead(limit = 100): Promise<DeadJob[]> {
    return this.#store.dead(limit);
  }

  /** Runs a dead job again, with all attempts; false when there is none with this id. */
  revive(id: string): Promise<boolean> {
    return this.#store.revive(id);
  }

  /** Deletes a dead job; false when there is none with this id. */
  discard(id: string): Promise<boolean> {
    return this.#store.discard(id);
  }

  /** For gauges: `due` is the backlog. */
  counts(): Promise<JobCounts> {
    return this.#store.counts();
  }

  #take(): void {
    if (this.#stop.signal.aborted) return;
    this.#takeAgain = true;
    this.#taking ??= this.#takeDue().finally(() => {
      this.#taking = undefined;
      if (this.#takeAgain) this.#take();
    });
  }

  async #takeDue(): Promise<void> {
    const { concurrency, leaseMs, pollMs, logger, random } = this.#settings;
    const names = [...this.#handlers.keys()];
    let waitMs = pollMs;
    try {
      while (this.#takeAgain && !this.#stop.signal.aborted) {
        this.#takeAgain = false;
        const room = concurrency - this.#running.size;
        const jobs = room > 0 && names.length > 0 ? await this.#store.claim(names, room, leaseMs) : [];
        for (const job of jobs) this.#start(job);
        // With all places taken the next look comes when one is free.
        if (this.#running.size < concurrency) {
          waitMs = Math.min(pollMs, (await this.#store.nextDueInMs(names)) ?? pollMs);
        }
      }
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      this.#takeAgain = false;
      waitMs = 50 + backoffDelayMs({ attempt: this.#failures, baseMs: 100, maxMs: pollMs, random });
      logger.warn({ err: error, failures: this.#failures }, "due jobs could not be read, will be tried again");
    }
    this.#timer?.cancel();
    if (!this.#stop.signal.aborted) this.#timer = this.#settings.clock.setTimer(() => this.#take(), Math.ceil(waitMs));
  }

  #start(job: ClaimedJob): void {
    const controller = new AbortController();
    const run = this.#run(job, controller).finally(() => {
      this.#running.delete(run);
      this.#take();
    });
    this.#running.set(run, controller);
  }

  async #run(job: ClaimedJob, controller: AbortController): Promise<void> {
    const { logger, backoff, random } = this.#settings;
    const about = { jobName: job.name, jobKey: job.key, jobId: job.id, attempt: job.attempt };
    const stopRenewing = this.#keepLease(job, controller);
    let outcome: JobOutcome = { kind: "done" };
    try {
      await this.#handlerOf(job)(job.payload, {
        key: job.key,
        attempt: job.attempt,
        runAt: new Date(job.runAtMs),
        signal: controller.signal,
      });
    } catch (error) {
      const verdict = judgeFailure({ attempt: job.attempt, maxAttempts: job.maxAttempts, backoff, error, random });
      outcome = { ...verdict, error: failureText(error) };
      if (verdict.kind === "dead") logger.error({ ...about, err: error }, "scheduled job failed for good");
      else logger.warn({ ...about, err: error, delayMs: verdict.delayMs }, "scheduled job failed, will be tried again");
    } finally {
      stopRenewing();
    }
    if (!(await this.#settle(job, outcome))) logger.info(about, "scheduled job was replaced, cancelled or taken over");
  }

  #handlerOf(job: ClaimedJob): ScheduledJobHandler {
    // Attempts that ended in silence count too: a job that kills its instance must not go round for ever.
    if (job.attempt > job.maxAttempts) {
      return async () => {
        throw new Error(`the instances that ran it fell silent in ${job.attempt - 1} attempts`);
      };
    }
    const handler = this.#handlers.get(job.name);
    if (handler === undefined) throw new Error(`no handler for jobs named "${job.name}"`);
    return handler;
  }

  #keepLease(job: ClaimedJob, controller: AbortController): () => void {
    const { clock, leaseMs, logger } = this.#settings;
    let timer: Timer;
    let stopped = false;
    const renew = async () => {
      const ours = await this.#store.renew(job, leaseMs).catch((error: unknown) => {
        logger.debug({ err: error, jobId: job.id }, "a job's lease could not be renewed yet");
        return true;
      });
      if (stopped) return;
      if (ours) renewLater();
      else controller.abort(new Error("the job was replaced, cancelled or taken over"));
    };
    const renewLater = () => {
      timer = clock.setTimer(() => void renew(), leaseMs / 3);
    };
    renewLater();
    return () => {
      stopped = true;
      timer.cancel();
    };
  }

  /** Repeats while the store is away; after `close` the lease decides. True also when that was given up. */
  async #settle(job: ClaimedJob, outcome: JobOutcome): Promise<boolean> {
    const { clock, random, logger } = this.#settings;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#store.settle(job, outcome);
      } catch (error) {
        logger.warn({ err: error, jobId: job.id }, "the outcome of a job could not be stored yet");
        if (this.#stop.signal.aborted) return true;
      }
      const delayMs = 20 + backoffDelayMs({ attempt, baseMs: 50, maxMs: 2000, random });
      await clock.sleep(delayMs, this.#stop.signal).catch(() => {});
    }
  }
}

function assertText(field: string, text: string): void {
  if (text.length < 1 || text.length > 200) {
    throw new RangeError(`${field}: ${text.length} characters, 1 to 200 are allowed`);
  }
}
