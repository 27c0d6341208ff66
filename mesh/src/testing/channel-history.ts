import type { ChannelPosition, Publication } from "../channels/channel-log.ts";

/**
 * Judges what a reader of a recoverable channel saw, against what was published: no publication lost without a word, none
 * twice, none out of order, none altered, and at the end nothing that the reader does not know, from the feed or from a
 * state it has loaded. The reader records its history; payloads have to be unique.
 *
 * A reader that is told of a loss, or subscribes without being recovered, has to load the state *after* that: a state loaded
 * before it says nothing about what came in between.
 */

/** One thing that happened to a reader. */
export type ReaderEvent =
  | {
      readonly kind: "subscribed";
      readonly position: ChannelPosition;
      /** The position the reader asked to go on from, when it asked and was told that everything since is here. */
      readonly recoveredFrom?: ChannelPosition;
      readonly publications: readonly Publication[];
    }
  | { readonly kind: "pushed"; readonly publication: Publication }
  /** Told that publications are missing; the feed goes on behind `position`, or has ended when there is none. */
  | { readonly kind: "told of a loss"; readonly position?: ChannelPosition }
  | { readonly kind: "disconnected" }
  /** Loaded the state: it contains these publications. */
  | { readonly kind: "loaded"; readonly payloads: readonly string[] };

export interface PublishedChange {
  readonly position: ChannelPosition;
  readonly payload: string;
}

/** What is wrong with a history, in words; nothing when it is as promised. `published` in the order of publishing. */
export function faultsOfHistory(published: readonly PublishedChange[], events: readonly ReaderEvent[]): string[] {
  const reader = new HistoryChecker(published);
  for (const event of events) {
    reader.see(event);
  }
  return reader.end();
}

class HistoryChecker {
  readonly #published: readonly PublishedChange[];
  readonly #byPlace: ReadonlyMap<string, string>;
  readonly #faults: string[] = [];
  readonly #known = new Set<string>();
  readonly #delivered = new Set<string>();
  #at: ChannelPosition | undefined;
  #subscribed = false;
  #mustLoad = false;

  constructor(published: readonly PublishedChange[]) {
    this.#published = published;
    this.#byPlace = new Map(published.map(({ position, payload }) => [placeOf(position), payload]));
  }

  see(event: ReaderEvent): void {
    switch (event.kind) {
      case "subscribed":
        this.#begin(event);
        return;
      case "pushed":
        if (!this.#subscribed) this.#faults.push(`pushed ${event.publication.offset} outside of a subscription`);
        this.#deliver(event.publication);
        return;
      case "told of a loss":
        this.#mustLoad = true;
        this.#at = event.position ?? this.#at;
        this.#subscribed = event.position !== undefined;
        return;
      case "disconnected":
        this.#subscribed = false;
        return;
      case "loaded":
        for (const payload of event.payloads) this.#known.add(payload);
        if (this.#subscribed) this.#mustLoad = false;
        return;
    }
  }

  end(): string[] {
    const last = this.#published.at(-1)?.position;
    if (!this.#subscribed) this.#faults.push("not subscribed at the end");
    else if (last !== undefined && (this.#at === undefined || placeOf(this.#at) !== placeOf(last))) {
      this.#faults.push(`ends at ${placeOf(this.#at)}, the channel at ${placeOf(last)}`);
    }
    if (this.#mustLoad) this.#faults.push("was not whole and did not load the state after it subscribed");
    const missing = this.#published.filter(({ payload }) => !this.#known.has(payload)).map(({ payload }) => payload);
    if (missing.length > 0) this.#faults.push(`never learned of ${missing.join(", ")}`);
    return this.#faults;
  }

  #begin({ position, recoveredFrom, publications }: Extract<ReaderEvent, { kind: "subscribed" }>): void {
    this.#subscribed = true;
    if (recoveredFrom === undefined) {
      if (publications.length > 0) this.#faults.push("got publications without being recovered");
      this.#mustLoad = true;
    } else {
      if (placeOf(recoveredFrom) !== placeOf(this.#at)) {
        this.#faults.push(`recovered from ${placeOf(recoveredFrom)}, and had come to ${placeOf(this.#at)}`);
      }
      for (const publication of publications) this.#deliver(publication);
      if (placeOf(this.#at) !== placeOf(position)) {
        this.#faults.push(`recovered to ${placeOf(this.#at)}, and goes on behind ${placeOf(position)}`);
      }
    }
    this.#at = position;
  }

  #deliver({ offset, payload }: Publication): void {
    const at = this.#at;
    if (at === undefined) {
      this.#faults.push(`got ${offset} before any position`);
      return;
    }
    if (offset <= at.offset) this.#faults.push(`got ${offset} after ${at.offset}`);
    if (offset > at.offset + 1) this.#faults.push(`lost ${at.offset + 1} to ${offset - 1} without a word`);
    if (this.#delivered.has(payload)) this.#faults.push(`got "${payload}" twice`);
    this.#at = { epoch: at.epoch, offset };
    const truth = this.#byPlace.get(placeOf(this.#at));
    if (truth !== payload)
      this.#faults.push(`got "${payload}" as ${placeOf(this.#at)}, where "${truth}" was published`);
    this.#delivered.add(payload);
    this.#known.add(payload);
  }
}

function placeOf(position: ChannelPosition | undefined): string {
  return position === undefined ? "nowhere" : `${position.epoch}:${position.offset}`;
}
