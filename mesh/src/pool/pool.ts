import { backoffDelayMs } from "../backoff.ts";
import type { Clock, Timer } from "../clock.ts";
import { MeshError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionBudget } from "./connection-budget.ts";
import { RateMeter } from "./rate-meter.ts";
import {
  decideScale,
  initialScalerState,
  type PoolReading,
  type ScaleReason,
  type ScalerOptions,
  type ScalerState,
  scalerDefaults,
  utilization,
} from "./scaler.ts";

/**
 * The connections to one instance of a peer: keeps the minimum warm, grows and shrinks as the scaler says, hands each
 * call the least loaded connection, and lets calls wait in a bounded queue while all are full.
 *
 * A call waits only for capacity, and no longer than its deadline; it never waits for an instance that cannot be
 * reached: when the last connection is gone and a dial has failed, waiting calls are rejected at once so that the
 * caller tries another instance. Dials that fail are repeated with jittered backoff. A connection that is removed takes
 * no new calls and closes when its calls have finished (POOL-14).
 */
export interface PoolOptions {
  readonly connect: (connectionId: number) => Connection;
  readonly budget: ConnectionBudget;
  readonly clock: Clock;
  readonly random: Random;
  readonly scaler?: Partial<ScalerOptions>;
  /** Calls that may wait for a connection; 1000 when absent. */
  readonly maxQueueDepth?: number;
  readonly onScale?: (direction: "up" | "down", reason: ScaleReason, count: number) => void;
  readonly onConnected?: (durationMs: number) => void;
}

