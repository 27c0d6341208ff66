import type { Clock, Timer } from "../clock.ts";
import { MeshError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionBudget, Place } from "./connection-budget.ts";
import { ConnectionSet } from "./connection-set.ts";
import { RateMeter } from "./rate-meter.ts";
import {
  activeLookMs,
  decideScale,
  initialScalerState,
  lookAgainInMs,
  marksFor,
  type PoolReading,
  resolveScalerOptions,
  type ScaleReason,
  type ScalerOptions,
  type ScalerState,
  slowLookMs,
  utilization,
} from "./scaler.ts";
import { type ConnectionHealth, type PooledConnection, Slots } from "./slots.ts";
import { type PoolWaiter, WaitQueue } from "./wait-queue.ts";

export type { PooledConnection } from "./slots.ts";
export type { PoolWaiter } from "./wait-queue.ts";

/**
 * The connections to one instance of a peer: keeps the minimum warm, grows and shrinks as the scaler says, gives each call
 * a connection (`slots.ts` says which), and lets calls wait in a bounded line while all are full.
 *
 * A call costs a glance at the first connections, a counter and a comparison. The rest happens in a look, which reads the
 * pool, asks the scaler and acts: when the calls in flight or in line pass the mark that the last look left, when a connection
 * opens or ends, and by time while time decides. A pool at rest has no timer; any call then passes its mark and wakes it.
 *
 * A call waits only for capacity. It never waits for an instance that cannot be reached: when nothing is open or being
 * opened and a dial has failed, those in line are turned away at once so that they try another instance. `redial.ts` says
 * when lost connections come back, `connection-budget.ts` who may open one at all. A connection that is given up takes no
 * new calls and closes when its calls have finished (POOL-14).
 */
export interface PoolOptions {
  readonly connect: (connectionId: number) => Connection;
  readonly budget: ConnectionBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly scaler?: Partial<ScalerOptions>;
  /** Rank at the ceiling of the process, from 0, which goes first; 0 when absent (POOL-07, `priorityOf`). */
  readonly priority?: number;
  /** Calls that may wait for a connection; 1000 when absent. */
  readonly maxQueueDepth?: number;
  readonly onScale?: (direction: "up" | "down", reason: ScaleReason, count: number) => void;
  readonly onConnected?: (durationMs: number) => void;
}

/** A mark that every call passes. */
const asleep = -1;

export class Pool {
  readonly #clock: Clock;
  readonly #scaler: ScalerOptions;
  readonly #maxQueueDepth: number;
  readonly #onScale: PoolOptions["onScale"];
  readonly #set: ConnectionSet;
  readonly #slots: Slots;
  readonly #queue = new WaitQueue();
  readonly #rate = new RateMeter();
  /** Calls in flight above which the pool looks. */
  #mark = asleep;
  /** Calls in line above which the pool looks. */
  #queueMark = asleep;
  #scalerState: ScalerState = initialScalerState;
  #timer: Timer | undefined;
  #closed = false;
  #looking = false;

