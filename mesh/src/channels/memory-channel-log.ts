import type { Clock } from "../clock.ts";
import type { PubSub } from "../pubsub/pubsub.ts";
import type { Random } from "../random.ts";
import {
  assertChannel,
  assertPosition,
  assertPublishable,
  type ChannelLog,
  type ChannelPosition,
  channelHistory,
  newEpoch,
  type Publication,
} from "./channel-log.ts";
import { encodePublication } from "./envelope.ts";

interface Channel {
  readonly epoch: string;
  offset: number;
  publications: Publication[];
  readonly sent: Map<string, { readonly position: ChannelPosition; readonly untilMs: number }>;
  publicationsUntilMs: number;
  positionUntilMs: number;
}

export interface MemoryChannelLogOptions {
  /** What carries the publications. */
  readonly pubsub: Pick<PubSub, "publish">;
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "id">;
}

/** `forget` loses everything, as a Redis that restarts empty. */
export interface MemoryChannelLog extends ChannelLog {
  forget(): void;
}

/** ChannelLog within one process, for tests. */
export function createMemoryChannelLog({ pubsub, clock, random }: MemoryChannelLogOptions): MemoryChannelLog {
  const channels = new Map<string, Channel>();
  const channelOf = (name: string): Channel => {
    let channel = channels.get(name);
    if (channel === undefined || channel.positionUntilMs <= clock.now()) {
      const ends = { publicationsUntilMs: 0, positionUntilMs: 0 };
      channel = { epoch: newEpoch(random), offset: 0, publications: [], sent: new Map(), ...ends };
      channels.set(name, channel);
    }
    channel.positionUntilMs = clock.now() + channelHistory.positionTtlMs;
    if (channel.publicationsUntilMs <= clock.now()) channel.publications = [];
    return channel;
  };
  return {
    publish: async (name, payload, { idempotencyKey } = {}) => {
      assertPublishable(name, payload, idempotencyKey);
      const channel = channelOf(name);
      const first = idempotencyKey === undefined ? undefined : channel.sent.get(idempotencyKey);
      if (first !== undefined && first.untilMs > clock.now()) return first.position;
      channel.offset += 1;
      const position = { epoch: channel.epoch, offset: channel.offset };
      channel.publications.push({ offset: channel.offset, payload });
      channel.publications = channel.publications.slice(-channelHistory.entries);
      channel.publicationsUntilMs = clock.now() + channelHistory.entriesTtlMs;
      if (idempotencyKey !== undefined) {
        channel.sent.set(idempotencyKey, { position, untilMs: clock.now() + channelHistory.idempotencyTtlMs });
      }
      await pubsub.publish(name, encodePublication(position, payload));
      return position;
    },
    position: async (name) => {
      assertChannel(name);
      const { epoch, offset } = channelOf(name);
      return { epoch, offset };
    },
    since: async (name, from) => {
      assertChannel(name);
      assertPosition(from);
      const { epoch, offset, publications } = channelOf(name);
      const missed = publications.filter((publication) => publication.offset > from.offset);
      const whole = from.epoch === epoch && missed.length === offset - from.offset;
      const position = { epoch, offset };
      const bytes = missed.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
      const { recoveryMaxPublications, recoveryMaxBytes } = channelHistory;
      return whole && missed.length <= recoveryMaxPublications && bytes <= recoveryMaxBytes
        ? { recovered: true, position, publications: missed }
        : { recovered: false, position };
    },
    forget: () => channels.clear(),
  };
}