/** How often the scaler looks, besides whenever a call has to wait. Far below the 500 ms of POOL-04. */
const scaleIntervalMs = 100;
const redialBaseMs = 50;
const redialMaxMs = 2000;

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: unknown) => void;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #scaler: ScalerOptions;
  readonly #rate = new RateMeter();
  /** Every connection, with the calls that hold it. Counted here, at once, since a call begins only a turn later. */
  readonly #connections = new Map<Connection, number>();
  readonly #queue = new Set<Waiter>();
  #scalerState: ScalerState = initialScalerState;
  #nextConnectionId = 1;
  #failedDials = 0;
  #redialTimer: Timer | undefined;
  #scaleTimer: Timer | undefined;
  #lastFailure: MeshError | undefined;
  #closed = false;
  #scaling = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#scaler = { ...scalerDefaults, ...options.scaler };
    if (this.#scaler.minConnections < 1 || this.#scaler.maxConnections < this.#scaler.minConnections) {
      throw new MeshError(
        "CONFIG_INVALID",
        `a pool of ${this.#scaler.minConnections} to ${this.#scaler.maxConnections} connections; 1 ≤ minimum ≤ maximum`,
      );
    }
  }

  /** Opens the minimum. Returns at once; `available` tells when the first is there. */
  start(): void {
    this.#scale();
  }

  /** Whether a call would be sent, or could be soon: false after a failed dial until a connection opens. */
  get available(): boolean {
    return !this.#closed && (this.open > 0 || (this.#failedDials === 0 && this.#connections.size > 0));
  }

  /** Connections that take calls. */
  get open(): number {
    return this.#count("open");
  }

  /** Unary calls that hold a connection, and streams that are open. */
  get inFlight(): number {
    let sum = 0;
    for (const [connection, held] of this.#connections) {
      sum += held + connection.openStreams;
    }
    return sum;
  }

  get queueDepth(): number {
    return this.#queue.size;
  }

  get callsPerSecond(): number {
    return this.#rate.perSecond(this.#options.clock.monotonicMs());
  }

  /** In-flight ÷ capacity of the open connections, 0 to 1 and above while calls wait. */
  get utilization(): number {
    return utilization({ ...this.#reading(), connections: this.open }, this.#scaler);
  }

  /** Connections by state, for metrics and `peers` of the health page. */
  counts(): Readonly<Record<"connecting" | "open" | "draining", number>> {
    return { connecting: this.#count("connecting"), open: this.open, draining: this.#count("draining") };
  }

  /**
   * The connection for one call, to be given back with `release`; waits while all are full. Rejects with QUEUE_FULL,
   * CONNECT_FAILED, CONNECTION_CEILING, or the signal's reason. None of these calls was sent.
   */
  acquire(signal: AbortSignal | undefined): Promise<Connection> {
    this.#rate.mark(this.#options.clock.monotonicMs());
    const connection = this.#take();
    return connection === undefined ? this.#wait(signal) : Promise.resolve(connection);
  }

  /** Gives a connection back when the call has ended: a waiting call may have it. */
  release(connection: Connection): void {
    const held = this.#connections.get(connection);
    if (held !== undefined && held > 0) {
      this.#connections.set(connection, held - 1);
      this.#serveQueue();
    }
  }

  /** Lets calls in flight finish, then closes; waiting calls are rejected. */
  drain(reason: string): void {
    this.#shut(reason, (connection) => connection.drain(reason));
  }

  /** Ends all connections at once. */
  destroy(reason: string): void {
    this.#shut(reason, (connection) => connection.destroy(reason));
  }

  #shut(reason: string, end: (connection: Connection) => void): void {
    this.#closed = true;
    this.#redialTimer?.cancel();
    this.#scaleTimer?.cancel();
    this.#rejectQueue(new MeshError("CONNECT_FAILED", reason));
    for (const connection of [...this.#connections.keys()]) {
      end(connection);
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<Connection> {
    if (this.#closed || (this.#connections.size === 0 && this.#lastFailure !== undefined)) {
      return Promise.reject(this.#lastFailure ?? new MeshError("CONNECT_FAILED", "the pool is closed"));
    }
    if (this.#queue.size >= (this.#options.maxQueueDepth ?? 1000)) {
      return Promise.reject(new MeshError("QUEUE_FULL", `${this.#queue.size} calls wait already`));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve: (connection) => {
          signal?.removeEventListener("abort", onAbort);
          resolve(connection);
        },
        reject: (error) => {
          signal?.removeEventListener("abort", onAbort);
          reject(error);
        },
      };
      const onAbort = (): void => {
        this.#queue.delete(waiter);
        waiter.reject(
          signal?.reason instanceof MeshError
            ? signal.reason
            : new MeshError("CANCELED", undefined, { cause: signal?.reason }),
        );
      };
      if (signal?.aborted ?? false) {
        onAbort();
        return;
      }
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#queue.add(waiter);
      this.#scale();
    });
  }

  /** Takes the least held of the connections that have room. */
  #take(): Connection | undefined {
    let best: Connection | undefined;
    let least = this.#scaler.callsPerConnection;
    for (const [connection, held] of this.#connections) {
      const load = held + connection.openStreams;
      if (connection.state.kind === "open" && load < least) {
        best = connection;
        least = load;
      }
    }
    if (best !== undefined) {
      this.#connections.set(best, (this.#connections.get(best) ?? 0) + 1);
    }
    return best;
  }

  #serveQueue(): void {
    for (const waiter of this.#queue) {
      const connection = this.#take();
      if (connection === undefined) {
        return;
      }
      this.#queue.delete(waiter);
      waiter.resolve(connection);
    }
  }

  #rejectQueue(error: MeshError): void {
    const waiters = [...this.#queue];
    this.#queue.clear();
    for (const waiter of waiters) {
      waiter.reject(error);
    }
  }

  /** Calls that finish on a draining connection load none of those that are left. */
  #reading(): PoolReading {
    let inFlight = 0;
    for (const [connection, held] of this.#connections) {
      inFlight += connection.state.kind === "draining" ? 0 : held + connection.openStreams;
    }
    const connecting = this.#count("connecting");
    return {
      connections: this.open + connecting,
      connecting,
      inFlight,
      queueDepth: this.#queue.size,
      callsPerSecond: this.callsPerSecond,
    };
  }

  #count(kind: "connecting" | "open" | "draining"): number {
    let count = 0;
    for (const connection of this.#connections.keys()) {
      if (connection.state.kind === kind) {
        count += 1;
      }
    }
    return count;
  }

  /** Retiring a connection asks for a look while one is going on: it is the next one's, in at most 100 ms. */
  #scale(): void {
    if (this.#closed || this.#scaling) {
      return;
    }
    this.#scaling = true;
    try {
      this.#look();
    } finally {
      this.#scaling = false;
    }
    this.#scaleTimer?.cancel();
    this.#scaleTimer = this.#options.clock.setTimer(() => this.#scale(), scaleIntervalMs);
  }

  #look(): void {
    // A stream that ended tells nobody; whoever waited for its place is served here.
    this.#serveQueue();
    const reading = this.#reading();
    const decision = decideScale(reading, this.#scalerState, this.#scaler, this.#options.clock.monotonicMs());
    this.#scalerState = decision.state;
    const change = decision.target - reading.connections;
    if (decision.reason !== undefined && change > 0 && this.#redialTimer === undefined) {
      const dialled = this.#dial(change);
      if (dialled > 0) {
        this.#options.onScale?.("up", decision.reason, dialled);
      }
    } else if (decision.reason !== undefined && change < 0) {
      this.#retire(-change);
      this.#options.onScale?.("down", decision.reason, -change);
    }
  }

  /** Returns how many were started: the ceiling of the process may allow fewer. */
  #dial(count: number): number {
    for (let started = 0; started < count; started += 1) {
      if (!this.#options.budget.tryAllocate()) {
        this.#lastFailure = new MeshError("CONNECTION_CEILING", `${this.#options.budget.limit} are open`);
        if (this.#connections.size === 0) {
          this.#rejectQueue(this.#lastFailure);
        }
        return started;
      }
      if (!this.#open()) {
        return started;
      }
    }
    return count;
  }

  /** Returns false when the address cannot even be dialled. */
  #open(): boolean {
    const startedAtMs = this.#options.clock.monotonicMs();
    let connection: Connection;
    try {
      connection = this.#options.connect(this.#nextConnectionId);
    } catch (error) {
      this.#options.budget.release();
      this.#dialFailed(error);
      return false;
    }
    this.#nextConnectionId += 1;
    this.#connections.set(connection, 0);
    let opened = false;
    connection.onState((state) => {
      if (state.kind === "closed") {
        this.#connections.delete(connection);
        this.#options.budget.release();
      }
      if (opened) {
        this.#replace();
      }
    });
    connection.opened.then(
      () => {
        opened = true;
        this.#failedDials = 0;
        this.#lastFailure = undefined;
        this.#options.onConnected?.(this.#options.clock.monotonicMs() - startedAtMs);
        this.#serveQueue();
      },
      (error: unknown) => this.#dialFailed(error),
    );
    return true;
  }

  /** What drains or closes is replaced at the next look, which is now, unless dials fail and wait for their turn. */
  #replace(): void {
    this.#scale();
    if (this.#connections.size === 0 && this.#redialTimer !== undefined && this.#lastFailure !== undefined) {
      this.#rejectQueue(this.#lastFailure);
    }
  }

  /** Dials that failed together count once. Those that fail while others are open wait too, but fail no call. */
  #dialFailed(error: unknown): void {
    if (this.#closed) {
      return;
    }
    this.#lastFailure =
      error instanceof MeshError ? error : new MeshError("CONNECT_FAILED", undefined, { cause: error });
    if (this.open === 0) {
      this.#rejectQueue(this.#lastFailure);
    }
    if (this.#redialTimer !== undefined) {
      return;
    }
    this.#failedDials += 1;
    const delayMs = backoffDelayMs({
      attempt: this.#failedDials,
      baseMs: redialBaseMs,
      maxMs: redialMaxMs,
      random: this.#options.random,
    });
    this.#redialTimer = this.#options.clock.setTimer(() => {
      this.#redialTimer = undefined;
      this.#scale();
    }, delayMs);
  }

  /** The emptiest go first. */
  #retire(count: number): void {
    const open = [...this.#connections].filter(([connection]) => connection.state.kind === "open");
    open.sort(([, one], [, other]) => one - other);
    for (const [connection] of open.slice(0, count)) {
      connection.drain("fewer connections are needed");
    }
  }
}
