import { backoffDelayMs } from "./backoff.ts";
import type { FeedContext } from "./channel-feed.ts";
import type { Timer } from "./clock.ts";
import { type PresenceNews, type Present, readPresence } from "./protocol.ts";

/*
 * Who is in a channel, as its connection tells it: the list is asked for behind each subscription, and follows who joins and
 * leaves from the answer on; what comes before it is in it. In a channel with too many for a list there are numbers only, until
 * everybody is named again. Where list and number do not agree, the list is asked for again.
 */

export type PresenceContext = Pick<FeedContext, "clock" | "random" | "retryBaseMs" | "retryMaxMs" | "request">;

export class PresenceFeed {
  readonly #channel: string;
  readonly #context: PresenceContext;
  readonly #changed: (present: Present) => void;
  #present: Present | undefined;
  /** Counts questions: answers to older ones are not heard. */
  #turn = 0;
  #isAsking = false;
  #failures = 0;
  #retryTimer: Timer | undefined;

  constructor(channel: string, context: PresenceContext, changed: (present: Present) => void) {
    this.#channel = channel;
    this.#context = context;
    this.#changed = changed;
  }

  /** Undefined until it is known. */
  get present(): Present | undefined {
    return this.#present;
  }

  /** The channel has just been subscribed. */
  start(): void {
    this.stop();
    this.#failures = 0;
    this.#ask();
  }

  /** Nothing is heard of the channel any more. */
  stop(): void {
    this.#turn += 1;
    this.#isAsking = false;
    this.#present = undefined;
    this.#retryTimer?.cancel();
  }

  news({ users, joined, left }: PresenceNews): void {
    if (this.#present === undefined) {
      return;
    }
    const userIds = joined === undefined ? undefined : new Set(this.#present.userIds);
    for (const userId of joined ?? []) {
      userIds?.add(userId);
    }
    for (const userId of left) {
      userIds?.delete(userId);
    }
    this.#become({ users, userIds: userIds && [...userIds] });
    if (userIds !== undefined && userIds.size !== users && !this.#isAsking) {
      this.#ask();
    }
  }

  #ask(): void {
    const turn = this.#turn;
    this.#isAsking = true;
    this.#context.request("presence", { channel: this.#channel }, (answer) => {
      if (turn !== this.#turn) {
        return;
      }
      this.#isAsking = false;
      const present = answer?.ok === true ? readPresence(answer.body) : undefined;
      if (present !== undefined) {
        this.#failures = 0;
        this.#become(present);
      } else {
        this.#retry();
      }
    });
  }

  #retry(): void {
    const { clock, random, retryBaseMs, retryMaxMs } = this.#context;
    this.#failures += 1;
    const delayMs = backoffDelayMs({ failures: this.#failures, baseMs: retryBaseMs, maxMs: retryMaxMs, random });
    this.#retryTimer?.cancel();
    this.#retryTimer = clock.setTimer(() => this.#ask(), delayMs);
  }

  #become(present: Present): void {
    this.#present = present;
    this.#changed(present);
  }
}
