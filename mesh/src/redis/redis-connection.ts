/**
 * Opens the connections that a process holds to Redis and keeps them up: one for commands, one for subscriptions, and
 * one more for each user that blocks (`dedicated`), because a blocked connection answers nobody else.
 *
 * Redis may go away at any time and come back empty. Then: nothing throws by itself; commands fail at once with
 * `RedisAwayError` instead of waiting in a queue whose age nobody knows; every connection is retried with a jittered
 * delay of at most one second, for ever; subscriptions are made again. Commands that were under way when a connection
 * broke are failed and never sent again from here, since most of ours are not safe to repeat.
 *
 * State that was lost with Redis is restored by its owners: they listen with `onStateChange`.
 */
import { type Command, Redis, type RedisOptions } from "ioredis";
import { backoffDelayMs } from "../backoff.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Random, systemRandom } from "../random.ts";
import { redisErrorFrom } from "./redis-error.ts";

export type RedisState = "ready" | "away";

export interface OpenRedisOptions {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS. */
  readonly url: string;
  readonly logger: Logger;
  /** Shown by `CLIENT LIST`, with the use of each connection appended. */
  readonly clientName: string;
  /** How long a command may wait for its reply. Default 5000; blocking connections are exempt. */
  readonly commandTimeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The connections of one process to one Redis. */
export interface RedisHandles {
  /** For every command that answers at once. Fails with `RedisAwayError` while Redis is away. */
  readonly commands: Redis;
  /** For subscriptions only; resubscribes by itself. */
  readonly subscriber: Redis;
  /** "ready" when commands and subscriptions both work. */
  state(): RedisState;
  /** Calls back on each change of `state()`; gives a function that stops it. */
  onStateChange(listener: (state: RedisState) => void): () => void;
  /** Resolves with true once ready, or with false after `timeoutMs`. */
  whenReady(timeoutMs: number): Promise<boolean>;
  /**
   * One more connection, for commands that block for less than 30 s at a time. Its user ends it with `endConnection`;
   * `close` does so at the latest.
   */
  dedicated(purpose: string): Redis;
  /** Ends all connections. Commands under way fail with `RedisAwayError`. */
  close(): Promise<void>;
}

const RECONNECT_BASE_MS = 50;
const RECONNECT_MAX_MS = 1000;
/** Full jitter may draw almost nothing; a refused local connection must not become a busy loop. */
const RECONNECT_MIN_MS = 10;
const DEFAULT_COMMAND_TIMEOUT_MS = 5000;
/** Finds a peer that vanished without closing, long before the operating system's two hours. */
const KEEP_ALIVE_MS = 10_000;

/** A blocking command that names no limit ends after this; without one a vanished peer would hold its caller for ever. */
const MAX_BLOCK_MS = 30_000;
const BLOCK_GRACE_MS = 5000;

type ExtraOptions = Pick<RedisOptions, "commandTimeout" | "blockingTimeout" | "blockingTimeoutGrace">;

/** Starts connecting and returns at once; use `whenReady` to wait. */
export function openRedis(options: OpenRedisOptions): RedisHandles {
  return new RedisConnections(options);
}

/** ioredis with its connection errors translated. Results inside a pipeline keep the errors of ioredis. */
class TranslatingRedis extends Redis {
  override sendCommand(command: Command, stream?: Parameters<Redis["sendCommand"]>[1]): unknown {
    const sent = super.sendCommand(command, stream);
    // A pipeline holds its commands' promises itself and ignores what is returned here: a rejection of a translated one
    // would be nobody's to handle and end the process.
    if (!(sent instanceof Promise) || stream !== undefined) return sent;
    return sent.catch((error: unknown) => {
      throw redisErrorFrom(error);
    });
  }
}

class RedisConnections implements RedisHandles {
  readonly commands: Redis;
  readonly subscriber: Redis;
  readonly #options: OpenRedisOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #dedicated = new Set<Redis>();
  readonly #listeners = new Set<(state: RedisState) => void>();
  #lastState: RedisState = "away";
  #closed = false;
  #lastReportedError = "";

  constructor(options: OpenRedisOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    const commandTimeout = options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
    this.commands = this.#connect("commands", { commandTimeout });
    this.subscriber = this.#connect("subscriber", { commandTimeout });
    for (const connection of [this.commands, this.subscriber]) {
      connection.on("ready", () => this.#noteState());
      connection.on("close", () => this.#noteState());
    }
  }

  state(): RedisState {
    return this.commands.status === "ready" && this.subscriber.status === "ready" ? "ready" : "away";
  }

  onStateChange(listener: (state: RedisState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  whenReady(timeoutMs: number): Promise<boolean> {
    if (this.state() === "ready") return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (ready: boolean) => {
        stop();
        timer.cancel();
        resolve(ready);
      };
      const stop = this.onStateChange((state) => {
        if (state === "ready") settle(true);
      });
      const timer = this.#clock.setTimer(() => settle(false), timeoutMs, { ref: true });
    });
  }

  dedicated(purpose: string): Redis {
    const connection = this.#connect(purpose, { blockingTimeout: MAX_BLOCK_MS, blockingTimeoutGrace: BLOCK_GRACE_MS });
    this.#dedicated.add(connection);
    connection.on("end", () => this.#dedicated.delete(connection));
    return connection;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    const ends = [this.commands, this.subscriber, ...this.#dedicated].map(endConnection);
    await Promise.all(ends);
  }

  #connect(purpose: string, extra: ExtraOptions): Redis {
    const connection = new TranslatingRedis(this.#options.url, {
      connectionName: `${this.#options.clientName}:${purpose}`,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      maxLoadingRetryTime: RECONNECT_MAX_MS,
      connectTimeout: 3000,
      keepAlive: KEEP_ALIVE_MS,
      disableClientInfo: true,
      retryStrategy: (attempt) => (this.#closed ? null : this.#reconnectDelayMs(attempt)),
      ...extra,
    });
    // Without a listener ioredis prints every failed attempt; a long absence deserves one line, not thousands.
    connection.on("error", (error: Error) => this.#reportOnce(purpose, error));
    return connection;
  }

  #reconnectDelayMs(attempt: number): number {
    const delayMs = backoffDelayMs({
      attempt,
      baseMs: RECONNECT_BASE_MS,
      maxMs: RECONNECT_MAX_MS,
      random: this.#random,
    });
    return Math.max(RECONNECT_MIN_MS, delayMs);
  }

  #noteState(): void {
    const state = this.state();
    if (state === this.#lastState || this.#closed) return;
    this.#lastState = state;
    if (state === "ready") {
      this.#lastReportedError = "";
      this.#options.logger.info({ clientName: this.#options.clientName }, "Redis is ready");
    } else {
      this.#options.logger.warn({ clientName: this.#options.clientName }, "Redis is away, reconnecting");
    }
    for (const listener of [...this.#listeners]) listener(state);
  }

  #reportOnce(purpose: string, error: Error): void {
    if (this.#closed || error.message === this.#lastReportedError) return;
    this.#lastReportedError = error.message;
    this.#options.logger.warn({ err: error, purpose }, "Redis connection failed, will be tried again");
  }
}

/** Ends one connection for good and waits for its socket, if it has one, to be closed. */
export function endConnection(connection: Redis): Promise<void> {
  // Between two attempts there is no socket, and ioredis then ends without its `end` event.
  if (!["connecting", "connect", "ready", "disconnecting"].includes(connection.status)) {
    connection.disconnect();
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    connection.once("end", () => resolve());
    connection.disconnect();
  });
}
