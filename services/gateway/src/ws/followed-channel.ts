import {
  backoffDelayMs,
  type ChannelLog,
  type ChannelPosition,
  type ChannelRecovery,
  type Clock,
  type Logger,
  type Random,
  RedisAwayError,
  type Timer,
} from "@weft/mesh";
import type { GatewayMetrics } from "../metrics.ts";
import type { Channel } from "./channel.ts";
import type { LiveListener } from "./live-feed.ts";
import { LiveMessage } from "./live-message.ts";
import { RecentMessages } from "./recent-messages.ts";

/*
 * How far this process has heard a recoverable channel, for all its subscribers at once. The next publication goes out, one
 * that was heard before is dropped, and as soon as there is doubt (a hole, another epoch, an interruption of the feed, the
 * regular check) the log is read from the last position on: what is missing goes out in order, or, when not all of it is
 * there any more, every subscriber is told that it is lost. One reading is under way at a time; what is heard meanwhile
 * waits behind it. A message that shows a hole is not kept: it was in the log before it was sent.
 *
 * While Redis is away the reading is tried again until it is back; subscribers stay.
 */

/** Why the log is read. */
type ReadReason = "start" | "gap" | "jump" | "check";

/** One subscriber of the channel. Hears publications in the order of their offsets, each once. */
export interface FollowingListener {
  message(message: LiveMessage): void;
  /** Publications are missing for good; the feed goes on behind `position`. */
  lost(position: ChannelPosition): void;
}

/** Where a subscriber begins: `recovered` is set for who asked, and `missed` is then what leads up to `position`. */
export type Joined =
  | { readonly position: ChannelPosition; readonly recovered?: undefined }
  | { readonly position: ChannelPosition; readonly recovered: false }
  | { readonly position: ChannelPosition; readonly recovered: true; readonly missed: readonly LiveMessage[] };

export interface FollowOptions {
  readonly log: ChannelLog;
  readonly clock: Pick<Clock, "setTimer">;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Pick<GatewayMetrics, "channelReads" | "repaired" | "repeats">;
  /** Between comparisons of the position with the log, ± 10 %. */
  readonly checkIntervalMs: number;
}

/** As many as the log keeps: of more, the oldest are read from there. */
const maxWaiting = 256;
const retryBaseMs = 200;
const retryMaxMs = 2000;
const retryMinMs = 50;

export class FollowedChannel implements LiveListener {
  readonly channel: Channel;
  readonly recent = new RecentMessages();
  readonly listeners = new Set<FollowingListener>();
  readonly #options: FollowOptions;
  #position: ChannelPosition | undefined;
  /** Settles with the reading that ends the doubt; undefined when there is none. */
  #doubt: PromiseWithResolvers<void> | undefined;
  #waiting: LiveMessage[] = [];
  #reading = false;
  #readAgain = false;
  #failures = 0;
  /** Of the next check, or the next attempt to read. */
  #timer: Timer | undefined;
  #stopped = false;

  constructor(channel: Channel, options: FollowOptions) {
    this.channel = channel;
    this.#options = options;
  }

  /** Where the channel is; undefined while that is in doubt. */
  get position(): ChannelPosition | undefined {
    return this.#doubt === undefined ? this.#position : undefined;
  }

  /** Resolves when the position is not in doubt. Rejects when a reading fails meanwhile. */
  async settled(): Promise<void> {
    await this.#doubt?.promise;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.listeners.clear();
  }

  message(message: LiveMessage): void {
    if (message.position === undefined) {
      this.#hand(message);
    } else if (this.#doubt === undefined) {
      this.#take(message, message.position);
    } else {
      this.#waiting.push(message);
      if (this.#waiting.length > maxWaiting) {
        this.#waiting.shift();
      }
    }
  }

  gap(): void {
    this.read("gap");
  }

