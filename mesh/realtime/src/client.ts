import { ChannelCursor } from "./channel-cursor.ts";
import type { ConnectionState } from "./connection.ts";
import { RealtimeError } from "./errors.ts";
import type { ChannelOptions, FeedEvent } from "./feed-event.ts";
import { type ConnectOptions, type Resolved, resolveConnectOptions } from "./options.ts";
import { isSamePosition, type Position, type Present } from "./protocol.ts";
import type { Publish } from "./publisher.ts";
import { createOwnSource, type Source, type SourceListener } from "./source.ts";
import { Subscriber, type SubscriptionHandlers, type SubscriptionState } from "./subscriber.ts";
import { SharedSource } from "./tabs/shared-source.ts";

/*
 * What a page holds: subscriptions, by channel. All subscriptions of a channel are one to the server; the last that ends,
 * ends it. Nothing begins before the turn in which something is subscribed has ended, so a handler finds what `subscribe`
 * has returned.
 */

export interface SubscribeRequest<Message, State> extends SubscriptionHandlers<Message, State> {
  /** What the channel is asked for; all subscriptions of a channel have to ask for the same. */
  readonly options?: ChannelOptions;
  /** Everything up to here is known, from before: the feed goes on behind it, or says that it cannot. */
  readonly from?: Position;
}

export interface Subscription {
  readonly channel: string;
  readonly state: SubscriptionState;
  /** Of the channel: up to where messages have come. To keep it beside a state, take that of the message (`MessageInfo`). */
  readonly position: Position | undefined;
  /** Who is in the channel; undefined while that is not known, and without `presence: true`. */
  readonly presence: Present | undefined;
  /**
   * Sends a message to the channel, in channels that take any (`room:`). Resolves when the server has accepted it. It is sent
   * at most once: rejects with a RealtimeError `disconnected` or `timed_out` when that is not known, else with
   * `permission_denied`, `rate_limited` (with `retryAfterMs`), `invalid_argument`, `unavailable` or `closed`.
   */
  publish(data: unknown, options?: PublishOptions): Promise<void>;
  /** Repeating it does nothing. */
  unsubscribe(): void;
}

export interface PublishOptions {
  /** What the message is about: a newer one of the same user and key may take its place. */
  readonly key?: string;
}

export interface RealtimeClient {
  readonly state: ConnectionState;
  /** Calls `listener` with every change of `state`; gives what ends that. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /**
   * Listens to a channel for as long as the client lives, whatever happens to the connection. Throws a RealtimeError:
   * `options_conflict` when the channel is subscribed with other options, `invalid_argument`, `closed`.
   */
  subscribe<Message = unknown, State = unknown>(
    channel: string,
    request: SubscribeRequest<Message, State>,
  ): Subscription;
  /** Tries to connect now: after somebody has signed in, or instead of waiting. */
  retry(): void;
  /** Ends everything. Repeating it does nothing. */
  close(): void;
}

/** Opens a connection and keeps it. Throws a RealtimeError `invalid_argument`; all else is told by `state`. */
export function connect(url: string | URL, options: ConnectOptions): RealtimeClient {
  return new Client(resolveConnectOptions(url, options));
}

class Client implements RealtimeClient {
  readonly #options: Resolved;
  readonly #source: Source;
  readonly #cursors = new Map<string, ChannelCursor>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #stopPage: (() => void) | undefined;
  #state: ConnectionState = { status: "connecting" };

