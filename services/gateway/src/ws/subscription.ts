import type { ChannelPosition, Clock, Timer } from "@weft/mesh";
import type { WebSocketConnection } from "../http/http-server.ts";
import type { GatewayMetrics } from "../metrics.ts";
import { type Channel, isRecoverable } from "./channel.ts";
import { decideDelivery } from "./delivery-policy.ts";
import type { FollowingListener } from "./followed-channel.ts";
import { type FrameView, frameViewOf } from "./frame-view.ts";
import type { LiveListener } from "./live-feed.ts";
import type { LiveMessage, Push } from "./live-message.ts";
import type { SubscriptionOptions } from "./protocol.ts";
import { serverFrames } from "./server-frames.ts";

/*
 * One channel on one connection: takes live messages and sends them as the policy says. Of a replaceable message that
 * cannot go now, only the newest is kept; those it replaced because the reader was slow are counted, and the count goes
 * out with the next frame. Messages before `start` are ignored: the client has not been told that it is subscribed; in a
 * recoverable channel also those that it has.
 */

export interface SubscriptionContext {
  readonly connection: WebSocketConnection;
  readonly clock: Clock;
  readonly metrics: Pick<GatewayMetrics, "pushes" | "skipped" | "gapNotices">;
  readonly softBytes: number;
  readonly hardBytes: number;
  /** The reader is too far behind to be helped. */
  readonly tooSlow: () => void;
}

export class Subscription implements LiveListener, FollowingListener {
  readonly channel: Channel;
  readonly #context: SubscriptionContext;
  readonly #replaceable: boolean;
  #view: FrameView;
  #intervalMs: number;
  #started = false;
  #position: ChannelPosition | undefined;
  #pending: LiveMessage | undefined;
  /** The pending message would have gone out, had the reader kept up. */
  #pendingIsLate = false;
  #skipped = 0;
  #sentAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(channel: Channel, options: SubscriptionOptions, context: SubscriptionContext) {
    this.channel = channel;
    this.#view = frameViewOf(options);
    this.#intervalMs = intervalMsOf(options);
    this.#context = context;
    this.#replaceable = !isRecoverable(channel);
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
    this.#view = frameViewOf(options);
    this.#intervalMs = intervalMsOf(options);
  }

  stop(): void {
    this.#started = false;
    this.#pending = undefined;
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
    if (this.#pending !== undefined && this.#pendingIsLate) {
      this.#skipped += 1;
      this.#context.metrics.skipped.inc();
    }
    this.#pending = message;
    this.#pendingIsLate = false;
    this.#deliver();
  }

  gap(): void {
    if (this.#started) {
      this.#tellGap();
    }
  }

  lost(position: ChannelPosition): void {
    if (this.#started) {
      this.#position = position;
      this.#tellGap();
    }
  }

  /** The client has taken something: what waits for that may go. */
  drained(): void {
    this.#deliver();
  }

  #deliver(): void {
    const message = this.#pending;
    if (message === undefined) {
      return;
    }
    const { connection, clock, metrics, softBytes, hardBytes } = this.#context;
    const nowMs = clock.monotonicMs();
    const decision = decideDelivery({
      replaceable: this.#replaceable,
      bufferedBytes: connection.bufferedBytes,
      softBytes,
      hardBytes,
      sinceLastMs: nowMs - this.#sentAtMs,
      intervalMs: this.#intervalMs,
    });
    switch (decision.action) {
      case "send":
        this.#pending = undefined;
        this.#sentAtMs = nowMs;
        this.#send(message.push(this.#view, this.#skipped));
        this.#skipped = 0;
        metrics.pushes.inc({ kind: this.channel.kind });
        return;
      case "hold":
        this.#pendingIsLate = true;
        return;
      case "wait":
        this.#timer ??= clock.setTimer(() => {
          this.#timer = undefined;
          this.#deliver();
        }, decision.waitMs);
        return;
      case "close":
        this.#context.tooSlow();
        return;
    }
  }

  #tellGap(): void {
    const { connection, metrics } = this.#context;
    metrics.gapNotices.inc({ kind: this.channel.kind });
    connection.send(serverFrames.notice({ code: "gap", channel: this.channel.name, ...this.#position }));
  }

  #send({ bytes, form }: Push): void {
    this.#context.connection.send(bytes, form);
  }
}

function intervalMsOf({ everyMs, maxRateHz }: SubscriptionOptions): number {
  return everyMs ?? (maxRateHz === undefined ? 0 : 1000 / maxRateHz);
}
