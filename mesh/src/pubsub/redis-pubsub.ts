/**
 * PubSub over Redis PUBLISH and PSUBSCRIBE. Redis handles one connection's commands in order, so subscribing and
 * unsubscribing need no lock here: sending them in the order of the local changes gives the right final state. After a
 * reconnection all patterns are subscribed again, and only when Redis has confirmed that is the gap announced: whoever
 * then reads the state cannot miss a message that follows it.
 */
import type { Logger } from "../logger.ts";
import type { RedisHandles } from "../redis/redis-connection.ts";
import { RedisAwayError, redisErrorFrom } from "../redis/redis-error.ts";
import type { PubSub, PubSubHandler, SubscribeOptions, Unsubscribe } from "./pubsub.ts";
import { type Subscription, Subscriptions } from "./subscriptions.ts";

export interface RedisPubSubOptions {
  readonly redis: Pick<RedisHandles, "commands" | "subscriber" | "whenReady">;
  readonly logger: Logger;
}

const READ_READY_TIMEOUT_MS = 2000;

export function createRedisPubSub(options: RedisPubSubOptions): PubSub {
  return new RedisPubSub(options);
}

class RedisPubSub implements PubSub {
  readonly #redis: RedisPubSubOptions["redis"];
  readonly #logger: Logger;
  readonly #subscriptions: Subscriptions;
  /** Patterns that were given up while Redis was away; the connection would bring them back by itself. */
  readonly #abandoned = new Set<string>();

  constructor({ redis, logger }: RedisPubSubOptions) {
    this.#redis = redis;
    this.#logger = logger;
    this.#subscriptions = new Subscriptions(logger);
    redis.subscriber.on("pmessageBuffer", this.#onMessage);
    redis.subscriber.on("ready", this.#onReady);
  }

  publish(channel: string, payload: string | Uint8Array): Promise<number> {
    const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
    return this.#redis.commands.publish(channel, bytes);
  }

  async subscribe(pattern: string, handler: PubSubHandler, options: SubscribeOptions = {}): Promise<Unsubscribe> {
    const subscription: Subscription = { pattern, handler, options };
    this.#subscriptions.add(subscription);
    try {
      // Sent for every subscriber, not only the first: its answer is what says that messages flow.
      await this.#redis.subscriber.psubscribe(pattern);
    } catch (error) {
      // `#onReady` makes the subscription when Redis is back.
      if (!(redisErrorFrom(error) instanceof RedisAwayError)) {
        this.#subscriptions.remove(subscription);
        throw error;
      }
    }
    return () => this.#unsubscribe(subscription);
  }

  async close(): Promise<void> {
    this.#redis.subscriber.off("pmessageBuffer", this.#onMessage);
    this.#redis.subscriber.off("ready", this.#onReady);
    const patterns = this.#subscriptions.patterns();
    this.#subscriptions.clear();
    await Promise.all(patterns.map((pattern) => this.#dropPattern(pattern)));
  }

  async #unsubscribe(subscription: Subscription): Promise<void> {
    if (this.#subscriptions.remove(subscription)) await this.#dropPattern(subscription.pattern);
  }

  async #dropPattern(pattern: string): Promise<void> {
    try {
      await this.#redis.subscriber.punsubscribe(pattern);
    } catch (error) {
      this.#abandoned.add(pattern);
      this.#logger.debug({ err: error, pattern }, "unsubscribing is postponed until Redis is back");
    }
  }

  readonly #onMessage = (pattern: string | Buffer, channel: string | Buffer, payload: Buffer): void => {
    this.#subscriptions.deliver(pattern.toString(), channel.toString(), payload);
  };

  readonly #onReady = (): void => {
    this.#restore().catch((error: unknown) => {
      // The connection broke again; the next `ready` starts over.
      this.#logger.debug({ err: error }, "subscriptions could not be restored yet");
    });
  };

  async #restore(): Promise<void> {
    const abandoned = [...this.#abandoned].filter((pattern) => !this.#subscriptions.has(pattern));
    if (abandoned.length > 0) await this.#redis.subscriber.punsubscribe(...abandoned);
    this.#abandoned.clear();
    const patterns = this.#subscriptions.patterns();
    if (patterns.length === 0) return;
    await this.#redis.subscriber.psubscribe(...patterns);
    // Most listeners answer a gap by reading through the other connection, which comes back on its own.
    await this.#redis.whenReady(READ_READY_TIMEOUT_MS);
    this.#subscriptions.announceGap(patterns);
  }
}
