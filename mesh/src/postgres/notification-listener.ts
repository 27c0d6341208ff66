/**
 * One connection that LISTENs to all channels somebody asked for, kept up for as long as the database is open. Notices
 * are hints that may be lost with the connection, so after each reconnection every listener is called once.
 */
import { Client, type ClientConfig } from "pg";
import { backoffDelayMs } from "../backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";

export type NotifyListener = (payload: string) => void;

export interface NotificationListenerOptions {
  readonly config: ClientConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export class NotificationListener {
  readonly #options: NotificationListenerOptions;
  readonly #channels = new Map<string, Set<NotifyListener>>();
  #client: Client | undefined;
  #connecting: Promise<void> | undefined;
  #retryTimer: Timer | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: NotificationListenerOptions) {
    this.#options = options;
  }

  /** Adds a listener; resolves also when the database is away, and listening starts when it is back. */
  async listen(channel: string, listener: NotifyListener): Promise<() => Promise<void>> {
    const existing = this.#channels.get(channel);
    if (existing === undefined) this.#channels.set(channel, new Set([listener]));
    else existing.add(listener);
    await this.#connect();
    if (existing === undefined) await this.#send(`LISTEN ${quoted(channel)}`);
    return async () => {
      const listeners = this.#channels.get(channel);
      if (listeners?.delete(listener) !== true || listeners.size > 0) return;
      this.#channels.delete(channel);
      await this.#send(`UNLISTEN ${quoted(channel)}`);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retryTimer?.cancel();
    await this.#connecting;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  #connect(): Promise<void> {
    if (this.#client !== undefined || this.#closed) return Promise.resolve();
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<void> {
    const client = new Client(this.#options.config);
    let broken = false;
    const onBroken = (error?: Error) => {
      if (broken) return;
      broken = true;
      if (this.#client === client) this.#client = undefined;
      if (error !== undefined) this.#options.logger.debug({ err: error }, "the notification connection ended");
      client.end().catch(() => {});
      this.#retryLater();
    };
    client.on("error", onBroken);
    client.on("end", () => onBroken());
    client.on("notification", ({ channel, payload }) => {
      for (const listener of this.#channels.get(channel) ?? []) listener(payload ?? "");
    });
    try {
      await client.connect();
      for (const channel of this.#channels.keys()) await client.query(`LISTEN ${quoted(channel)}`);
    } catch (error) {
      onBroken(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (broken) return;
    this.#client = client;
    const wasAway = this.#failures > 0;
    this.#failures = 0;
    if (!wasAway) return;
    for (const listeners of this.#channels.values()) for (const listener of listeners) listener("");
  }

  #retryLater(): void {
    if (this.#closed || this.#retryTimer !== undefined) return;
    this.#failures++;
    const { clock, random } = this.#options;
    const delayMs = backoffDelayMs({ attempt: this.#failures, baseMs: 100, maxMs: 2000, random });
    this.#retryTimer = clock.setTimer(() => {
      this.#retryTimer = undefined;
      void this.#connect();
    }, delayMs);
  }

  async #send(statement: string): Promise<void> {
    try {
      await this.#client?.query(statement);
    } catch (error) {
      // The connection is breaking; the next one listens to all channels that are wanted by then.
      this.#options.logger.debug({ err: error, statement }, "the notification connection failed");
    }
  }
}

const quoted = (channel: string) => `"${channel.replaceAll('"', '""')}"`;
