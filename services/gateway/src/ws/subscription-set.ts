import { Code, ConnectError } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import type { GatewayLimits } from "../config.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { type Channel, isRecoverable, parseChannel } from "./channel.ts";
import type { ChannelAccess, Subscriber } from "./channel-access.ts";
import type { ConnectionPresence } from "./connection-presence.ts";
import type { Joined } from "./followed-channel.ts";
import type { LiveFeed, LiveListener } from "./live-feed.ts";
import type { SubscriptionOptions } from "./protocol.ts";
import type { RecoverableFeed, RecoverFrom } from "./recoverable-feed.ts";
import { Rounds } from "./rounds.ts";
import { frameErrorOf } from "./server-frames.ts";
import type { SubscriberCounts } from "./subscriber-counts.ts";
import { Subscription, type SubscriptionContext } from "./subscription.ts";
import { type Ending, insufficientState, maxFailedRechecks, type SubscriptionEntry } from "./subscription-entry.ts";

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

export interface SubscriptionSetOptions extends Omit<SubscriptionContext, "softBytes" | "hardBytes" | "metrics"> {
  readonly limits: GatewayLimits;
  readonly access: ChannelAccess;
  readonly feed: LiveFeed;
  readonly recoverable: RecoverableFeed;
  readonly presence: Pick<ConnectionPresence, "show" | "hide">;
  /** Of all connections of this process. */
  readonly counts: SubscriberCounts;
  readonly metrics: SubscriptionContext["metrics"] &
    Pick<GatewayMetrics, "subscriptions" | "subscriptionsEnded" | "limited">;
  /** Aborts when the connection has ended. */
  readonly signal: AbortSignal;
}

export class SubscriptionSet {
  readonly #options: SubscriptionSetOptions;
  readonly #entries = new Map<string, SubscriptionEntry>();
  /** The same for all of them. */
  #context: SubscriptionContext | undefined;
  /** The newest one that has been named. */
  #subscriber: Subscriber | undefined;
  readonly #rounds = new Rounds((subscriber: Subscriber) => this.#recheckOnce(subscriber));

  constructor(options: SubscriptionSetOptions) {
    this.#options = options;
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
    const { limits, access, feed, recoverable, counts, metrics } = this.#options;
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
      const { projectId, publishes } = await access(channel, subscriber, entry.ended.signal);
      this.#assertWanted(entry);
      entry.publishes = publishes === true;
      await this.#watch(entry, projectId);
      this.#assertWanted(entry);
      if (isRecoverable(channel)) {
        const begin = (joined: Joined) => this.#begin(entry, confirm, joined);
        await recoverable.join(channel, entry.follower, recover, begin);
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

  clear(): void {
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
    await this.#rounds.ask(subscriber);
  }

  async #recheckOnce(subscriber: Subscriber): Promise<void> {
    const { access, signal } = this.#options;
    for (const entry of [...this.#entries.values()].filter(({ active }) => active)) {
      if (signal.aborted || entry.ended.signal.aborted) {
        continue;
      }
      try {
        const { publishes } = await access(entry.subscription.channel, subscriber, entry.ended.signal);
        entry.publishes = publishes === true;
        entry.failedRechecks = 0;
      } catch (error) {
        entry.failedRechecks += 1;
        if (isDenial(error) || entry.failedRechecks >= maxFailedRechecks) {
          this.#end(entry, frameErrorOf(error));
        }
      }
    }
  }

  async #watch(entry: SubscriptionEntry, projectId: string | undefined): Promise<void> {
    const channel = projectId === undefined ? undefined : parseChannel(`project:${projectId}`);
    if (channel === undefined) {
      return;
    }
    const listener: LiveListener = {
      message: ({ changesAccess }) => {
        if (changesAccess && this.#subscriber !== undefined) {
          void this.recheck(this.#subscriber);
        }
      },
      // All connections would ask at once, of services that have just had trouble: the next round is soon enough.
      gap: () => undefined,
    };
    entry.watch = { channel, listener };
    await this.#options.feed.add(channel, listener);
  }

  #begin(entry: SubscriptionEntry, confirm: (joined?: Joined) => void, joined?: Joined): void {
    const { subscription } = entry;
    entry.active = true;
    this.#options.metrics.subscriptions.inc({ kind: subscription.channel.kind });
    confirm(joined);
    subscription.start(joined?.position);
    this.#show(entry);
  }

  #show({ subscription: { channel }, shown }: SubscriptionEntry): void {
    if (shown && this.#subscriber !== undefined) {
      this.#options.presence.show(channel, this.#subscriber.principal.userId);
    } else {
      this.#options.presence.hide(channel);
    }
  }

  #enter(channel: Channel, options: SubscriptionOptions, recovers: boolean): SubscriptionEntry {
    const { limits } = this.#options;
    this.#context ??= {
      ...this.#options,
      softBytes: limits.backpressureSoftBytes,
      hardBytes: limits.backpressureHardBytes,
    };
    const subscription = new Subscription(channel, options, this.#context);
    const entry: SubscriptionEntry = {
      subscription,
      follower: recovers
        ? { message: (message) => subscription.message(message), lost: () => this.#end(entry, insufficientState) }
        : subscription,
      ended: new AbortController(),
      shown: options.presence === true,
      active: false,
      publishes: false,
      failedRechecks: 0,
      watch: undefined,
    };
    this.#entries.set(channel.name, entry);
    return entry;
  }

  /** When the connection ends, `clear` ends all its channels, so that one signal is enough; none is begun afterwards. */
  #assertWanted(entry: SubscriptionEntry): void {
    if (entry.ended.signal.aborted || this.#options.signal.aborted) {
      throw serviceError(
        Code.Canceled,
        "UNSUBSCRIBED",
        `${entry.subscription.channel.name} was unsubscribed meanwhile`,
      );
    }
  }

  #end(entry: SubscriptionEntry, { code: reason, message }: Ending): void {
    if (entry.ended.signal.aborted) {
      return;
    }
    const { name: channel, kind } = entry.subscription.channel;
    this.#drop(entry);
    this.#options.metrics.subscriptionsEnded.inc({ kind, reason });
    const notice = { code: "subscription_ended", channel, reason, message } as const;
    this.#options.connection.send({ kind: "notice", notice });
  }

  #drop(entry: SubscriptionEntry): void {
    const { channel } = entry.subscription;
    if (!entry.ended.signal.aborted) {
      this.#options.counts.release(channel.name);
    }
    entry.ended.abort();
    entry.subscription.stop();
    if (isRecoverable(channel)) {
      this.#options.recoverable.leave(channel, entry.follower);
    } else {
      this.#options.feed.remove(channel, entry.subscription);
    }
    if (entry.watch !== undefined) {
      this.#options.feed.remove(entry.watch.channel, entry.watch.listener);
    }
    if (this.#entries.get(channel.name) === entry) {
      this.#entries.delete(channel.name);
    }
    if (entry.active) {
      entry.active = false;
      this.#options.presence.hide(channel);
      this.#options.metrics.subscriptions.dec({ kind: channel.kind });
    }
  }
}

function isDenial(error: unknown): boolean {
  const code = ConnectError.from(error).code;
  return code === Code.NotFound || code === Code.PermissionDenied || code === Code.Unauthenticated;
}
