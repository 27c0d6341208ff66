import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import type { GatewayLimits } from "../config.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { type Channel, isRecoverable, parseChannel } from "./channel.ts";
import type { ChannelAccess, Subscriber } from "./channel-access.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ConnectionPresence } from "./connection-presence.ts";
import type { Joined } from "./followed-channel.ts";
import type { LiveFeed } from "./live-feed.ts";
import type { SubscriptionOptions } from "./protocol.ts";
import type { RecoverableFeed, RecoverFrom } from "./recoverable-feed.ts";
import { Rounds } from "./rounds.ts";
import { frameErrorOf } from "./server-frames.ts";
import type { SubscriberCounts } from "./subscriber-counts.ts";
import { type LossListener, Subscription, type SubscriptionDependencies } from "./subscription.ts";
import { AccessWatch, endsAccess, insufficientState, type SubscriptionEntry } from "./subscription-entry.ts";

/*
 * The channels of one connection. A channel counts from the moment it is asked for, so that the limit holds while
 * permissions are being looked up; it is given up when it is unsubscribed or the connection ends meanwhile. A permission
 * that is found gone ends its subscription with a notice; it is looked for every minute, and at once when the project
 * behind the channel says that its members have changed. When it cannot be found out the subscription goes on for a few
 * rounds: the service behind may be restarting, and then it publishes nothing either.
 *
 * A subscription that was made with a position to recover from ends when its channel has lost publications: it comes back
 * with what it has. One that was made without knows nothing of positions, is told of the gap and goes on.
 */

export interface SubscriptionSetDependencies extends SubscriptionDependencies {
  readonly limits: GatewayLimits;
  readonly access: ChannelAccess;
  readonly feed: LiveFeed;
  readonly recoverable: RecoverableFeed;
  /** Of all connections of this process. */
  readonly counts: SubscriberCounts;
  readonly metrics: SubscriptionDependencies["metrics"] &
    Pick<GatewayMetrics, "subscriptions" | "subscriptionsEnded" | "limited">;
}

type Shown = Pick<ConnectionPresence, "show" | "hide">;

export class SubscriptionSet implements LossListener {
  readonly #deps: SubscriptionSetDependencies;
  readonly #connection: ClientConnection;
  readonly #presence: Shown;
  readonly #entries = new Map<string, SubscriptionEntry>();
  /** The newest one that has been named. */
  #subscriber: Subscriber | undefined;
  #rechecks: Rounds<Subscriber> | undefined;
  #ended = false;

  /** `deps` are those of all connections: there are many of these. */
  constructor(connection: ClientConnection, presence: Shown, deps: SubscriptionSetDependencies) {
    this.#connection = connection;
    this.#presence = presence;
    this.#deps = deps;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Subscribes, or changes the options of a channel that is subscribed, or with `recover` begins it anew; calls `confirm`
   * before the first message can go out. Throws RESOURCE_EXHAUSTED beyond the limits, what the look-up of the permission
   * throws, UNAVAILABLE when the position of a recoverable channel cannot be read, and CANCELED when the channel was given
   * up meanwhile.
   */
  async add(
    channel: Channel,
    options: SubscriptionOptions,
    subscriber: Subscriber,
    confirm: (joined?: Joined) => void,
    recover?: RecoverFrom,
  ): Promise<void> {
    this.#subscriber = subscriber;
    const { limits, feed, recoverable, counts, metrics } = this.#deps;
    const existing = this.#entries.get(channel.name);
    if (existing !== undefined) {
      if (!existing.active) {
        throw serviceError(Code.AlreadyExists, "SUBSCRIBING", `${channel.name} is being subscribed already`);
      }
      if (recover === undefined) {
        const { position } = existing.subscription;
        existing.subscription.change(options);
        existing.shown = options.presence === true;
        confirm(position === undefined ? undefined : { position });
        this.#show(existing);
        return;
      }
      this.#drop(existing);
    }
    if (this.#entries.size >= limits.channelsPerConnection) {
      metrics.limited.inc({ limit: "channels" });
      const message = `a connection can have ${limits.channelsPerConnection} channels; unsubscribe one first`;
      throw serviceError(Code.ResourceExhausted, "TOO_MANY_CHANNELS", message);
    }
    if (!counts.take(channel.name)) {
      metrics.limited.inc({ limit: "subscribers" });
      const message = `${channel.name} has as many subscribers as a gateway sends to; try again later`;
      throw serviceError(Code.ResourceExhausted, "TOO_MANY_SUBSCRIBERS", message, { retryAfterMs: 5000 });
    }
    const entry = this.#enter(channel, options, recover !== undefined);
    try {
      this.#assertWanted(entry);
      const projectId = await this.#ask(entry, subscriber);
      this.#assertWanted(entry);
      await this.#watch(entry, projectId);
      this.#assertWanted(entry);
      if (isRecoverable(channel)) {
        const begin = (joined: Joined) => this.#begin(entry, confirm, joined);
        await recoverable.join(channel, entry.subscription, recover, begin);
      } else {
        await feed.add(channel, entry.subscription);
        this.#assertWanted(entry);
        this.#begin(entry, confirm);
      }
    } catch (error) {
      this.#drop(entry);
      throw error;
    }
  }

  /** Whether messages of the channel are being sent. */
  has({ name }: Channel): boolean {
    return this.#entries.get(name)?.active === true;
  }

  /** Whether the connection may publish in a channel that it `has`. */
  mayPublish({ name }: Channel): boolean {
    return this.#entries.get(name)?.publishes === true;
  }

  /** Repeating it does nothing. */
  remove(channel: Channel): void {
    const entry = this.#entries.get(channel.name);
    if (entry !== undefined) {
      this.#drop(entry);
    }
  }

  /** Ends them all, with the connection; none is begun afterwards. */
  end(): void {
    this.#ended = true;
    for (const entry of [...this.#entries.values()]) {
      this.#drop(entry);
    }
  }

  drained(): void {
    for (const { subscription } of this.#entries.values()) {
      subscription.drained();
    }
  }

  /**
   * Looks all permissions up again, one after the other. Asked for while it runs, it goes round once more with the newest
   * subscriber: however often a client refreshes its token, a connection has one look-up under way. Never rejects.
   */
  async recheck(subscriber: Subscriber): Promise<void> {
    this.#subscriber = subscriber;
    this.#rechecks ??= new Rounds((newest) => this.#recheckOnce(newest));
    await this.#rechecks.ask(subscriber);
  }

  /** The members of a project that a permission hangs on have changed. */
  accessChanged(): void {
    if (this.#subscriber !== undefined) {
      void this.recheck(this.#subscriber);
    }
  }

  lost({ name }: Channel): void {
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      this.#end(entry, insufficientState);
    }
  }

  async #recheckOnce(subscriber: Subscriber): Promise<void> {
    for (const entry of [...this.#entries.values()].filter(({ active }) => active)) {
      if (entry.ended) {
        continue;
      }
      try {
        await this.#ask(entry, subscriber);
        entry.failedRechecks = 0;
      } catch (error) {
        entry.failedRechecks += 1;
        if (endsAccess(error, entry.failedRechecks)) {
          this.#end(entry, frameErrorOf(error));
        }
      }
    }
  }

  /** Looks the permission up, and notes it. Gives the project that it hangs on, if any; rejects as the look-up does. */
  async #ask(entry: SubscriptionEntry, subscriber: Subscriber): Promise<string | undefined> {
    const asking = new AbortController();
    entry.asking = asking;
    try {
      const { channel } = entry.subscription;
      const { projectId, publishes } = await this.#deps.access(channel, subscriber, asking.signal);
      entry.publishes = publishes === true;
      return projectId;
    } finally {
      entry.asking = undefined;
    }
  }

  async #watch(entry: SubscriptionEntry, projectId: string | undefined): Promise<void> {
    const { channel: own } = entry.subscription;
    const isOwn = own.kind === "project" && own.id === projectId;
    const channel = isOwn ? own : parseChannel(`project:${projectId ?? ""}`);
    if (channel !== undefined) {
      entry.watch = new AccessWatch(channel, this);
      await this.#deps.feed.add(channel, entry.watch);
    }
  }

