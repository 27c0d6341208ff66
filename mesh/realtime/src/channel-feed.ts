import { backoffDelayMs } from "./backoff.ts";
import type { Clock, Random, Timer } from "./clock.ts";
import { errorOfAnswer, type RealtimeError } from "./errors.ts";
import { type ChannelOptions, type FeedEvent, remember } from "./feed-event.ts";
import type { Settle } from "./link.ts";
import { PresenceFeed } from "./presence-feed.ts";
import {
  type ChannelFrame,
  type Notice,
  type Position,
  type Present,
  type Publication,
  type Push,
  readSubscribed,
} from "./protocol.ts";

/*
 * One channel on the connection, for all tabs that listen to it (its members). It is *idle* (no connection, or waiting to
 * try again), *subscribing* or *live*; only what comes while it is live counts, as anything before the answer is of an older
 * subscription. It goes on from where it was after anything that interrupts it: the next publication is passed on, a repeat
 * is dropped, a hole asks the server again.
 *
 * A member joins from a position of its own, which may lie behind that of the feed or, after the connection has moved from
 * one tab to another, before it. The last publications are kept for that. The feed never guesses: a member for whom it does
 * not have everything is told so.
 */

export interface FeedContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  readonly request: (command: string, body: object, settle: Settle) => void;
  readonly emit: (event: FeedEvent, members: Iterable<string>) => void;
  /** The feed has ended itself. */
  readonly ended: (feed: ChannelFeed) => void;
}

export class ChannelFeed {
  readonly channel: string;
  readonly options: ChannelOptions;
  readonly #context: FeedContext;
  #phase: "idle" | "subscribing" | "live" | "ended" = "idle";
  #position: Position | undefined;
  #recent: Publication[] = [];
  /** Those that have begun. */
  readonly #members = new Set<string>();
  /** Those that wait for an answer, with where they want to go on. */
  readonly #waiting = new Map<string, Position | undefined>();
  /** Where the subscription asks for it. */
  readonly #presence: PresenceFeed | undefined;
  #retryTimer: Timer | undefined;
  #failures = 0;
  /** Counts subscriptions: answers to older ones are not heard. */
  #turn = 0;

  constructor(channel: string, options: ChannelOptions, context: FeedContext) {
    this.channel = channel;
    this.options = options;
    this.#context = context;
    if (options.presence === true) {
      this.#presence = new PresenceFeed(channel, context, (present) => this.#tell(presenceEvent(channel, present)));
    }
  }

  get isUnused(): boolean {
    return this.#members.size === 0 && this.#waiting.size === 0;
  }

  /** Whether the server has heard of this subscription. */
  get isAsked(): boolean {
    return this.#phase === "subscribing" || this.#phase === "live";
  }

  /** Up to where everything is known, and where the next subscription goes on. */
  get from(): Position | undefined {
    return this.#position ?? oldest(this.#waiting.values());
  }

  join(member: string, from: Position | undefined, recent: readonly Publication[]): void {
    this.#members.delete(member);
    if (this.#phase === "live") {
      this.#answer(member, from);
      return;
    }
    if (this.#position === undefined && this.#phase === "idle" && this.isUnused && from !== undefined) {
      this.#position = from;
      this.#recent = [...recent];
    }
    this.#waiting.set(member, from);
  }

  leave(member: string): void {
    this.#members.delete(member);
    this.#waiting.delete(member);
  }

