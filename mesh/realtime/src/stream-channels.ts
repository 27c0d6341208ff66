import type { Clock, Timer } from "./clock.ts";
import type { LinkListener, Settle } from "./link.ts";
import { type Answer, readSubscribed } from "./protocol.ts";
import type { WantedChannel } from "./stream-request.ts";

/*
 * The channels of a link that streams events: which of them are subscribed, and what the answers of a stream mean for each.
 * Whoever waits for an answer gets it. Where nobody does, the channel is open and another stream takes over from the one
 * before: the answer is told as what it means for a channel that is open, its messages or a gap.
 */

export interface StreamChannelsOptions {
  readonly clock: Clock;
  readonly commandTimeoutMs: number;
}

interface Pending {
  readonly settle: Settle;
  readonly timer: Timer;
  /** The number of the first stream that can answer: those before began somewhere else. */
  readonly byStream: number;
}

export class StreamChannels {
  readonly #options: StreamChannelsOptions;
  readonly #listener: Pick<LinkListener, "frame">;
  readonly #asked = new Set<string>();
  /** Subscribed and not yet answered. */
  readonly #pending = new Map<string, Pending>();

  constructor(options: StreamChannelsOptions, listener: Pick<LinkListener, "frame">) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Whether somebody has subscribed to it. */
  has(channel: string): boolean {
    return this.#asked.has(channel);
  }

  /** `byStream` is the number of the first stream whose answer counts. */
  add(channel: string, byStream: number, settle: Settle): void {
    this.#take(channel);
    this.#asked.add(channel);
    const { clock, commandTimeoutMs } = this.#options;
    const timer = clock.setTimer(() => this.#take(channel)?.(undefined), commandTimeoutMs);
    this.#pending.set(channel, { settle, timer, byStream });
  }

  /** Gives whether it was there. */
  delete(channel: string): boolean {
    this.#take(channel);
    return this.#asked.delete(channel);
  }

  clear(): void {
    for (const channel of [...this.#asked]) {
      this.delete(channel);
    }
  }

  /** The stream of this number, which was asked to go on from `from`, has answered. */
  answered(stream: number, { channel, from }: WantedChannel, answer: Answer): void {
    const awaited = this.#pending.get(channel)?.byStream ?? stream;
    if (!this.#asked.has(channel) || stream < awaited) {
      return;
    }
    const settle = this.#take(channel);
    if (!answer.ok) {
      this.#asked.delete(channel);
    }
    if (settle !== undefined) {
      settle(answer);
    } else if (answer.ok) {
      const { position, recovered, publications } = readSubscribed(answer.body, from);
      if (!recovered) {
        this.#listener.frame({ kind: "gap", channel, position });
      }
      for (const { offset, data } of publications) {
        this.#listener.frame({ kind: "push", channel, data, offset, skipped: 0, from: undefined, key: undefined });
      }
    } else {
      const { code: reason, message } = answer;
      this.#listener.frame({ kind: "subscription_ended", channel, reason, message });
    }
  }

  /** What waits for the answer, which waits no longer. */
  #take(channel: string): Settle | undefined {
    const pending = this.#pending.get(channel);
    this.#pending.delete(channel);
    pending?.timer.cancel();
    return pending?.settle;
  }
}