  #begin(entry: SubscriptionEntry, confirm: (joined?: Joined) => void, joined?: Joined): void {
    const { subscription } = entry;
    entry.active = true;
    this.#deps.metrics.subscriptions.inc({ kind: subscription.channel.kind });
    confirm(joined);
    subscription.start(joined?.position);
    this.#show(entry);
  }

  #show({ subscription: { channel }, shown }: SubscriptionEntry): void {
    if (shown && this.#subscriber !== undefined) {
      this.#presence.show(channel, this.#subscriber.principal.userId);
    } else {
      this.#presence.hide(channel);
    }
  }

  #enter(channel: Channel, options: SubscriptionOptions, recovers: boolean): SubscriptionEntry {
    const lossListener = recovers ? this : undefined;
    const entry: SubscriptionEntry = {
      subscription: new Subscription(channel, options, this.#connection, this.#deps, lossListener),
      ended: false,
      asking: undefined,
      shown: options.presence === true,
      active: false,
      publishes: false,
      failedRechecks: 0,
      watch: undefined,
    };
    this.#entries.set(channel.name, entry);
    return entry;
  }

  #assertWanted({ ended, subscription: { channel } }: SubscriptionEntry): void {
    if (ended || this.#ended) {
      throw serviceError(Code.Canceled, "UNSUBSCRIBED", `${channel.name} was unsubscribed meanwhile`);
    }
  }

  #end(entry: SubscriptionEntry, { code: reason, message }: typeof insufficientState): void {
    if (entry.ended) {
      return;
    }
    const { name: channel, kind } = entry.subscription.channel;
    this.#drop(entry);
    this.#deps.metrics.subscriptionsEnded.inc({ kind, reason });
    const notice = { code: "subscription_ended", channel, reason, message } as const;
    this.#connection.send({ kind: "notice", notice });
  }

  #drop(entry: SubscriptionEntry): void {
    const { channel } = entry.subscription;
    if (!entry.ended) {
      this.#deps.counts.release(channel.name);
    }
    entry.ended = true;
    entry.asking?.abort();
    entry.subscription.stop();
    if (isRecoverable(channel)) {
      this.#deps.recoverable.leave(channel, entry.subscription);
    } else {
      this.#deps.feed.remove(channel, entry.subscription);
    }
    if (entry.watch !== undefined) {
      this.#deps.feed.remove(entry.watch.channel, entry.watch);
    }
    if (this.#entries.get(channel.name) === entry) {
      this.#entries.delete(channel.name);
    }
    if (entry.active) {
      entry.active = false;
      this.#presence.hide(channel);
      this.#deps.metrics.subscriptions.dec({ kind: channel.kind });
    }
  }
}
