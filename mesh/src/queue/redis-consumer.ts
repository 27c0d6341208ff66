/**
 * One consumer of a group on a Redis Stream. Three loops: reading new entries on a blocking connection of its own;
 * renewing the leases of all it holds, since Redis measures only silence and would give a slow handler's job away; and
 * taking over what others left behind when they crashed.
 *
 * A lease is the idle time of a pending entry, an attempt its delivery count, so both survive this process. Retries stay
 * pending here until their time. When Redis came back empty the group is made again and held jobs are finished from
 * memory, because nobody else knows them any more.
 */
import { hostname } from "node:os";
import type { Redis } from "ioredis";
import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import { endConnection, type RedisHandles } from "../redis/redis-connection.ts";
import type { ResolvedConsumeOptions } from "./consume-options.ts";
import { failureText } from "./job-encoding.ts";
import { type HeldJob, JobExecutor } from "./job-executor.ts";
import {
  type Death,
  fieldsFromDeath,
  fieldsFromJob,
  jobFromFields,
  queueKeys,
  type StreamEntry,
} from "./redis-entry.ts";
import { buryScript, completeScript, renewScript, retireConsumerScript } from "./redis-scripts.ts";
import type { Consumer, JobHandler, QueueEventKind } from "./work-queue.ts";

export interface RedisConsumerOptions {
  readonly queue: string;
  readonly group: string;
  readonly handler: JobHandler;
  readonly options: ResolvedConsumeOptions;
  readonly redis: RedisHandles;
  readonly maxDeadLetters: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly note: (kind: QueueEventKind, count?: number) => void;
}

/** Longest wait of one read; also the longest time that `close` waits for it. */
const READ_BLOCK_MS = 250;
/** Looking for finished entries costs a few commands; doing so at each completion would double the work of a job. */
const COMPLETIONS_PER_TRIM = 64;
const RECONNECT_PAUSE_MS = 50;

export class RedisConsumer implements Consumer {
  readonly #settings: RedisConsumerOptions;
  readonly #stream: string;
  readonly #name: string;
  readonly #commands: Redis;
  readonly #blocking: Redis;
  readonly #executor: JobExecutor;
  readonly #reading: Promise<void>;
  readonly #stop = new AbortController();
  #capacityGrew = Promise.withResolvers<void>();
  #completions = 0;
  #reclaimCursor = "0-0";
  #upkeepTimer: Timer | undefined;
  #upkeep: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #drained = false;