  constructor(options: Resolved) {
    this.#options = options;
    this.#source = createSource(options, {
      state: (state) => this.#become(state),
      event: (event) => this.#hear(event),
      restarted: () => {
        for (const cursor of [...this.#cursors.values()]) {
          cursor.interrupted();
          if (this.#cursors.get(cursor.channel) === cursor) {
            cursor.join();
          }
        }
      },
    });
    const woke = () => this.#source.woke();
    this.#stopPage = options.platform.page?.listen({ woke, offline: woke });
    this.#source.start();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  subscribe<Message, State>(channel: string, request: SubscribeRequest<Message, State>): Subscription {
    const { options = {}, from, ...handlers } = request;
    this.#assertSubscribable(channel, options, handlers.onMessage);
    const existing = this.#cursors.get(channel);
    const cursor = existing ?? new ChannelCursor(channel, options, this.#source, from);
    this.#cursors.set(channel, cursor);
    const isCurrent = from !== undefined && isSamePosition(from, cursor.position);
    // What a server sends is what the caller says it is.
    const untyped = handlers as unknown as SubscriptionHandlers<unknown, unknown>;
    const subscriber = new Subscriber(untyped, this.#options, () => cursor.position, isCurrent);
    cursor.add(subscriber);
    queueMicrotask(() => {
      if (this.#cursors.get(channel) !== cursor) {
        return;
      }
      if (existing === undefined) {
        cursor.join();
      } else {
        cursor.welcome(subscriber);
      }
    });
    return {
      channel,
      get state() {
        return subscriber.state;
      },
      get position() {
        return cursor.position;
      },
      get presence() {
        return cursor.present;
      },
      publish: (data, { key } = {}) =>
        this.#publish(subscriber, { channel, data, ...(key === undefined ? {} : { key }) }),
      unsubscribe: () => this.#unsubscribe(cursor, subscriber),
    };
  }

  retry(): void {
    if (this.#state.status !== "closed") {
      this.#source.retry();
    }
  }

  close(): void {
    if (this.#state.status === "closed") {
      return;
    }
    this.#stopPage?.();
    const cursors = [...this.#cursors.values()];
    this.#cursors.clear();
    this.#source.close();
    this.#become({ status: "closed" });
    this.#listeners.clear();
    endAll(cursors, new RealtimeError("closed"));
  }

  #assertSubscribable(channel: string, options: ChannelOptions, onMessage: unknown): void {
    if (this.#state.status === "closed") {
      throw new RealtimeError("closed");
    }
    if (typeof channel !== "string" || channel === "") {
      throw new RealtimeError("invalid_argument", "channel must be the name of a channel, such as project:<id>");
    }
    if (typeof onMessage !== "function") {
      throw new RealtimeError("invalid_argument", "onMessage must be a function");
    }
    const existing = this.#cursors.get(channel)?.options;
    if (existing !== undefined && JSON.stringify(existing) !== JSON.stringify(options)) {
      throw new RealtimeError("options_conflict", `${channel} is subscribed with ${JSON.stringify(existing)}`);
    }
  }

  #publish(subscriber: Subscriber, publish: Publish): Promise<void> {
    return new Promise((resolve, reject) => {
      if (subscriber.state.status === "ended") {
        reject(subscriber.state.error);
      } else if (JSON.stringify(publish.data) === undefined) {
        reject(new RealtimeError("invalid_argument", "data must be a value that JSON has"));
      } else {
        this.#source.publish(publish, (error) => (error === undefined ? resolve() : reject(error)));
      }
    });
  }

  #unsubscribe(cursor: ChannelCursor, subscriber: Subscriber): void {
    subscriber.leave();
    cursor.remove(subscriber);
    if (cursor.isUnused && this.#cursors.get(cursor.channel) === cursor) {
      this.#cursors.delete(cursor.channel);
      this.#source.leave(cursor.channel);
    }
  }

  #hear(event: FeedEvent): void {
    const cursor = this.#cursors.get(event.channel);
    if (cursor === undefined) {
      return;
    }
    if (event.type === "ended") {
      this.#cursors.delete(event.channel);
      endAll([cursor], event.error);
    } else {
      cursor.hear(event);
    }
  }

  #become(state: ConnectionState): void {
    if (this.#state.status === "closed") {
      return;
    }
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }
}

function endAll(cursors: readonly ChannelCursor[], error: RealtimeError): void {
  for (const { subscribers } of cursors) {
    for (const subscriber of subscribers) {
      subscriber.end(error);
    }
  }
}

function createSource(options: Resolved, listener: SourceListener): Source {
  const { locks, BroadcastChannel } = options.platform;
  if (options.shared === false || locks === undefined || BroadcastChannel === undefined) {
    return createOwnSource(options, listener);
  }
  const name = `weft:${options.url}:${options.shared === true ? "" : options.shared}`;
  return new SharedSource({ name, resolved: options, locks, BroadcastChannel }, listener);
}
