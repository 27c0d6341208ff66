import type { ChannelPosition, Clock, Timer } from "@weft/mesh";
import type { GatewayLimits } from "../config.ts";
import type { GatewayMetrics, PushTotal } from "../metrics.ts";
import { type Channel, isRecoverable } from "./channel.ts";
import type { ClientConnection } from "./client-connection.ts";
import { decideDelivery } from "./delivery-policy.ts";
import type { FollowingListener } from "./followed-channel.ts";
import { type FrameView, frameViewOf } from "./frame-view.ts";
import type { LiveListener } from "./live-feed.ts";
import type { LiveMessage } from "./live-message.ts";
import { PendingMessages } from "./pending-messages.ts";
import type { SubscriptionOptions } from "./protocol.ts";

/*
 * One channel on one connection: takes live messages and sends them as the policy says. Of a replaceable message that
 * cannot go now, only the newest is kept (of each user and key, where clients publish); those that it replaced because the
 * reader was slow are counted, and the count goes out with the next frame. Messages before `start` are ignored: the client has
 * not been told that it is subscribed; in a recoverable channel also those that it has.
 */

export interface SubscriptionDependencies {
  readonly limits: Pick<GatewayLimits, "backpressureSoftBytes" | "backpressureHardBytes">;
  readonly clock: Clock;
  readonly metrics: Pick<GatewayMetrics, "pushes" | "skipped" | "thinned" | "gapNotices">;
}

/** Who ends a subscription that cannot go on without a hole. */
export interface LossListener {
  lost(channel: Channel): void;
}

export class Subscription implements LiveListener, FollowingListener {
  readonly channel: Channel;
  readonly #connection: ClientConnection;
  readonly #deps: SubscriptionDependencies;
  readonly #lossListener: LossListener | undefined;
  readonly #replaceable: boolean;
  readonly #pushes: PushTotal;
  #view: FrameView;
  #intervalMs: number;
  #started = false;
  #position: ChannelPosition | undefined;
  readonly #pending = new PendingMessages();
  /** What is pending would have gone out, had the reader kept up. */
  #pendingIsLate = false;
  #skipped = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  /** `deps` are those of all connections. Without a listener for losses the client is told of the gap, and the feed goes on. */
  constructor(
    channel: Channel,
    options: SubscriptionOptions,
    connection: ClientConnection,
    deps: SubscriptionDependencies,
    lossListener?: LossListener,
  ) {
    this.channel = channel;
    this.#connection = connection;
    this.#deps = deps;
    this.#lossListener = lossListener;
    this.#view = frameViewOf(options, connection.codec);
    this.#intervalMs = options.everyMs ?? 0;
    this.#replaceable = !isRecoverable(channel);
    this.#pushes = deps.metrics.pushes.of(channel.kind);
  }

  /** Up to where the client has been sent everything; undefined in a channel without positions. */
  get position(): ChannelPosition | undefined {
    return this.#position;
  }

  /** In a recoverable channel, behind `position`. */
  start(position?: ChannelPosition): void {
    this.#started = true;
    this.#position = position;
  }

  /** Takes other options from the next frame on. */
  change(options: SubscriptionOptions): void {
    this.#view = frameViewOf(options, this.#connection.codec);
    this.#intervalMs = options.everyMs ?? 0;
  }

  stop(): void {
    this.#started = false;
    this.#pending.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  message(message: LiveMessage): void {
    if (!this.#started) {
      return;
    }
    if (message.position !== undefined) {
      if (this.#position !== undefined && message.position.offset <= this.#position.offset) {
        return;
      }
      this.#position = message.position;
    }
    if (this.#pending.size > 0) {
      if (this.#pending.put(message) !== undefined) {
        this.#leaveOut();
      }
      this.#deliver();
    } else if (this.#mayGo()) {
      this.#send(message);
    } else if (this.#started) {
      this.#pending.put(message);
    }
  }

  gap(): void {
    if (this.#started) {
      this.#tellGap();
    }
  }

  lost(position: ChannelPosition): void {
    if (this.#lossListener !== undefined) {
      this.#lossListener.lost(this.channel);
    } else if (this.#started) {
      this.#position = position;
      this.#tellGap();
    }
  }

  /** The client has taken something: what waits for that may go. */
  drained(): void {
    this.#deliver();
  }

  /** Whom the reader asked for less, it misses nothing; who is too slow is told. */
  #leaveOut(): void {
    const { metrics } = this.#deps;
    if (this.#pendingIsLate) {
      this.#skipped += 1;
      metrics.skipped.inc();
    } else {
      metrics.thinned.inc();
    }
  }

  #deliver(): void {
    while (this.#pending.size > 0 && this.#mayGo()) {
      this.#send(this.#pending.take() as LiveMessage);
    }
  }

  /** Whether a message goes out now; if not, sees to it that it does later, where it will. */
  #mayGo(): boolean {
    const { clock, limits } = this.#deps;
    const decision = decideDelivery({
      replaceable: this.#replaceable,
      bufferedBytes: this.#connection.bufferedBytes,
      softBytes: limits.backpressureSoftBytes,
      hardBytes: limits.backpressureHardBytes,
      // Only who asked for an interval is worth a look at the clock.
      sinceLastMs: this.#intervalMs > 0 ? clock.monotonicMs() - this.#sentAtMs : Number.POSITIVE_INFINITY,
      intervalMs: this.#intervalMs,
    });
    this.#pendingIsLate = decision.action === "hold";
    if (decision.action === "wait") {
      this.#timer ??= clock.setTimer(() => {
        this.#timer = undefined;
        this.#deliver();
      }, decision.waitMs);
    } else if (decision.action === "close") {
      this.#connection.giveUp();
    }
    return decision.action === "send";
  }

  #send(message: LiveMessage): void {
    this.#sentAtMs = this.#intervalMs > 0 ? this.#deps.clock.monotonicMs() : Number.NEGATIVE_INFINITY;
    this.#connection.sendEncoded(message.push(this.#view, this.#skipped));
    this.#skipped = 0;
    this.#pushes.count += 1;
  }

  #tellGap(): void {
    const { name: channel, kind } = this.channel;
    this.#deps.metrics.gapNotices.inc({ kind });
    this.#connection.send({ kind: "notice", notice: { code: "gap", channel, position: this.#position } });
  }
}