  /** Compares the position with the log. Asked for during a reading, it reads once more: the news may be younger. */
  read(reason: ReadReason): void {
    if (this.#stopped) {
      return;
    }
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    this.#reading = true;
    this.#timer?.cancel();
    this.#doubt ??= newDoubt();
    const { name } = this.channel;
    const { log } = this.#options;
    const from = this.#position;
    const reading: Promise<ChannelRecovery> =
      from === undefined
        ? log.position(name).then((position) => ({ recovered: true, position, publications: [] }))
        : log.since(name, from);
    reading.then(
      (recovery) => this.#settle(reason, recovery),
      (error: unknown) => this.#fail(reason, error),
    );
  }

  #take(message: LiveMessage, { epoch, offset }: ChannelPosition): void {
    const at = this.#position;
    if (at === undefined || epoch !== at.epoch || offset > at.offset + 1) {
      this.read("jump");
    } else if (offset === at.offset + 1) {
      this.#pass(message);
    } else {
      this.#options.metrics.repeats.inc({ kind: this.channel.kind });
    }
  }

  #pass(message: LiveMessage): void {
    this.#position = message.position;
    this.recent.push(message);
    this.#hand(message);
  }

  #hand(message: LiveMessage): void {
    for (const listener of this.listeners) {
      listener.message(message);
    }
  }

  #settle(reason: ReadReason, recovery: ChannelRecovery): void {
    this.#reading = false;
    this.#failures = 0;
    if (this.#stopped) {
      return;
    }
    const { metrics } = this.#options;
    const { kind } = this.channel;
    const missed = messagesOf(this.channel, recovery);
    metrics.channelReads.inc({ kind, reason, outcome: missed === undefined ? "insufficient" : "whole" });
    for (const message of missed ?? []) {
      metrics.repaired.inc({ kind });
      this.#pass(message);
    }
    this.#position = recovery.position;
    if (missed === undefined) {
      this.recent.clear();
      for (const listener of this.listeners) {
        listener.lost(recovery.position);
      }
    }
    if (this.#readAgain) {
      this.#readAgain = false;
      this.read(reason);
      return;
    }
    this.#doubt?.resolve();
    this.#doubt = undefined;
    for (const message of this.#waiting.splice(0)) {
      this.message(message);
    }
    if (this.position !== undefined && !this.#stopped) {
      this.#planCheck();
    }
  }

  #fail(reason: ReadReason, error: unknown): void {
    this.#reading = false;
    this.#readAgain = false;
    if (this.#stopped) {
      return;
    }
    const { metrics, logger, clock, random } = this.#options;
    metrics.channelReads.inc({ kind: this.channel.kind, reason, outcome: "unavailable" });
    // That Redis is away is logged by its connection, once and not for every channel.
    logger[error instanceof RedisAwayError ? "debug" : "warn"](
      { err: error, channel: this.channel.name },
      "a channel's log could not be read; it will be tried again",
    );
    this.#doubt?.reject(error);
    this.#doubt = newDoubt();
    this.#failures += 1;
    const delayMs = backoffDelayMs({ attempt: this.#failures, baseMs: retryBaseMs, maxMs: retryMaxMs, random });
    this.#timer = clock.setTimer(() => this.read(reason), Math.max(retryMinMs, delayMs));
  }

  #planCheck(): void {
    const { clock, random, checkIntervalMs } = this.#options;
    this.#timer = clock.setTimer(() => this.read("check"), checkIntervalMs * (0.9 + 0.2 * random.next()));
  }
}

/** Nobody need wait for it. */
function newDoubt(): PromiseWithResolvers<void> {
  const doubt = Promise.withResolvers<void>();
  doubt.promise.catch(() => undefined);
  return doubt;
}

/** The publications of a reading; undefined when they are not all there, or not all can be read. */
export function messagesOf(channel: Channel, recovery: ChannelRecovery): LiveMessage[] | undefined {
  if (!recovery.recovered) {
    return undefined;
  }
  const { epoch } = recovery.position;
  const messages: LiveMessage[] = [];
  for (const { offset, payload } of recovery.publications) {
    const message = LiveMessage.from(channel, payload, { epoch, offset });
    if (message === undefined) {
      return undefined;
    }
    messages.push(message);
  }
  return messages;
}
