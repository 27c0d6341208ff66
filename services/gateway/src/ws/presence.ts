import { Code } from "@connectrpc/connect";
import { type Clock, type Logger, type PubSub, RedisAwayError, serviceError, type Unsubscribe } from "@weft/mesh";
import type { GatewayMetrics } from "../metrics.ts";
import { PresenceRoom, type PresenceWatcher } from "./presence-room.ts";
import {
  channelOfPresence,
  noChange,
  type PresenceSnapshot,
  type PresenceStore,
  presencePattern,
} from "./presence-store.ts";

/*
 * Presence of this process: a room for each channel that somebody here is shown in, and one subscription for the news of all.
 * That one is made with the first room and kept. Without it rooms still find out at their next heartbeat; after an interruption
 * all of them write their members again, as Redis may have come back empty.
 */

export interface PresenceOptions {
  readonly store: PresenceStore;
  readonly pubsub: PubSub;
  readonly clock: Pick<Clock, "monotonicMs" | "setTimer">;
  readonly logger: Logger;
  readonly metrics: Pick<GatewayMetrics, "presenceUpdates" | "presenceTold">;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #rooms = new Map<string, PresenceRoom>();
  #news: Promise<Unsubscribe> | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** How many channels somebody here is shown in. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Shows a member in a channel, and has it hear of the others, until `leave`. */
  join(channel: string, member: string, watcher: PresenceWatcher): void {
    this.#listen();
    const room = this.#rooms.get(channel) ?? this.#open(channel);
    room.join(member, watcher);
  }

  /** Repeating it does nothing. */
  leave(channel: string, member: string): void {
    this.#rooms.get(channel)?.leave(member);
  }

  /**
   * Who is there: for who watches, as they were told last, else as it is now. Throws UNAVAILABLE when that cannot be read.
   */
  async list(channel: string, watches: boolean): Promise<PresenceSnapshot> {
    const room = watches ? this.#rooms.get(channel) : undefined;
    try {
      return await (room?.current() ?? this.#options.store.update(channel, noChange));
    } catch (error) {
      throw error instanceof RedisAwayError ? unavailable(channel) : error;
    }
  }

  async close(): Promise<void> {
    for (const room of this.#rooms.values()) {
      room.stop();
    }
    this.#rooms.clear();
    const unsubscribe = await this.#news?.catch(() => undefined);
    await unsubscribe?.().catch(() => undefined);
  }

  #open(channel: string): PresenceRoom {
    const room = new PresenceRoom(channel, {
      ...this.#options,
      onEmpty: () => {
        if (this.#rooms.get(channel) === room) {
          this.#rooms.delete(channel);
        }
      },
    });
    this.#rooms.set(channel, room);
    return room;
  }

  #listen(): void {
    const { pubsub, logger } = this.#options;
    this.#news ??= pubsub.subscribe(
      presencePattern,
      (subject) => this.#rooms.get(channelOfPresence(subject))?.changed(),
      {
        onGap: () => {
          for (const room of [...this.#rooms.values()]) {
            room.restore();
          }
        },
      },
    );
    this.#news.catch((error: unknown) => {
      this.#news = undefined;
      logger.warn({ err: error }, "news of presence cannot be heard; heartbeats find out later");
    });
  }
}

function unavailable(channel: string): Error {
  const message = `who is present in ${channel} cannot be read at the moment; ask again`;
  return serviceError(Code.Unavailable, "PRESENCE_UNAVAILABLE", message, { retryAfterMs: 1000 });
}
