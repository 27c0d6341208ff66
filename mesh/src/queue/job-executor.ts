/**
 * Runs the jobs that one consumer holds: at most `concurrency` at a time, retries after their delay and before new jobs,
 * and a drain at the end. Where jobs come from, who else might take them, and how they are settled is the business of its
 * owner (`memory-queue.ts`, `redis-consumer.ts`), reached through `JobSettlement`.
 *
 * A held job is waiting (for its retry time), ready (for a slot) or running.
 */
import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import { judgeFailure, type ResolvedConsumeOptions } from "./consume-options.ts";
import type { Job, JobHandler } from "./work-queue.ts";

export interface HeldJob {
  /** The queue's own name for this delivery. */
  readonly deliveryId: string;
  readonly job: Job;
  attempt: number;
}

/** How the owner ends or keeps a delivery. Rejections mean that the broker is away; they are tried again. */
export interface JobSettlement {
  complete(held: HeldJob): Promise<void>;
  bury(held: HeldJob, error: unknown): Promise<void>;
  /** Before another attempt: false when the delivery belongs to somebody else now. */
  claimRetry(held: HeldJob): Promise<boolean>;
  onRetry(held: HeldJob): void;
  /** `capacity()` may have grown. */
  onCapacity(): void;
}

export interface JobExecutorOptions {
  readonly handler: JobHandler;
  readonly options: ResolvedConsumeOptions;
  readonly settlement: JobSettlement;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

type Entry = HeldJob & { readonly controller: AbortController; timer?: Timer };

/** More failed jobs than this are not held for their retry: no new ones are taken until some are through. */
const MAX_HELD = 1000;
const SETTLE_RETRY = { baseMs: 20, maxMs: 1000 };

export class JobExecutor {
  readonly #settings: JobExecutorOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ready: Entry[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(settings: JobExecutorOptions) {
    this.#settings = settings;
  }

  /** How many jobs it can take now. */
  capacity(): number {
    if (this.#stop.signal.aborted || this.#entries.size >= MAX_HELD) return 0;
    return Math.max(0, this.#settings.options.concurrency - this.#running.size - this.#ready.length);
  }

  holds(deliveryId: string): boolean {
    return this.#entries.has(deliveryId);
  }

  held(): HeldJob[] {
    return [...this.#entries.values()];
  }

  accept(held: HeldJob): void {
    const entry: Entry = { ...held, controller: new AbortController() };
    this.#entries.set(entry.deliveryId, entry);
    this.#ready.push(entry);
    this.#pump();
  }

  /** Somebody else has the job now: its handler is told to stop, and it is not tried again here. */
  forsake(deliveryId: string): void {
    const entry = this.#entries.get(deliveryId);
    if (entry === undefined) return;
    this.#forget(entry);
    entry.controller.abort(new Error("another consumer took this job over"));
  }

  /**
   * Starts nothing more, waits for running handlers, and gives the jobs that it still holds. Handlers that outlast the
   * drain timeout get their signal aborted and are not waited for.
   */
  async drain(): Promise<HeldJob[]> {
    this.#stop.abort();
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    const { clock, options } = this.#settings;
    const inTime = new AbortController();
    const timeout = clock.sleep(options.drainTimeoutMs, inTime.signal).catch(() => {});
    await Promise.race([Promise.all(this.#running), timeout]);
    inTime.abort();
    for (const { controller } of this.#entries.values()) controller.abort(new Error("the consumer is closing"));
    return this.held();
  }

  #pump(): void {
    while (!this.#stop.signal.aborted && this.#running.size < this.#settings.options.concurrency) {
      const entry = this.#ready.shift();
      if (entry === undefined) break;
      const run = this.#run(entry).finally(() => {
        this.#running.delete(run);
        this.#pump();
        this.#settings.settlement.onCapacity();
      });
      this.#running.add(run);
    }
  }

  async #run(entry: Entry): Promise<void> {
    const { handler, settlement, logger } = this.#settings;
    let failure: { error: unknown } | undefined;
    try {
      await handler(entry.job, { attempt: entry.attempt, signal: entry.controller.signal });
    } catch (error) {
      failure = { error };
    }
    if (failure === undefined) {
      // Done is done, also when somebody else has it by now: telling the broker spares a repetition.
      await this.#settle(() => settlement.complete(entry));
      this.#forget(entry);
      return;
    }
    if (!this.holds(entry.deliveryId) || this.#stop.signal.aborted) return;
    const { options, random } = this.#settings;
    const verdict = judgeFailure({ ...options, attempt: entry.attempt, error: failure.error, random });
    const about = { err: failure.error, jobId: entry.job.id, type: entry.job.type, attempt: entry.attempt };
    if (verdict.kind === "dead") {
      logger.error(about, "job failed for good and waits among the dead letters");
      const { error } = failure;
      await this.#settle(() => settlement.bury(entry, error));
      this.#forget(entry);
    } else {
      logger.warn({ ...about, delayMs: verdict.delayMs }, "job failed and will be tried again");
      settlement.onRetry(entry);
      this.#retryLater(entry, verdict.delayMs);
    }
  }

  #retryLater(entry: Entry, delayMs: number): void {
    entry.timer = this.#settings.clock.setTimer(() => {
      void this.#settle(async () => {
        if (!this.holds(entry.deliveryId)) return;
        entry.attempt++;
        const ours = await this.#settings.settlement.claimRetry(entry).catch((error: unknown) => {
          entry.attempt--;
          throw error;
        });
        if (!ours) this.#forget(entry);
        else if (!this.#stop.signal.aborted) {
          this.#ready.unshift(entry);
          this.#pump();
        }
      });
    }, delayMs);
  }

  /** Repeats until the broker has answered or the executor is drained; then the lease hands the job to another. */
  async #settle(attempt: () => Promise<void>): Promise<void> {
    const { clock, random, logger } = this.#settings;
    for (let failures = 1; ; failures++) {
      try {
        await attempt();
        return;
      } catch (error) {
        logger.debug({ err: error }, "the queue's broker is away, a job could not be settled yet");
        if (this.#stop.signal.aborted) return;
      }
      const delayMs = SETTLE_RETRY.baseMs + random.next() * Math.min(SETTLE_RETRY.maxMs, 2 ** failures);
      await clock.sleep(delayMs, this.#stop.signal).catch(() => {});
    }
  }

  #forget(entry: Entry): void {
    entry.timer?.cancel();
    this.#entries.delete(entry.deliveryId);
    const at = this.#ready.indexOf(entry);
    if (at !== -1) this.#ready.splice(at, 1);
    this.#settings.settlement.onCapacity();
  }
}
