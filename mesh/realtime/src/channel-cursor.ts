import { type ChannelOptions, type ChannelSource, type FeedEvent, remember } from "./feed-event.ts";
import type { Position, Present, Publication } from "./protocol.ts";
import type { Subscriber } from "./subscriber.ts";

type MessageEvent = Extract<FeedEvent, { readonly type: "message" }>;

/*
 * How far this tab has come in a channel, for all its subscribers. The connection may be this tab's, or another's, and it may
 * move; the position is the tab's own and goes with no connection. It passes on what comes next, drops what it has had, and
 * when something is missing joins again from where it is.
 *
 * *Joining*: it has asked, and hears nothing but the answer. *Following*: it hears everything.
 */

export class ChannelCursor {
  readonly channel: string;
  readonly options: ChannelOptions;
  readonly #source: ChannelSource;
  #phase: "new" | "joining" | "following" = "new";
  #position: Position | undefined;
  readonly #recent: Publication[] = [];
  #present: Present | undefined;
  /** Replaced, never changed: handlers may subscribe and unsubscribe while it is walked. */
  #subscribers: readonly Subscriber[] = [];

  constructor(channel: string, options: ChannelOptions, source: ChannelSource, from: Position | undefined) {
    this.channel = channel;
    this.options = options;
    this.#source = source;
    this.#position = from;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  /** Who is there; undefined while that is not known. */
  get present(): Present | undefined {
    return this.#present;
  }

  get isUnused(): boolean {
    return this.#subscribers.length === 0;
  }

  get subscribers(): readonly Subscriber[] {
    return this.#subscribers;
  }

  add(subscriber: Subscriber): void {
    this.#subscribers = [...this.#subscribers, subscriber];
  }

  /** Begins for a subscriber that has been added, if the channel has begun: otherwise it will with the others. */
  welcome(subscriber: Subscriber): void {
    if (this.#phase === "following" && this.#subscribers.includes(subscriber)) {
      subscriber.resumed();
      if (this.#present !== undefined) {
        subscriber.present(this.#present);
      }
    }
  }

  remove(subscriber: Subscriber): void {
    this.#subscribers = this.#subscribers.filter((each) => each !== subscriber);
  }

  /** Asks for the channel: for the first time, or again as what it was asked of is gone. */
  join(): void {
    this.#phase = "joining";
    this.#source.join(this.channel, this.options, this.#position, this.#recent);
  }

  /** The source is gone; `join` follows. */
  interrupted(): void {
    this.#present = undefined;
    for (const subscriber of this.#subscribers) {
      subscriber.interrupted();
    }
  }

  hear(event: Exclude<FeedEvent, { readonly type: "ended" }>): void {
    if (event.type === "begin") {
      if (this.#phase === "joining") {
        this.#begin(event);
      }
    } else if (this.#phase === "following") {
      this.#follow(event);
    }
  }

  #begin({ position, recovered, publications }: Extract<FeedEvent, { readonly type: "begin" }>): void {
    this.#phase = "following";
    if (!recovered) {
      this.#lose(position);
      return;
    }
    this.#resume();
    for (const { offset, data } of publications) {
      const at = position === undefined ? undefined : { epoch: position.epoch, offset };
      this.#message({ data, position: at, skipped: 0, from: undefined, key: undefined });
    }
  }

  #follow(event: Exclude<FeedEvent, { readonly type: "begin" | "ended" }>): void {
    switch (event.type) {
      case "message":
        this.#message(event);
        return;
      case "lost":
        this.#lose(event.position);
        return;
      case "interrupted":
        this.interrupted();
        return;
      case "resumed":
        this.#resume();
        return;
      case "presence":
        this.#present = { users: event.users, userIds: event.userIds };
        for (const subscriber of this.#subscribers) {
          subscriber.present(event);
        }
        return;
    }
  }

  #message({ data, position, skipped, from, key }: Omit<MessageEvent, "type" | "channel">): void {
    const at = this.#position;
    if (this.#phase !== "following") {
      return;
    }
    if (position !== undefined && at !== undefined) {
      if (position.epoch === at.epoch && position.offset <= at.offset) {
        return;
      }
      if (position.epoch !== at.epoch || position.offset > at.offset + 1) {
        this.join();
        return;
      }
      this.#position = position;
      remember(this.#recent, { offset: position.offset, data });
    }
    const info = { channel: this.channel, position, skipped, from, key };
    for (const subscriber of this.#subscribers) {
      subscriber.message(data, info);
    }
  }

  #resume(): void {
    for (const subscriber of this.#subscribers) {
      subscriber.resumed();
    }
  }

  #lose(position: Position | undefined): void {
    this.#position = position;
    this.#recent.length = 0;
    for (const subscriber of this.#subscribers) {
      subscriber.lost();
    }
  }
}
