import { Code } from "@connectrpc/connect";
import { type ChannelPosition, RedisAwayError, serviceError } from "@weft/mesh";
import type { GatewayMetrics } from "../metrics.ts";
import type { Channel } from "./channel.ts";
import {
  FollowedChannel,
  type FollowingListener,
  type FollowOptions,
  type Joined,
  messagesOf,
} from "./followed-channel.ts";
import type { LiveFeed } from "./live-feed.ts";
import type { LiveMessage } from "./live-message.ts";

/*
 * The recoverable channels that somebody here is subscribed to. The first subscriber of a channel makes it followed: first
 * the feed is heard, then the position read, so that nothing falls between; the last one ends it.
 *
 * A subscriber who comes back has their position compared with the channel's: equal, or bridged by the last messages kept
 * here, or read from the log. What the log gave and what was heard meanwhile are joined at the offset where one ends, in the
 * same turn in which the subscriber begins to hear.
 */

export interface RecoverableFeedOptions extends FollowOptions {
  readonly feed: LiveFeed;
  readonly metrics: FollowOptions["metrics"] & Pick<GatewayMetrics, "recoveries">;
}

/** The position from which a subscriber wants to go on; null when they keep positions and have none yet. */
export type RecoverFrom = ChannelPosition | null;

/** What the log has behind a position; `missed` is undefined when that is not whole. */
interface Reading {
  readonly position: ChannelPosition;
  readonly missed: readonly LiveMessage[] | undefined;
}

interface Followed {
  readonly channel: FollowedChannel;
  /** Resolves when the feed is heard. */
  readonly heard: Promise<void>;
  /** Subscribers that have asked and do not hear yet. */
  readonly joining: Set<FollowingListener>;
  /** Under way, by where they begin: clients of a gateway that has ended come together and from the same place. */
  readonly readings: Map<string, Promise<Reading>>;
}

/** Only what is heard between a reading and its answer, and is more than `RecentMessages`, makes one more necessary. */
const maxAttempts = 5;

export class RecoverableFeed {
  readonly #options: RecoverableFeedOptions;
  readonly #followed = new Map<string, Followed>();

  constructor(options: RecoverableFeedOptions) {
    this.#options = options;
  }

  /** How many channels are followed. */
  get size(): number {
    return this.#followed.size;
  }

  /**
   * Makes `listener` hear the channel, and calls `begin` in the same turn with where that is. Rejects with UNAVAILABLE when
   * the position cannot be read now, and with CANCELED when `leave` was called meanwhile; then nothing is left behind.
   */
  async join(
    channel: Channel,
    listener: FollowingListener,
    recover: RecoverFrom | undefined,
    begin: (joined: Joined) => void,
  ): Promise<void> {
    const followed = this.#followed.get(channel.name) ?? this.#follow(channel);
    followed.joining.add(listener);
    try {
      await followed.heard;
      await this.#join(followed, listener, recover, begin);
    } catch (error) {
      this.leave(channel, listener);
      throw error instanceof RedisAwayError ? unavailable(channel) : error;
    }
  }

  /** Repeating it does nothing. */
  leave(channel: Channel, listener: FollowingListener): void {
    const followed = this.#followed.get(channel.name);
    if (followed === undefined) {
      return;
    }
    followed.joining.delete(listener);
    followed.channel.listeners.delete(listener);
    if (followed.joining.size === 0 && followed.channel.listeners.size === 0) {
      this.#end(followed);
    }
  }

  close(): void {
    for (const followed of [...this.#followed.values()]) {
      this.#end(followed);
    }
  }

  #follow(channel: Channel): Followed {
    const follower = new FollowedChannel(channel, this.#options);
    const heard = this.#options.feed.add(channel, follower).then(() => follower.read("start"));
    const followed: Followed = { channel: follower, heard, joining: new Set(), readings: new Map() };
    this.#followed.set(channel.name, followed);
    return followed;
  }

  #end({ channel }: Followed): void {
    channel.stop();
    this.#options.feed.remove(channel.channel, channel);
    this.#followed.delete(channel.channel.name);
  }

  async #join(
    followed: Followed,
    listener: FollowingListener,
    recover: RecoverFrom | undefined,
    begin: (joined: Joined) => void,
  ): Promise<void> {
    const { channel, joining } = followed;
    let read: Reading | undefined;
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      await channel.settled();
      if (!joining.has(listener)) {
        throw serviceError(Code.Canceled, "UNSUBSCRIBED", `${channel.channel.name} was unsubscribed meanwhile`);
      }
      const joined = beginning(channel, recover, read);
      if (joined !== undefined) {
        this.#count(channel, joined);
        joining.delete(listener);
        channel.listeners.add(listener);
        begin(joined);
        return;
      }
      read = recover ? await this.#read(followed, recover) : undefined;
    }
    throw unavailable(channel.channel);
  }

  #read({ channel: { channel }, readings }: Followed, from: ChannelPosition): Promise<Reading> {
    const place = `${from.epoch}:${from.offset}`;
    let reading = readings.get(place);
    if (reading === undefined) {
      reading = this.#options.log
        .since(channel.name, from)
        .then((recovery) => ({ position: recovery.position, missed: messagesOf(channel, recovery) }))
        .finally(() => readings.delete(place));
      readings.set(place, reading);
    }
    return reading;
  }

  #count({ channel: { kind } }: FollowedChannel, { recovered }: Joined): void {
    if (recovered !== undefined) {
      this.#options.metrics.recoveries.inc({ kind, outcome: recovered ? "recovered" : "unrecovered" });
    }
  }
}

/**
 * Where a subscriber begins now; undefined when the log has to be read for that, as `read` does not reach what the channel
 * has heard since. The channel is at its own position or behind that of the reading: subscribers leave out what they had.
 */
function beginning(
  channel: FollowedChannel,
  recover: RecoverFrom | undefined,
  read: Reading | undefined,
): Joined | undefined {
  const position = channel.position;
  if (position === undefined) {
    return undefined;
  }
  if (recover === undefined) {
    return { position };
  }
  if (recover === null || recover.epoch !== position.epoch) {
    return { position, recovered: false };
  }
  const near = recover.offset === position.offset ? [] : channel.recent.after(recover.offset);
  if (near !== undefined) {
    return { position, recovered: true, missed: near };
  }
  if (read === undefined) {
    return undefined;
  }
  if (read.position.epoch !== position.epoch) {
    channel.read("jump");
    return undefined;
  }
  const { missed } = read;
  if (missed === undefined) {
    return { position, recovered: false };
  }
  if (read.position.offset >= position.offset) {
    return { position: read.position, recovered: true, missed };
  }
  const since = channel.recent.after(read.position.offset);
  return since === undefined ? undefined : { position, recovered: true, missed: [...missed, ...since] };
}

function unavailable({ name }: Channel): Error {
  const message = `where ${name} is cannot be read at the moment; subscribe again`;
  return serviceError(Code.Unavailable, "CHANNEL_UNAVAILABLE", message, { retryAfterMs: 1000 });
}
