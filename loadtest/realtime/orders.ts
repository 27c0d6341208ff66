import type { LiveContenderId } from "./dialects.ts";

/*
 * What the bench says to its processes, and what they answer, over the channel that Node opens to a child. All times are of
 * the machine's monotonic clock, which its processes share.
 */

/** Opens connections beside those that are open; resolves when all are greeted. */
export interface OpenOrder {
  readonly kind: "open";
  readonly contender: LiveContenderId;
  readonly port: number;
  readonly token: string;
  readonly connections: number;
}

/** Subscribes every connection that is not subscribed yet, to the channels in turn. */
export interface SubscribeOrder {
  readonly kind: "subscribe";
  readonly channels: readonly string[];
}

/** From now on frames are counted from none; with `schedule`, each is late from when its last message was due. */
export interface CountOrder {
  readonly kind: "count";
  readonly schedule?: Schedule;
  /** The bench is told of the count this often; never when absent. */
  readonly tellEveryMs?: number;
}

/** Message n of a channel, from 0, is due at start + (n × channels + the channel's place) ÷ rate. */
export interface Schedule {
  readonly startMs: number;
  readonly messagesPerSecond: number;
  /** Of one frame; 1 unless they are published in batches. */
  readonly messagesPerFrame: number;
}

/** As fast as they arrive: at most `window` messages are on their way. */
export interface ClosedOrder {
  readonly kind: "publish-closed";
  readonly channel: string;
  readonly window: number;
  readonly durationMs: number;
}

/** By a schedule that knows nothing of arrivals. */
export interface OpenLoopOrder {
  readonly kind: "publish-open";
  readonly channels: readonly string[];
  readonly schedule: Schedule;
  readonly durationMs: number;
}

export type PublishOrder = ClosedOrder | OpenLoopOrder;

export type LiveOrder =
  | OpenOrder
  | SubscribeOrder
  | CountOrder
  | PublishOrder
  | { readonly kind: "counted" }
  | { readonly kind: "close" }
  | { readonly kind: "serve"; readonly contender: LiveContenderId }
  | { readonly kind: "connect"; readonly redisUrl: string };

/** What has arrived since the count began. */
export interface Counted {
  readonly frames: number;
  readonly atMs: number;
  /** Of frames due by a schedule; 0 without one. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Frames of the connection that got fewest. */
  readonly fewest: number;
  /** What went wrong: connections that ended, messages out of order. */
  readonly faults: readonly string[];
}

/** Frames, each to all subscribers of its channel. */
export interface Published {
  readonly frames: number;
  readonly messages: number;
  readonly failed: number;
}

export interface LiveRequest {
  readonly id: number;
  readonly order: LiveOrder;
}

export type LiveReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  /** Frames that the client's process has counted so far. */
  | { readonly frames: number };

/** Messages that all subscribers have, for who publishes in a closed loop. */
export interface Progress {
  readonly arrived: number;
}

/**
 * From this process's clock to the machine's. The two cannot be read at once, and a busy machine may stop a process between:
 * of some readings the quickest counts.
 */
function measureOffsetMs(): number {
  let quickestMs = Number.POSITIVE_INFINITY;
  let offsetMs = 0;
  for (let reading = 0; reading < 20; reading += 1) {
    const before = performance.now();
    const machine = Number(process.hrtime.bigint()) / 1e6;
    const after = performance.now();
    if (after - before < quickestMs) {
      quickestMs = after - before;
      offsetMs = machine - (before + after) / 2;
    }
  }
  return offsetMs;
}

const clockOffsetMs = measureOffsetMs();

/** Milliseconds of the machine's monotonic clock, the same in all its processes. */
export function machineMs(): number {
  return performance.now() + clockOffsetMs;
}
