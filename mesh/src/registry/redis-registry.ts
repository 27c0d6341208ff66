import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import type { RedisHandles } from "../redis/redis-connection.ts";
import { parseInstance, parseNotice, registryKeys } from "./instance-record.ts";
import type { Instance, Registration, Registry, RegistryUpdate } from "./registry.ts";

/**
 * The registry on Redis.
 *
 * Keys: `services:<name>:<instanceId>` holds the record as JSON and expires by itself; the sorted set `services:index`
 * holds "<name>/<instanceId>" by last heartbeat, so that reading all needs no scan of a shared key space;
 * `services:<name>` is a summary for people (DISC-02, DISC-03). Notices on the channel `services:changes` make changes
 * known in milliseconds; a full read every few seconds is the safety net for notices that were missed.
 *
 * Redis going away harms nobody: heartbeats fail quietly and are counted, watchers keep what they know. Every heartbeat
 * writes the whole record, so an empty Redis is full again within one interval, and at once after a reconnect.
 */
export interface RedisRegistryOptions {
  readonly redis: RedisHandles;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How often a record is refreshed; 5 s when absent (DISC-04). */
  readonly heartbeatMs?: number;
  /** How long a record outlives its last heartbeat; 15 s when absent: two heartbeats may be lost. */
  readonly ttlMs?: number;
  /** How often everything is read again; 5 s when absent. */
  readonly resyncMs?: number;
  readonly onFailure?: (operation: "heartbeat" | "read" | "deregister", error: unknown) => void;
}

export const registryDefaults = { heartbeatMs: 5_000, ttlMs: 15_000, resyncMs: 5_000 } as const;

export class RedisRegistry implements Registry {
  readonly #options: RedisRegistryOptions;
  readonly #heartbeatMs: number;
  readonly #ttlMs: number;
  readonly #resyncMs: number;
  readonly #listeners = new Set<(update: RegistryUpdate) => void>();
  readonly #own = new Map<string, { instance: Instance; timer: Timer | undefined }>();
  #live = false;
  #closed = false;
  #watching = false;
  #resyncTimer: Timer | undefined;
  /** The last full read, and every notice since. */
  #known: Map<string, Instance> | undefined;
  /** Said goodbye since the read under way began: what it brings of them is out of date. */
  readonly #goneDuringRead = new Set<string>();
  #reading = false;
  #readAgain = false;
  readonly #stopListening: () => void;

