import { type Clock, type Logger, RedisAwayError, type Timer } from "@weft/mesh";
import type { GatewayMetrics } from "../metrics.ts";
import { SharedFrame } from "./frame-codec.ts";
import { presenceNews } from "./presence-news.ts";
import type { PresenceSnapshot, PresenceStore } from "./presence-store.ts";

/*
 * One channel with the connections of this process that are shown in it and watch it. The store knows who is there; a room
 * writes its own members to it, reads it when somebody says that it has changed or when the time of a member is over, and tells
 * its watchers the difference to what they were told last, at most once in `tellEveryMs`. So whatever happens in between, in
 * whatever order it is heard, what they have been told adds up to what is there.
 *
 * Members that come or leave are written at once, with all others that came or left while the last call was under way; reading
 * for others' sake has its pace too. What could not be written is tried again: while the store is away nobody is told anything.
 */

export interface PresenceWatcher {
  tell(frame: SharedFrame): void;
}

export interface PresenceRoomOptions {
  readonly store: PresenceStore;
  readonly clock: Pick<Clock, "monotonicMs" | "setTimer">;
  readonly logger: Logger;
  readonly metrics: Pick<GatewayMetrics, "presenceUpdates" | "presenceTold">;
  /** Nobody here is in the channel any more. */
  readonly onEmpty: () => void;
}

const retryMs = 1000;

export class PresenceRoom {
  readonly #channel: string;
  readonly #options: PresenceRoomOptions;
  readonly #watchers = new Map<string, PresenceWatcher>();
  #coming = new Set<string>();
  #leaving = new Set<string>();
  #told: PresenceSnapshot | undefined;
  #latest: PresenceSnapshot | undefined;
  #waiting: PromiseWithResolvers<PresenceSnapshot>[] = [];
  #asking = false;
  #stale = false;
  /** Instants of the monotonic clock. */
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #heartbeatAtMs: number;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #endsAtMs = Number.POSITIVE_INFINITY;
  #tellAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(channel: string, options: PresenceRoomOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#heartbeatAtMs = options.clock.monotonicMs() + options.store.times.heartbeatMs;
  }

  join(member: string, watcher: PresenceWatcher): void {
    this.#watchers.set(member, watcher);
    this.#leaving.delete(member);
    this.#coming.add(member);
    this.#step();
  }

  leave(member: string): void {
    if (this.#watchers.delete(member)) {
      this.#coming.delete(member);
      this.#leaving.add(member);
      this.#step();
    }
  }

  /** What watchers have been told so far, so that what they are told next goes on from there. Rejects as the store does. */
  current(): Promise<PresenceSnapshot> {
    if (this.#told !== undefined) {
      return Promise.resolve(this.#told);
    }
    const waiter = Promise.withResolvers<PresenceSnapshot>();
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  /** Somebody came or left, here or elsewhere. */
  changed(): void {
    this.#stale = true;
    this.#step();
  }

  /** The store may have lost everything: writes all members again, and tells nothing until other gateways have done so too. */
  restore(): void {
    const { clock, store } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#heartbeatAtMs = nowMs;
    this.#tellAtMs = Math.max(this.#tellAtMs, nowMs + store.times.graceMs);
    this.#stale = true;
    this.#step();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#watchers.clear();
    for (const waiter of this.#waiting.splice(0)) {
      waiter.reject(new RedisAwayError("nobody here is in the channel any more"));
    }
  }

  #step(): void {
    if (this.#asking || this.#stopped) {
      return;
    }
    this.#timer?.cancel();
    const nowMs = this.#options.clock.monotonicMs();
    this.#tell(nowMs);
    const askAtMs = this.#askAtMs();
    if (askAtMs <= nowMs) {
      this.#ask(nowMs);
    } else if (this.#watchers.size === 0) {
      this.stop();
      this.#options.onEmpty();
    } else {
      const atMs = this.#hasNews ? Math.min(askAtMs, this.#tellAtMs) : askAtMs;
      this.#timer = this.#options.clock.setTimer(() => this.#step(), atMs - nowMs);
    }
  }

  get #hasNews(): boolean {
    return this.#latest !== undefined && this.#latest !== this.#told;
  }

  #askAtMs(): number {
    if (this.#coming.size > 0 || this.#leaving.size > 0) {
      return this.#retryAtMs;
    }
    if (this.#watchers.size === 0) {
      return Number.POSITIVE_INFINITY;
    }
    const newsAtMs = this.#stale ? Number.NEGATIVE_INFINITY : this.#endsAtMs;
    const readAtMs = Math.max(newsAtMs, this.#askedAtMs + this.#options.store.times.tellEveryMs);
    return Math.max(this.#retryAtMs, Math.min(readAtMs, this.#heartbeatAtMs));
  }

  #ask(nowMs: number): void {
    const { store } = this.#options;
    const here = nowMs >= this.#heartbeatAtMs ? new Set(this.#watchers.keys()) : this.#coming;
    const leaving = this.#leaving;
    if (here !== this.#coming) {
      this.#heartbeatAtMs = nowMs + store.times.heartbeatMs;
    }
    this.#coming = new Set();
    this.#leaving = new Set();
    this.#stale = false;
    this.#asking = true;
    this.#askedAtMs = nowMs;
    store.update(this.#channel, { here: [...here], leaving: [...leaving] }).then(
      (snapshot) => this.#settle(snapshot),
      (error: unknown) => this.#fail(error, here, leaving),
    );
  }

  #settle(snapshot: PresenceSnapshot): void {
    const { clock, metrics } = this.#options;
    metrics.presenceUpdates.inc({ outcome: "done" });
    this.#asking = false;
    this.#latest = snapshot;
    this.#endsAtMs =
      snapshot.nextEndMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + snapshot.nextEndMs;
    if (this.#told === undefined) {
      this.#told = snapshot;
      this.#tellAtMs = Math.max(this.#tellAtMs, clock.monotonicMs());
      for (const waiter of this.#waiting.splice(0)) {
        waiter.resolve(snapshot);
      }
    }
    this.#step();
  }

  #fail(error: unknown, here: ReadonlySet<string>, leaving: ReadonlySet<string>): void {
    const { clock, logger, metrics } = this.#options;
    metrics.presenceUpdates.inc({ outcome: "unavailable" });
    logger.debug({ err: error, channel: this.#channel }, "who is present could not be written, will be tried again");
    for (const waiter of this.#waiting.splice(0)) {
      waiter.reject(error);
    }
    this.#asking = false;
    this.#stale = true;
    this.#retryAtMs = clock.monotonicMs() + retryMs;
    for (const member of here) {
      if (this.#watchers.has(member)) {
        this.#coming.add(member);
      }
    }
    // Nobody is here to try again for: the time of those who left is over soon anyway.
    for (const member of this.#watchers.size > 0 ? leaving : []) {
      if (!this.#watchers.has(member)) {
        this.#leaving.add(member);
      }
    }
    this.#step();
  }

  #tell(nowMs: number): void {
    const { metrics, store } = this.#options;
    if (this.#told === undefined || this.#latest === undefined || !this.#hasNews || nowMs < this.#tellAtMs) {
      return;
    }
    const news = presenceNews(this.#told, this.#latest);
    this.#told = this.#latest;
    if (news === undefined) {
      return;
    }
    this.#tellAtMs = nowMs + store.times.tellEveryMs;
    const frame = new SharedFrame({ kind: "presenceNews", channel: this.#channel, news });
    for (const watcher of this.#watchers.values()) {
      watcher.tell(frame);
    }
    metrics.presenceTold.inc();
  }
}