  constructor(settings: RedisConsumerOptions) {
    this.#settings = settings;
    this.#stream = queueKeys.stream(settings.queue);
    this.#name = `${hostname()}-${process.pid}-${settings.random.id()}`;
    this.#commands = settings.redis.commands;
    this.#blocking = settings.redis.dedicated(`queue-${settings.queue}`);
    this.#executor = new JobExecutor({
      ...settings,
      settlement: {
        complete: (held) => this.#complete(held.deliveryId),
        bury: (held, error) => this.#bury(held, error),
        claimRetry: (held) => this.#renew(held.deliveryId, 0, held.attempt),
        onRetry: () => settings.note("retried"),
        onCapacity: () => this.#capacityGrew.resolve(),
      },
    });
    this.#reading = this.#readUntilClosed();
    this.#planUpkeep();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { options, logger, group } = this.#settings;
    this.#stop.abort();
    this.#capacityGrew.resolve();
    const drained = this.#executor.drain();
    await this.#reading;
    const unfinished = await drained;
    // Before the upkeep is waited for: one that is under way would plan the next, and renew for ever what is given back.
    this.#drained = true;
    this.#upkeepTimer?.cancel();
    await this.#upkeep;
    try {
      // Idle for a whole lease means free for anybody at once.
      for (const held of unfinished) await this.#renew(held.deliveryId, options.leaseMs, 0);
      await retireConsumerScript.run(this.#commands, [this.#stream], [group, this.#name]);
    } catch (error) {
      logger.debug({ err: error }, "jobs could not be given back; others take them when the lease ends");
    }
    await endConnection(this.#blocking);
  }

  async #readUntilClosed(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const room = this.#executor.capacity();
      if (room === 0) {
        await this.#untilCapacity();
        continue;
      }
      try {
        for (const [id, fields] of await this.#read(room)) await this.#accept(id, fields, 1);
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  async #untilCapacity(): Promise<void> {
    this.#capacityGrew = Promise.withResolvers<void>();
    if (this.#executor.capacity() > 0 || this.#stop.signal.aborted) return;
    await this.#capacityGrew.promise;
  }

  async #read(count: number): Promise<readonly StreamEntry[]> {
    const reply = await this.#blocking.xreadgroup(
      "GROUP",
      this.#settings.group,
      this.#name,
      "COUNT",
      count,
      "BLOCK",
      READ_BLOCK_MS,
      "STREAMS",
      this.#stream,
      ">",
    );
    const [first] = (reply ?? []) as [stream: string, entries: StreamEntry[]][];
    return first?.[1] ?? [];
  }

  async #recover(error: unknown): Promise<void> {
    const { clock, logger, queue, group } = this.#settings;
    try {
      if (isMissingGroup(error)) return await this.#createGroup();
      logger.debug({ err: error, queue, group }, "reading the queue failed, will be tried again");
    } catch (failure) {
      logger.debug({ err: failure, queue, group }, "the consumer group could not be made yet");
    }
    await clock.sleep(RECONNECT_PAUSE_MS, this.#stop.signal).catch(() => {});
  }

  async #createGroup(): Promise<void> {
    try {
      // From the beginning, so that jobs enqueued before the first consumer are not passed over.
      await this.#commands.xgroup("CREATE", this.#stream, this.#settings.group, "0", "MKSTREAM");
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("BUSYGROUP")) throw error;
    }
  }

  async #accept(deliveryId: string, fields: readonly string[], attempt: number): Promise<void> {
    const { group, logger, queue } = this.#settings;
    let parsed: ReturnType<typeof jobFromFields>;
    try {
      parsed = jobFromFields(fields);
    } catch (error) {
      logger.error({ err: error, queue, entry: deliveryId }, "an entry of the queue is no job");
      await this.#writeDeath(deliveryId, [...fields], { attempts: attempt, error: failureText(error) });
      return;
    }
    if (parsed.onlyGroup !== undefined && parsed.onlyGroup !== group) {
      await completeScript.run(this.#commands, [this.#stream], [group, deliveryId, "0"]);
      return;
    }
    this.#executor.accept({ deliveryId, job: parsed.job, attempt });
  }

  async #complete(deliveryId: string): Promise<void> {
    const trim = ++this.#completions % COMPLETIONS_PER_TRIM === 0 ? "1" : "0";
    await completeScript.run(this.#commands, [this.#stream], [this.#settings.group, deliveryId, trim]);
    this.#settings.note("completed");
  }

  async #bury({ deliveryId, job, attempt }: HeldJob, error: unknown): Promise<void> {
    const fields = fieldsFromJob(job, JSON.stringify(job.payload));
    await this.#writeDeath(deliveryId, fields, { attempts: attempt, error: failureText(error) });
  }

  async #writeDeath(
    deliveryId: string,
    jobFields: string[],
    { attempts, error }: Pick<Death, "attempts" | "error">,
  ): Promise<void> {
    const { group, queue, maxDeadLetters, clock, note, logger } = this.#settings;
    const death = fieldsFromDeath({ group, attempts, error, diedAtMs: clock.now() });
    const dropped = await buryScript.run(
      this.#commands,
      [this.#stream, queueKeys.deadLetters(queue)],
      [group, deliveryId, this.#name, maxDeadLetters, ...jobFields, ...death],
    );
    if (dropped === -1) return note("lease-lost");
    note("dead");
    if (Number(dropped) > 0) {
      logger.error({ queue, dropped, maxDeadLetters }, "too many dead letters, the oldest were deleted");
      note("dead-letter-dropped", Number(dropped));
    }
  }

  /** Sets how long the delivery has been silent, and its attempt unless 0; false when another consumer holds it. */
  async #renew(deliveryId: string, idleMs: number, attempt: number): Promise<boolean> {
    const args = [this.#settings.group, deliveryId, this.#name, idleMs, attempt];
    return (await renewScript.run(this.#commands, [this.#stream], args)) === 1;
  }

  #planUpkeep(): void {
    const { clock, options, random } = this.#settings;
    // A little earlier or later each time, so that the consumers of a group do not all look at once.
    const delayMs = (options.leaseMs / 3) * (0.8 + 0.2 * random.next());
    this.#upkeepTimer = clock.setTimer(() => {
      this.#upkeep = this.#renewAndReclaim()
        .catch((error: unknown) => this.#settings.logger.debug({ err: error }, "queue upkeep failed"))
        .finally(() => {
          // Goes on while draining: the handlers that are waited for still need their leases.
          if (!this.#drained) this.#planUpkeep();
        });
    }, delayMs);
  }

  async #renewAndReclaim(): Promise<void> {
    for (const { deliveryId } of this.#executor.held()) {
      if (await this.#renew(deliveryId, 0, 0)) continue;
      this.#settings.note("lease-lost");
      this.#executor.forsake(deliveryId);
    }
    const room = this.#executor.capacity();
    if (room > 0) await this.#reclaim(room);
  }

  async #reclaim(count: number): Promise<void> {
    const { group, options, note, logger, queue } = this.#settings;
    const reply = await this.#commands
      .xautoclaim(this.#stream, group, this.#name, options.leaseMs, this.#reclaimCursor, "COUNT", count)
      .catch((error: unknown) => {
        if (isMissingGroup(error)) return ["0-0", [], []];
        throw error;
      });
    const [cursor, entries, deleted] = reply as [string, StreamEntry[], string[]?];
    this.#reclaimCursor = cursor;
    for (const entryId of deleted ?? []) {
      logger.error({ queue, group, entry: entryId }, "a job was deleted from the stream before it was done");
      note("lost");
      await this.#writeDeath(entryId, [], { attempts: 0, error: "the entry was trimmed away before it was done" });
    }
    for (const [id, fields] of entries) {
      // Our own lease can run out while Redis is away; the job is still in good hands.
      if (this.#executor.holds(id)) continue;
      note("reclaimed");
      await this.#acceptReclaimed(id, fields);
    }
  }

  async #acceptReclaimed(id: string, fields: readonly string[]): Promise<void> {
    const [pending] = await this.#commands.xpending(this.#stream, this.#settings.group, id, id, 1);
    const [, , , deliveries] = (pending ?? []) as [string?, string?, number?, number?];
    const attempt = Number(deliveries ?? 1);
    if (attempt <= this.#settings.options.maxAttempts) return this.#accept(id, fields, attempt);
    const error = `its consumers fell silent in ${attempt - 1} attempts`;
    await this.#writeDeath(id, [...fields], { attempts: attempt - 1, error });
  }
}

function isMissingGroup(error: unknown): boolean {
  return error instanceof Error && /^(NOGROUP|ERR no such key)/i.test(error.message);
}