  constructor(options: RedisRegistryOptions) {
    this.#options = options;
    this.#heartbeatMs = options.heartbeatMs ?? registryDefaults.heartbeatMs;
    this.#ttlMs = options.ttlMs ?? registryDefaults.ttlMs;
    this.#resyncMs = options.resyncMs ?? registryDefaults.resyncMs;
    this.#stopListening = options.redis.onStateChange((state) => {
      if (state === "ready") {
        this.#onReady();
      }
    });
  }

  get live(): boolean {
    return this.#live;
  }

  async register(instance: Instance): Promise<Registration> {
    const own: { instance: Instance; timer: Timer | undefined } = { instance, timer: undefined };
    this.#own.set(instance.instanceId, own);
    await this.#write(own.instance, true);
    this.#scheduleHeartbeat(own);
    return {
      update: async (change) => {
        const changed = Object.entries(change).some(([key, value]) => own.instance[key as keyof Instance] !== value);
        own.instance = { ...own.instance, ...change };
        if (changed && this.#own.has(instance.instanceId)) {
          await this.#write(own.instance, true);
        }
      },
      deregister: async () => {
        own.timer?.cancel();
        this.#own.delete(instance.instanceId);
        await this.#withdraw(own.instance);
      },
    };
  }

  watch(listener: (update: RegistryUpdate) => void): () => void {
    this.#listeners.add(listener);
    if (this.#known !== undefined) {
      listener({ kind: "reset", instances: [...this.#known.values()] });
    }
    if (!this.#watching) {
      this.#watching = true;
      this.#options.redis.subscriber.on("message", this.#onMessage);
      void this.#catchUp();
    }
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#resyncTimer?.cancel();
    this.#stopListening();
    this.#options.redis.subscriber.off("message", this.#onMessage);
    this.#listeners.clear();
    for (const own of this.#own.values()) {
      own.timer?.cancel();
    }
    this.#own.clear();
    await Promise.resolve();
  }

  readonly #onReady = (): void => {
    for (const own of this.#own.values()) {
      void this.#write(own.instance, true);
    }
    if (this.#watching) {
      void this.#catchUp();
    }
  };

  /**
   * Reads everything once notices come for sure: what registers between a read and the subscription would be unknown until
   * the next read. Subscribing again costs nothing, and says that the connection has made the old subscription again.
   */
  async #catchUp(): Promise<void> {
    try {
      await this.#options.redis.subscriber.subscribe(registryKeys.changes);
    } catch (error) {
      this.#failed("read", error);
    }
    await this.#resync();
  }

  readonly #onMessage = (channel: string, message: string): void => {
    if (channel !== registryKeys.changes || this.#closed) {
      return;
    }
    const notice = parseNotice(message);
    if (notice === undefined) {
      this.#options.logger.warn({ notice: message }, "a registry notice could not be read");
      return;
    }
    if (notice.kind === "add") {
      this.#goneDuringRead.delete(recordId(notice.instance.name, notice.instance.instanceId));
      this.#known?.set(recordId(notice.instance.name, notice.instance.instanceId), notice.instance);
    } else if (notice.kind === "remove") {
      this.#goneDuringRead.add(recordId(notice.name, notice.instanceId));
      this.#known?.delete(recordId(notice.name, notice.instanceId));
    }
    this.#tell(notice);
  };

  #scheduleHeartbeat(own: { instance: Instance; timer: Timer | undefined }): void {
    // Up to a tenth earlier, so that instances started together do not write together.
    const delayMs = this.#heartbeatMs * (1 - 0.1 * this.#options.random.next());
    own.timer = this.#options.clock.setTimer(() => {
      void this.#write(own.instance, false).finally(() => {
        if (this.#own.get(own.instance.instanceId) === own) {
          this.#scheduleHeartbeat(own);
        }
      });
    }, delayMs);
  }

  async #write(instance: Instance, announce: boolean): Promise<void> {
    const record: Instance = { ...instance, timestamp: this.#options.clock.now() };
    const text = JSON.stringify(record);
    try {
      const write = this.#options.redis.commands
        .multi()
        .set(registryKeys.record(record.name, record.instanceId), text, "PX", this.#ttlMs)
        .zadd(registryKeys.index, String(record.timestamp), recordId(record.name, record.instanceId))
        .set(registryKeys.summary(record.name), JSON.stringify(summary(record)), "PX", this.#ttlMs);
      if (announce) {
        write.publish(registryKeys.changes, JSON.stringify({ kind: "add", instance: record }));
      }
      assertAllDone(await write.exec());
      this.#succeeded();
    } catch (error) {
      this.#failed("heartbeat", error);
    }
  }

  async #withdraw(instance: Instance): Promise<void> {
    try {
      const { commands } = this.#options.redis;
      const withdraw = commands
        .multi()
        .del(registryKeys.record(instance.name, instance.instanceId))
        .zrem(registryKeys.index, recordId(instance.name, instance.instanceId))
        .publish(
          registryKeys.changes,
          JSON.stringify({ kind: "remove", name: instance.name, instanceId: instance.instanceId }),
        );
      const shown = await commands.get(registryKeys.summary(instance.name));
      if (shown?.includes(`"instance":${JSON.stringify(instance.instanceId)}`) ?? false) {
        // The summary must not show who is gone; whoever is left writes it again with the next heartbeat.
        withdraw.del(registryKeys.summary(instance.name));
      }
      assertAllDone(await withdraw.exec());
    } catch (error) {
      this.#failed("deregister", error);
    }
  }

  /** One read at a time: a second one would forget the goodbyes that the first has to know of. */
  async #resync(): Promise<void> {
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    this.#reading = true;
    do {
      this.#readAgain = false;
      await this.#readOnce();
    } while (this.#readAgain && !this.#closed);
    this.#reading = false;
    if (!this.#closed) {
      this.#resyncTimer = this.#options.clock.setTimer(() => void this.#resync(), this.#resyncMs);
    }
  }

  async #readOnce(): Promise<void> {
    this.#resyncTimer?.cancel();
    this.#goneDuringRead.clear();
    try {
      const read = await readInstances(this.#options.redis.commands, this.#options.clock, this.#ttlMs);
      this.#succeeded();
      if (!this.#closed) {
        const instances = read.filter(({ name, instanceId }) => !this.#goneDuringRead.has(recordId(name, instanceId)));
        this.#known = new Map(instances.map((one) => [recordId(one.name, one.instanceId), one]));
        this.#tell({ kind: "reset", instances });
      }
    } catch (error) {
      this.#failed("read", error);
    }
  }

  #tell(update: RegistryUpdate): void {
    for (const listener of this.#listeners) {
      listener(update);
    }
  }

  #succeeded(): void {
    if (!this.#live) {
      this.#live = true;
      this.#options.logger.info("the registry answers");
    }
  }

  #failed(operation: "heartbeat" | "read" | "deregister", error: unknown): void {
    this.#options.onFailure?.(operation, error);
    if (this.#live) {
      this.#live = false;
      this.#options.logger.warn({ err: error, operation }, "the registry does not answer; known instances stay in use");
    }
  }
}

/** Reads every record. Members of the index whose record has been gone for long are removed on the way. */
export async function readInstances(
  redis: RedisHandles["commands"],
  clock: Clock,
  ttlMs: number = registryDefaults.ttlMs,
): Promise<Instance[]> {
  const members = await redis.zrange(registryKeys.index, "0", "-1");
  if (members.length === 0) {
    return [];
  }
  const keys = members.map((member) => {
    const slash = member.indexOf("/");
    return registryKeys.record(member.slice(0, slash), member.slice(slash + 1));
  });
  const texts = await redis.mget(...keys);
  const missing = new Set(members.filter((_, index) => texts[index] === null));
  if (missing.size > 0) {
    // Only old ones: a record and its place in the index are written together, but read one after the other.
    const old = await redis.zrangebyscore(registryKeys.index, "-inf", String(clock.now() - 4 * ttlMs));
    const stale = old.filter((member) => missing.has(member));
    if (stale.length > 0) {
      await redis.zrem(registryKeys.index, ...stale);
    }
  }
  return texts.map(parseInstance).filter((instance) => instance !== undefined);
}

/** What stands in the index, and names an instance among those of all services. */
function recordId(name: string, instanceId: string): string {
  return `${name}/${instanceId}`;
}

/** A transaction answers even when commands in it failed, say because a foreign program keeps another type at a key. */
function assertAllDone(results: [error: Error | null, result: unknown][] | null): void {
  const failed = results?.find(([error]) => error !== null);
  if (failed !== undefined) {
    throw failed[0];
  }
}

function summary(record: Instance): Record<string, unknown> {
  return {
    name: record.name,
    grpc_port: record.ports.grpc,
    http_port: record.ports.http,
    status: record.status,
    health: record.health,
    address: record.address,
    instance: record.instanceId,
    timestamp: record.timestamp,
  };
}
