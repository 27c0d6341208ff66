/** WorkQueue within one process: for tests and for work that may die with it. Same rules, no leases (nobody can crash alone). */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import { resolveConsumeOptions } from "./consume-options.ts";
import { assertName, encodeJob, failureText } from "./job-encoding.ts";
import { JobExecutor } from "./job-executor.ts";
import {
  type ConsumeOptions,
  type Consumer,
  type DeadLetter,
  type DeadLetters,
  type Job,
  type JobHandler,
  type NewJob,
  type QueueDepth,
  type QueueEventKind,
  QueueFullError,
  type QueueObserver,
  type WorkQueue,
} from "./work-queue.ts";

export interface MemoryQueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Unfinished jobs before `enqueue` refuses. Default 100 000. */
  readonly maxLength?: number;
  readonly observe?: QueueObserver;
}

/** Stands in for the day that Redis remembers ids: enough for any test, bounded for a process that runs for months. */
const MAX_REMEMBERED_IDS = 100_000;

interface Delivery {
  readonly job: Job;
  readonly attempt: number;
}

interface Group {
  readonly waiting: Delivery[];
  readonly executors: Set<JobExecutor>;
}

export function createMemoryQueue(options: MemoryQueueOptions): WorkQueue {
  return new MemoryQueue(options);
}

class MemoryQueue implements WorkQueue {
  readonly name: string;
  readonly #options: MemoryQueueOptions;
  readonly #maxLength: number;
  readonly #groups = new Map<string, Group>();
  /** Jobs from before the first group. */
  #backlog: Delivery[] = [];
  readonly #seenIds = new Set<string>();
  readonly #dead = new Map<string, DeadLetter>();
  readonly #consumers = new Set<Consumer>();
  #sequence = 0;

  constructor(options: MemoryQueueOptions) {
    assertName("name", options.name);
    this.name = options.name;
    this.#options = options;
    this.#maxLength = options.maxLength ?? 100_000;
  }

  async enqueue(newJob: NewJob): Promise<string> {
    const { job } = encodeJob(newJob, this.#options.random.id(), this.#options.clock.now());
    if (this.#seenIds.has(job.id)) {
      this.#note("duplicate");
      return job.id;
    }
    const { waiting, pending } = await this.depth();
    if (waiting + pending >= this.#maxLength) {
      this.#note("refused");
      throw new QueueFullError(this.name, this.#maxLength);
    }
    if (newJob.id !== undefined) this.#rememberId(job.id);
    const delivery = { job, attempt: 1 };
    if (this.#groups.size === 0) this.#backlog.push(delivery);
    for (const group of this.#groups.values()) group.waiting.push(delivery);
    this.#note("enqueued");
    this.#dispatch();
    return job.id;
  }

  consume(groupName: string, handler: JobHandler, given?: ConsumeOptions): Consumer {
    assertName("group", groupName);
    const { clock, random, logger } = this.#options;
    const group = this.#group(groupName);
    const executor = new JobExecutor({
      handler,
      options: resolveConsumeOptions(given),
      clock,
      random,
      logger,
      settlement: {
        complete: async () => this.#note("completed"),
        bury: async ({ job, attempt }, error) => this.#bury(groupName, job, attempt, error),
        claimRetry: async () => true,
        onRetry: () => this.#note("retried"),
        onCapacity: () => this.#dispatch(),
      },
    });
    group.executors.add(executor);
    let closing: Promise<void> | undefined;
    const close = async () => {
      group.executors.delete(executor);
      const unfinished = await executor.drain();
      group.waiting.unshift(...unfinished.map(({ job, attempt }) => ({ job, attempt: attempt + 1 })));
      this.#consumers.delete(consumer);
      this.#dispatch();
    };
    const consumer: Consumer = {
      close: () => {
        closing ??= close();
        return closing;
      },
    };
    this.#consumers.add(consumer);
    this.#dispatch();
    return consumer;
  }

  async depth(): Promise<QueueDepth> {
    const groups = [...this.#groups.values()];
    const waiting = Math.max(this.#backlog.length, ...groups.map((group) => group.waiting.length));
    const executors = groups.flatMap((group) => [...group.executors]);
    const pending = executors.reduce((sum, executor) => sum + executor.held().length, 0);
    return { waiting, pending, dead: this.#dead.size };
  }

  deadLetters(): DeadLetters {
    return {
      inspect: async ({ limit = 100, after } = {}) => {
        const all = [...this.#dead.values()];
        const start = after === undefined ? 0 : all.findIndex(({ id }) => Number(id) > Number(after));
        return start === -1 ? [] : all.slice(start, start + limit);
      },
      redrive: async (id) => {
        const letter = this.#dead.get(id);
        if (letter?.job === undefined) return false;
        this.#dead.delete(id);
        this.#group(letter.group).waiting.push({ job: letter.job, attempt: 1 });
        this.#dispatch();
        return true;
      },
      discard: async (id) => this.#dead.delete(id),
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
  }

  #rememberId(id: string): void {
    this.#seenIds.add(id);
    const [oldest] = this.#seenIds;
    if (this.#seenIds.size > MAX_REMEMBERED_IDS && oldest !== undefined) this.#seenIds.delete(oldest);
  }

  #group(name: string): Group {
    const existing = this.#groups.get(name);
    if (existing !== undefined) return existing;
    const group: Group = { waiting: this.#backlog, executors: new Set() };
    this.#backlog = [];
    this.#groups.set(name, group);
    return group;
  }

  /** Hands waiting jobs to whoever has room; on a later turn, so that no handler runs inside `enqueue`. */
  #dispatch(): void {
    queueMicrotask(() => {
      for (const group of this.#groups.values()) {
        for (const executor of group.executors) {
          while (group.waiting.length > 0 && executor.capacity() > 0) {
            const next = group.waiting.shift();
            if (next !== undefined) executor.accept({ ...next, deliveryId: `${this.#sequence++}` });
          }
        }
      }
    });
  }

  #bury(group: string, job: Job, attempts: number, error: unknown): void {
    const id = `${++this.#sequence}`;
    this.#dead.set(id, { id, job, group, attempts, error: failureText(error), diedAtMs: this.#options.clock.now() });
    this.#note("dead");
  }

  #note(kind: QueueEventKind): void {
    this.#options.observe?.({ queue: this.name, kind, count: 1 });
  }
}
