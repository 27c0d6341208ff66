/**
 * WorkQueue on a Redis Stream with consumer groups (QUE-03). A stream keeps finished entries, so they are trimmed as soon
 * as every group is through with them; what is left is unfinished work, and its number is bounded by refusing new jobs,
 * never by deleting old ones. How safe a queued job is depends on how Redis persists: with `appendfsync everysec` up to
 * a second of jobs can be lost in a crash. Work that must not be lost goes through the outbox or `jobs/`.
 */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import type { RedisHandles } from "../redis/redis-connection.ts";
import { resolveConsumeOptions } from "./consume-options.ts";
import { assertName, encodeJob } from "./job-encoding.ts";
import { RedisConsumer } from "./redis-consumer.ts";
import { deadLetterFromEntry, fieldsFromJob, queueKeys, type StreamEntry } from "./redis-entry.ts";
import { enqueueScript, redriveScript } from "./redis-scripts.ts";
import {
  type ConsumeOptions,
  type Consumer,
  type DeadLetters,
  type JobHandler,
  type NewJob,
  type QueueDepth,
  type QueueEventKind,
  QueueFullError,
  type QueueObserver,
  type WorkQueue,
} from "./work-queue.ts";

export interface RedisQueueOptions {
  /** 1 to 200 characters, without braces. */
  readonly name: string;
  readonly redis: RedisHandles;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Unfinished jobs before `enqueue` refuses. Default 100 000. */
  readonly maxLength?: number;
  /** Dead letters kept; beyond it the oldest go, with an error in the log. Default 100 000. */
  readonly maxDeadLetters?: number;
  readonly observe?: QueueObserver;
}

const DEFAULT_MAX_LENGTH = 100_000;
const ID_MARKER_MS = 24 * 60 * 60 * 1000;
const DEFAULT_INSPECT_LIMIT = 100;

export function createRedisQueue(options: RedisQueueOptions): WorkQueue {
  return new RedisQueue(options);
}

class RedisQueue implements WorkQueue {
  readonly name: string;
  readonly #options: RedisQueueOptions;
  readonly #maxLength: number;
  readonly #stream: string;
  readonly #deadLetterStream: string;
  readonly #consumers = new Set<RedisConsumer>();

  constructor(options: RedisQueueOptions) {
    assertName("name", options.name);
    if (/[{}]/.test(options.name)) throw new RangeError(`name: "${options.name}" must not contain braces`);
    this.name = options.name;
    this.#options = options;
    this.#maxLength = options.maxLength ?? DEFAULT_MAX_LENGTH;
    this.#stream = queueKeys.stream(options.name);
    this.#deadLetterStream = queueKeys.deadLetters(options.name);
  }

  async enqueue(newJob: NewJob): Promise<string> {
    const { random, clock, redis } = this.#options;
    const { job, payloadText } = encodeJob(newJob, random.id(), clock.now());
    const markerMs = newJob.id === undefined ? 0 : ID_MARKER_MS;
    const added = await enqueueScript.run(
      redis.commands,
      [this.#stream, queueKeys.idMarker(this.name, job.id)],
      [this.#maxLength, markerMs, ...fieldsFromJob(job, payloadText)],
    );
    if (added === -1) {
      this.#note("refused");
      throw new QueueFullError(this.name, this.#maxLength);
    }
    this.#note(added === 0 ? "duplicate" : "enqueued");
    return job.id;
  }

  consume(group: string, handler: JobHandler, given?: ConsumeOptions): Consumer {
    assertName("group", group);
    const consumer = new RedisConsumer({
      ...this.#options,
      queue: this.name,
      group,
      handler,
      options: resolveConsumeOptions(given),
      maxDeadLetters: this.#options.maxDeadLetters ?? DEFAULT_MAX_LENGTH,
      note: (kind, count) => this.#note(kind, count),
    });
    this.#consumers.add(consumer);
    return {
      close: async () => {
        await consumer.close();
        this.#consumers.delete(consumer);
      },
    };
  }

  async depth(): Promise<QueueDepth> {
    const { commands } = this.#options.redis;
    const [length, dead] = await Promise.all([commands.xlen(this.#stream), commands.xlen(this.#deadLetterStream)]);
    if (length === 0) return { waiting: 0, pending: 0, dead };
    const groups = (await commands.xinfo("GROUPS", this.#stream)) as unknown[][];
    let waiting = groups.length === 0 ? length : 0;
    let pending = 0;
    for (const group of groups) {
      const groupPending = Number(fieldOf(group, "pending"));
      const lag = fieldOf(group, "lag");
      pending += groupPending;
      // Redis does not know the lag after entries were deleted in the middle; then everything not pending may be waiting.
      waiting = Math.max(waiting, lag === null ? length - groupPending : Number(lag));
    }
    return { waiting, pending, dead };
  }

  deadLetters(): DeadLetters {
    const { commands } = this.#options.redis;
    const stream = this.#deadLetterStream;
    return {
      inspect: async ({ limit = DEFAULT_INSPECT_LIMIT, after } = {}) => {
        const start = after === undefined ? "-" : `(${after}`;
        const entries = (await commands.xrange(stream, start, "+", "COUNT", limit)) as StreamEntry[];
        return entries.map(deadLetterFromEntry);
      },
      redrive: async (id) => (await redriveScript.run(commands, [stream, this.#stream], [id])) === 1,
      discard: async (id) => (await commands.xdel(stream, id)) === 1,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    this.#consumers.clear();
  }

  #note(kind: QueueEventKind, count = 1): void {
    this.#options.observe?.({ queue: this.name, kind, count });
  }
}

function fieldOf(reply: readonly unknown[], name: string): unknown {
  const at = reply.indexOf(name);
  return at === -1 ? null : reply[at + 1];
}