  /** Asks the server; there is a connection. */
  subscribe(): void {
    this.#retryTimer?.cancel();
    this.#phase = "subscribing";
    this.#turn += 1;
    const turn = this.#turn;
    const recover = this.from;
    const body = { channel: this.channel, ...this.options, ...(recover === undefined ? {} : { recover }) };
    this.#context.request("subscribe", body, (answer) => {
      if (turn !== this.#turn) {
        return;
      }
      if (answer?.ok === true) {
        this.#begin(answer.body, recover);
      } else if (answer === undefined) {
        // It may still be on its way: this subscription would be refused as a second one.
        this.#context.request("unsubscribe", { channel: this.channel }, () => undefined);
        this.#retry();
      } else {
        this.#refuse(errorOfAnswer(answer));
      }
    });
  }

  /** The connection has ended. */
  disconnected(): void {
    this.stop();
    if (this.#phase !== "ended") {
      this.#phase = "idle";
      this.#tell({ type: "interrupted", channel: this.channel });
    }
  }

  stop(): void {
    this.#turn += 1;
    this.#presence?.stop();
    this.#retryTimer?.cancel();
  }

  frame(frame: ChannelFrame): void {
    if (this.#phase !== "live") {
      return;
    }
    if (frame.kind === "push") {
      this.#push(frame);
    } else if (frame.kind === "presence") {
      this.#presence?.news(frame);
    } else {
      this.#notice(frame);
    }
  }

  #push({ data, offset, skipped, from, key }: Push): void {
    const at = this.#position;
    if (offset === undefined || at === undefined) {
      this.#tell({ type: "message", channel: this.channel, data, position: undefined, skipped, from, key });
    } else if (offset === at.offset + 1) {
      this.#advance({ offset, data }, at.epoch);
    } else if (offset > at.offset) {
      this.subscribe();
    }
  }

  #notice(notice: Notice): void {
    if (notice.kind === "gap" && (notice.position !== undefined || this.#position === undefined)) {
      this.#lose(notice.position);
    } else if (notice.kind === "gap" || notice.reason === "insufficient_state") {
      this.subscribe();
    } else {
      this.#refuse(errorOfAnswer({ code: notice.reason, message: notice.message }));
    }
  }

  #begin(body: Parameters<typeof readSubscribed>[0], asked: Position | undefined): void {
    const { position, recovered, publications } = readSubscribed(body, asked);
    this.#phase = "live";
    this.#failures = 0;
    const turn = this.#turn;
    if (recovered && asked !== undefined) {
      this.#position ??= asked;
      this.#tell({ type: "resumed", channel: this.channel });
      for (const publication of publications) {
        // Whoever hears it may have ended all this.
        if (turn !== this.#turn) {
          return;
        }
        this.#advance(publication, asked.epoch);
      }
    } else {
      this.#lose(position);
    }
    for (const [member, from] of turn === this.#turn ? [...this.#waiting] : []) {
      this.#waiting.delete(member);
      this.#answer(member, from);
    }
    if (turn === this.#turn) {
      this.#presence?.start();
    }
  }

  #answer(member: string, from: Position | undefined): void {
    const missed = from === undefined ? undefined : this.#since(from);
    this.#members.add(member);
    this.#context.emit(
      {
        type: "begin",
        channel: this.channel,
        position: this.#position,
        recovered: missed !== undefined,
        publications: missed ?? [],
      },
      [member],
    );
    const present = this.#presence?.present;
    if (present !== undefined) {
      this.#context.emit(presenceEvent(this.channel, present), [member]);
    }
  }

  /** What came after `from`; undefined when it is not all here. */
  #since(from: Position): readonly Publication[] | undefined {
    const at = this.#position;
    if (at === undefined || at.epoch !== from.epoch || from.offset > at.offset) {
      return undefined;
    }
    const missing = at.offset - from.offset;
    return missing > this.#recent.length ? undefined : this.#recent.slice(this.#recent.length - missing);
  }

  #advance(publication: Publication, epoch: string): void {
    this.#position = { epoch, offset: publication.offset };
    remember(this.#recent, publication);
    const nothing = { skipped: 0, from: undefined, key: undefined };
    this.#tell({
      type: "message",
      channel: this.channel,
      data: publication.data,
      position: this.#position,
      ...nothing,
    });
  }

  #lose(position: Position | undefined): void {
    this.#position = position;
    this.#recent = [];
    this.#tell({ type: "lost", channel: this.channel, position });
  }

  #refuse(error: RealtimeError): void {
    if (error.retryable || error.code === "unauthenticated") {
      this.#retry();
      return;
    }
    this.stop();
    this.#phase = "ended";
    this.#context.emit({ type: "ended", channel: this.channel, error }, [...this.#members, ...this.#waiting.keys()]);
    this.#context.ended(this);
  }

  #retry(): void {
    const { clock, random, retryBaseMs, retryMaxMs } = this.#context;
    this.stop();
    this.#phase = "idle";
    this.#failures += 1;
    const delayMs = backoffDelayMs({ failures: this.#failures, baseMs: retryBaseMs, maxMs: retryMaxMs, random });
    this.#retryTimer = clock.setTimer(() => this.subscribe(), delayMs);
    this.#tell({ type: "interrupted", channel: this.channel });
  }

  #tell(event: FeedEvent): void {
    if (this.#members.size > 0) {
      this.#context.emit(event, this.#members);
    }
  }
}

function presenceEvent(channel: string, { users, userIds }: Present): FeedEvent {
  return { type: "presence", channel, users, userIds };
}

/** Of those in the epoch of the first, so that as many as can be are helped by one recovery. */
function oldest(positions: Iterable<Position | undefined>): Position | undefined {
  let found: Position | undefined;
  for (const position of positions) {
    if (position !== undefined && (found === undefined || position.epoch === found.epoch)) {
      found = found === undefined || position.offset < found.offset ? position : found;
    }
  }
  return found;
}
