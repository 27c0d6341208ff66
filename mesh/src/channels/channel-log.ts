/**
 * Live channels that can be recovered: pub/sub with a short memory. Every publication has a place, *epoch* and *offset*:
 * offsets count from 1 without a hole for as long as the epoch lasts, and an epoch ends when the memory of the channel was
 * lost (Redis restarted empty, nobody published or listened for a day). Who knows the place of the last publication they
 * have seen can ask for those since then, and gets all of them or the plain answer that they are not all there any more:
 * never a part. The semantics are those of Centrifugo's history and recovery (2021).
 *
 * On the wire a publication is its place and its text, so a listener of the plain pub/sub sees by counting whether it has
 * missed one. Text only: the channels of pictures that replace each other (`PubSub`) carry bytes and need no memory.
 */
import type { Random } from "../random.ts";

/** Where a channel is, or how far a reader has come: up to and with `offset`, which is 0 before the first. */
export interface ChannelPosition {
  /** 1 to 64 lower-case letters and digits; names one life of the channel's memory. */
  readonly epoch: string;
  readonly offset: number;
}

export interface Publication {
  readonly offset: number;
  readonly payload: string;
}

/** What follows a position: everything, or nothing at all. `position` is where the channel is now. */
export type ChannelRecovery =
  | { readonly recovered: true; readonly position: ChannelPosition; readonly publications: readonly Publication[] }
  | { readonly recovered: false; readonly position: ChannelPosition };

export interface PublishOptions {
  /**
   * 1 to 200 characters. Publishing with the same key again within five minutes sends nothing and gives the first
   * position: for repeating what may or may not have arrived.
   */
  readonly idempotencyKey?: string;
}

/** All reject with `RangeError` for input that breaks `channelLimits`, and with `RedisAwayError` while Redis is away. */
export interface ChannelLog {
  /** Remembers and sends in one step, so that whoever hears of a publication finds it in the log. */
  publish(channel: string, payload: string, options?: PublishOptions): Promise<ChannelPosition>;
  /** Where the channel is now. A channel that nobody has published to begins its epoch with this. */
  position(channel: string): Promise<ChannelPosition>;
  /** What was published after `from`, oldest first. */
  since(channel: string, from: ChannelPosition): Promise<ChannelRecovery>;
}

const minuteMs = 60_000;

/** How much a channel remembers, in one table. */
export const channelHistory = {
  /** Publications kept: at one change a second four minutes, far more than a reconnection takes. */
  entries: 256,
  /** A channel that nobody publishes to for so long forgets its publications, not its position. */
  entriesTtlMs: 10 * minuteMs,
  /** Since the last publication or reading; later the epoch ends. A sleeping laptop returns within a day. */
  positionTtlMs: 24 * 60 * minuteMs,
  idempotencyTtlMs: 5 * minuteMs,
  /** More are not handed out at once: loading the state anew is cheaper for everybody (Centrifugo's limit). */
  recoveryMaxPublications: 300,
  /** Nor more text than this: a reading must not hold Redis up, nor fill what a slow client may have waiting. */
  recoveryMaxBytes: 1024 * 1024,
} as const;

/** A channel carries notices of changes; 256 of this size are 16 MiB of Redis. */
const channelLimits = { nameMaxCharacters: 200, keyMaxCharacters: 200, payloadMaxBytes: 64 * 1024 } as const;

const epochShape = /^[a-z0-9]{1,64}$/;

export function assertPublishable(channel: string, payload: string, idempotencyKey: string | undefined): void {
  assertChannel(channel);
  const bytes = Buffer.byteLength(payload);
  if (bytes > channelLimits.payloadMaxBytes) {
    throw new RangeError(`payload: ${bytes} bytes exceed the limit of ${channelLimits.payloadMaxBytes}`);
  }
  if (idempotencyKey !== undefined) assertLength("idempotencyKey", idempotencyKey, channelLimits.keyMaxCharacters);
}

/** Braces would change on which node of a cluster the keys of a channel lie. */
export function assertChannel(channel: string): void {
  assertLength("channel", channel, channelLimits.nameMaxCharacters);
  if (/[{}]/.test(channel)) throw new RangeError(`channel: "${channel}" has braces, which are not allowed`);
}

export function assertPosition({ epoch, offset }: ChannelPosition): void {
  if (!epochShape.test(epoch)) {
    throw new RangeError(`epoch: "${epoch.slice(0, 80)}" is not 1 to 64 lower-case letters and digits`);
  }
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`offset: ${offset} is no whole number from 0`);
}

function assertLength(field: string, text: string, most: number): void {
  if (text.length < 1 || text.length > most) {
    throw new RangeError(`${field}: ${text.length} characters, 1 to ${most} are allowed`);
  }
}

/** 48 random bits: two lives of one channel never share an epoch. */
export function newEpoch(random: Pick<Random, "id">): string {
  return random.id().replaceAll("-", "").slice(0, 12);
}