  constructor(options: PoolOptions) {
    this.#scaler = resolveScalerOptions(options.scaler);
    this.#clock = options.clock;
    this.#maxQueueDepth = options.maxQueueDepth ?? 1000;
    this.#onScale = options.onScale;
    this.#slots = new Slots(this.#scaler.packedCalls, this.#scaler.callsPerConnection);
    this.#set = new ConnectionSet({
      connect: options.connect,
      budget: options.budget,
      clock: options.clock,
      random: options.random,
      priority: options.priority ?? 0,
      slots: this.#slots,
      onConnected: options.onConnected,
      onChange: (nowMs) => this.#look(nowMs, 0),
      onUnreachable: (error) => this.#queue.turnAway(error),
      onPlace: (place, nowMs) => this.#usePlace(place, nowMs),
    });
  }

  /** Opens the minimum. Returns at once; `available` tells when the first is there. */
  start(): void {
    this.#set.join();
    this.#look(this.#clock.monotonicMs(), 0);
  }

  /** Whether a call would be sent, or could be soon: false from a failed dial or a total loss until one opens. */
  get available(): boolean {
    return !this.#closed && this.#set.reachable;
  }

  /** Connections that take calls. */
  get open(): number {
    return this.#slots.open;
  }

  /** Unary calls that hold a connection, and streams that are open. */
  get inFlight(): number {
    return this.#slots.inFlight;
  }

  get queueDepth(): number {
    return this.#queue.size;
  }

  get callsPerSecond(): number {
    return this.#rate.perSecond(this.#clock.monotonicMs());
  }

  /** In-flight ÷ capacity of the open connections, 0 to 1. */
  get utilization(): number {
    return utilization({ ...this.#reading(this.#clock.monotonicMs(), 0), connections: this.#slots.open }, this.#scaler);
  }

  /** Connections by state, for metrics and `peers` of the health page. */
  counts(): Readonly<Record<"connecting" | "open" | "draining", number>> {
    const { connecting, open, draining } = this.#slots;
    return { connecting, open, draining };
  }

  /** Every connection with its load and its health (POOL-09). */
  connections(): readonly ConnectionHealth[] {
    return this.#slots.health();
  }

  /** The connection for one call, counted; undefined when all are full: then `enqueue`. */
  tryAcquire(nowMs: number): PooledConnection | undefined {
    this.#rate.mark(nowMs);
    const slot = this.#slots.take();
    if (this.#slots.held > this.#mark && slot !== undefined) {
      this.#look(nowMs, 0);
    }
    return slot;
  }

  /**
   * Waits for a connection: one of the waiter's methods is called later. Throws QUEUE_FULL, CONNECT_FAILED or
   * CONNECTION_CEILING when waiting is pointless; such a call was not sent.
   */
  enqueue(waiter: PoolWaiter, nowMs: number): void {
    if (this.#queue.size >= this.#maxQueueDepth) {
      throw new MeshError("QUEUE_FULL", `${this.#queue.size} calls wait already`);
    }
    // Before the waiter stands in line, since a look may turn away everyone who does.
    if (this.#queue.size >= this.#queueMark || this.#mark === asleep) {
      this.#look(nowMs, 1);
    }
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      throw refusal;
    }
    this.#queue.push(waiter);
  }

  /** The waiter gives up. Does nothing for one that is not in line. */
  leave(waiter: PoolWaiter): void {
    this.#queue.leave(waiter);
  }

  /** Gives a connection back when the call has ended: a waiting call may have it. */
  release(slot: PooledConnection): void {
    if (this.#slots.giveBack(slot) && this.#queue.size > 0) {
      this.#queue.serve(this.#slots);
    }
  }

  /** The same for a call that got no answer: a connection that answers none is replaced (POOL-10, POOL-11). */
  releaseUnanswered(slot: PooledConnection, nowMs: number): void {
    const { failures } = slot;
    this.release(slot);
    slot.failures = failures;
    if (this.#set.unanswered(slot, nowMs)) {
      this.#onScale?.("down", "unhealthy", 1);
    }
  }

  /** Lets calls in flight finish, then closes; waiting calls are turned away. */
  drain(reason: string): void {
    this.#shut(reason, (connection) => connection.drain(reason));
  }

  destroy(reason: string): void {
    this.#shut(reason, (connection) => connection.destroy(reason));
  }

  #shut(reason: string, end: (connection: Connection) => void): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#queue.turnAway(new MeshError("CONNECT_FAILED", reason));
    this.#set.close(end);
  }

  #refusal(): MeshError | undefined {
    return this.#closed ? new MeshError("CONNECT_FAILED", "the pool is closed") : this.#set.refusal();
  }

  /** `arriving` is a call that is about to wait. */
  #reading(nowMs: number, arriving: number): PoolReading {
    const { open, connecting, held, streams } = this.#slots;
    return {
      connections: open + connecting,
      connecting,
      inFlight: held + streams,
      queueDepth: this.#queue.size + arriving,
      callsPerSecond: this.#rate.perSecond(nowMs),
    };
  }

  /** What a look sets off may ask for another: the one that is going on ends by reading anew. */
  #look(nowMs: number, arriving: number): void {
    if (this.#closed || this.#looking) {
      return;
    }
    this.#looking = true;
    try {
      // A stream that ended tells nobody; whoever waited for its place is served here.
      this.#queue.serve(this.#slots);
      this.#scale(nowMs, arriving);
    } finally {
      this.#looking = false;
    }
    const refusal = this.#queue.size > 0 ? this.#refusal() : undefined;
    if (refusal !== undefined) {
      this.#queue.turnAway(refusal);
    }
    this.#watch(nowMs, arriving);
  }

  #scale(nowMs: number, arriving: number): void {
    const reading = this.#reading(nowMs, arriving);
    const { target, reason, state } = decideScale(reading, this.#scalerState, this.#scaler, nowMs);
    const change = target - reading.connections;
    this.#scalerState = state;
    if (reason !== undefined && change > 0) {
      const dialled = this.#set.grow(this.#set.allowed(change, reason, reading.queueDepth), reason, nowMs);
      if (dialled > 0) {
        this.#onScale?.("up", reason, dialled);
      }
      return;
    }
    this.#set.suffice(nowMs);
    if (reason !== undefined && change < 0 && this.#set.retireOne("fewer connections are needed")) {
      this.#onScale?.("down", reason, 1);
    }
  }

  /** A place that was claimed has come free: is it still needed? */
  #usePlace(place: Place, nowMs: number): boolean {
    const reading = this.#reading(nowMs, 0);
    const { target, reason } = decideScale(reading, this.#scalerState, this.#scaler, nowMs);
    const change = target - reading.connections;
    if (reason === undefined || change <= 0 || this.#set.allowed(change, reason, reading.queueDepth) === 0) {
      return false;
    }
    if (this.#set.dial(place, nowMs)) {
      this.#onScale?.("up", reason, 1);
    }
    return true;
  }

  /** Leaves marks for the next calls, and a timer for what only time decides. */
  #watch(nowMs: number, arriving: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#closed) {
      return;
    }
    const reading = this.#reading(nowMs, arriving);
    const marks = marksFor(reading, this.#scalerState, this.#scaler);
    const inMs = Math.min(
      lookAgainInMs(reading, this.#scalerState, this.#scaler, nowMs),
      this.#set.claiming ? slowLookMs : Number.POSITIVE_INFINITY,
    );
    this.#mark = inMs > activeLookMs ? asleep : marks.inFlight - this.#slots.streams;
    this.#queueMark = marks.queueDepth;
    if (inMs !== Number.POSITIVE_INFINITY) {
      this.#timer = this.#clock.setTimer(this.#onTimer, inMs);
    }
  }

  readonly #onTimer = (): void => {
    this.#look(this.#clock.monotonicMs(), 0);
  };
}
