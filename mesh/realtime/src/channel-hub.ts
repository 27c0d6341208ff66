import { ChannelFeed, type FeedContext } from "./channel-feed.ts";
import { Connection, type ConnectionState } from "./connection.ts";
import { RealtimeError } from "./errors.ts";
import type { ChannelOptions, FeedEvent } from "./feed-event.ts";
import { FramePacer } from "./frame-pacer.ts";
import type { Settle } from "./link.ts";
import type { Resolved } from "./options.ts";
import type { Position, Publication } from "./protocol.ts";
import { type Publish, Publisher, type SettlePublish } from "./publisher.ts";

/*
 * The connection and its channels, in the tab that has them. Members are tabs, by name. A channel is subscribed for as long
 * as one of them listens, under one set of options: the server knows one subscription of a channel on a connection.
 */

export interface HubListener {
  state(state: ConnectionState): void;
  /** For these members only. */
  event(event: FeedEvent, members: Iterable<string>): void;
}

export class ChannelHub {
  readonly connection: Connection;
  readonly #listener: HubListener;
  readonly #feeds = new Map<string, ChannelFeed>();
  readonly #pacer: FramePacer;
  readonly #context: FeedContext;
  readonly #publisher = new Publisher((command, body, settle) => this.#request(command, body, settle));
  #isConnected = false;

  constructor(options: Resolved, listener: HubListener) {
    this.#listener = listener;
    const { clock, random } = options.platform;
    this.#pacer = new FramePacer(clock);
    this.connection = new Connection(options, {
      state: (state) => listener.state(state),
      connected: ({ framesPerSecond }) => {
        this.#isConnected = true;
        this.#pacer.start(framesPerSecond);
        this.#publisher.connected();
        for (const feed of this.#feeds.values()) {
          feed.subscribe();
        }
      },
      disconnected: () => {
        this.#isConnected = false;
        this.#pacer.stop();
        this.#publisher.disconnected();
        for (const feed of [...this.#feeds.values()]) {
          feed.disconnected();
        }
      },
      frame: (frame) => this.#feeds.get(frame.channel)?.frame(frame),
      wanted: () =>
        [...this.#feeds.values()]
          .filter((feed) => feed.options.encoding !== "binary")
          .map(({ channel, from }) => ({ channel, from })),
    });
    this.#context = {
      clock,
      random,
      retryBaseMs: options.durations.reconnectBaseMs,
      retryMaxMs: options.durations.reconnectMaxMs,
      request: (command, body, settle) => this.#request(command, body, settle),
      emit: (event, members) => listener.event(event, members),
      ended: (feed) => this.#feeds.delete(feed.channel),
    };
  }

  join(
    member: string,
    channel: string,
    options: ChannelOptions,
    from: Position | undefined,
    recent: readonly Publication[],
  ): void {
    const existing = this.#feeds.get(channel);
    if (existing !== undefined && JSON.stringify(existing.options) !== JSON.stringify(options)) {
      this.#listener.event({ type: "ended", channel, error: new RealtimeError("options_conflict") }, [member]);
      return;
    }
    const feed = existing ?? new ChannelFeed(channel, options, this.#context);
    this.#feeds.set(channel, feed);
    feed.join(member, from, recent);
    if (existing === undefined && this.#isConnected) {
      feed.subscribe();
    }
  }

  leave(member: string, channel: string): void {
    const feed = this.#feeds.get(channel);
    feed?.leave(member);
    if (feed?.isUnused !== true) {
      return;
    }
    this.#feeds.delete(channel);
    feed.stop();
    if (feed.isAsked) {
      this.#context.request("unsubscribe", { channel }, () => undefined);
    }
  }

  /** The member is gone. */
  remove(member: string): void {
    for (const channel of [...this.#feeds.keys()]) {
      this.leave(member, channel);
    }
  }

  publish(publish: Publish, settle: SettlePublish): void {
    this.#publisher.publish(publish, settle);
  }

  close(): void {
    this.#isConnected = false;
    this.#pacer.stop();
    this.#publisher.disconnected();
    for (const feed of this.#feeds.values()) {
      feed.stop();
    }
    this.#feeds.clear();
    this.connection.close();
  }

  #request(command: string, body: object, settle: Settle): void {
    this.#pacer.push(() => this.connection.request(command, body, settle));
  }
}
