/*
 * Decides how many connections a pool should have. Pure arithmetic: readings and a clock go in, a decision comes out
 * (POOL-02, POOL-03, POOL-16).
 *
 * Up when ANY of utilization, queue depth or calls per second per connection exceeds its threshold, by enough to bring
 * utilization back under it, at once. Down by one when utilization AND queue depth have BOTH been low for the whole
 * delay, so that a sawtooth load does not open and close connections with every tooth; and never to a size that the rules
 * for growing would undo at once.
 */

export interface ScalerOptions {
  /** Kept open and warm even without traffic; 5 when absent (POOL-01). */
  readonly minConnections: number;
  /** 20 when absent (POOL-01). */
  readonly maxConnections: number;
  /** In-flight ÷ capacity above which the pool grows; 0.8 when absent (POOL-02). */
  readonly scaleUpUtilization: number;
  /** Waiting calls above which the pool grows; 10 when absent (POOL-02). */
  readonly scaleUpQueueDepth: number;
  /**
   * Calls per second per connection above which the pool grows. The 100 of POOL-02 was meant for connections that carry
   * one call at a time (the `conservative` profile); one HTTP/2 connection carries some 5000 here before its latency bends.
   */
  readonly scaleUpCallsPerSecond: number;
  /** Utilization below which the pool may shrink; 0.3 when absent (POOL-03). */
  readonly scaleDownUtilization: number;
  /** Waiting calls below which the pool may shrink; 2 when absent (POOL-03). */
  readonly scaleDownQueueDepth: number;
  /** How long both must have been low; 5 minutes when absent (POOL-03). */
  readonly scaleDownDelayMs: number;
  /** Calls that one connection carries at once; 100 when absent, what HTTP/2 servers commonly allow. */
  readonly callsPerConnection: number;
}

export const scalerDefaults: ScalerOptions = {
  minConnections: 5,
  maxConnections: 20,
  scaleUpUtilization: 0.8,
  scaleUpQueueDepth: 10,
  scaleUpCallsPerSecond: 5000,
  scaleDownUtilization: 0.3,
  scaleDownQueueDepth: 2,
  scaleDownDelayMs: 300_000,
  callsPerConnection: 100,
};

/** For peers that serve one call per connection: the numbers of POOL-02 to the letter. */
export const conservativeProfile: Partial<ScalerOptions> = { scaleUpCallsPerSecond: 100, callsPerConnection: 1 };

/** What the pool sees now. */
export interface PoolReading {
  /** Connections that are open or being opened. */
  readonly connections: number;
  /** Those of them that are still being opened: what waits for them needs no further ones. */
  readonly connecting: number;
  readonly inFlight: number;
  readonly queueDepth: number;
  /** Calls started in the last second. */
  readonly callsPerSecond: number;
}

/** What the scaler remembers between decisions. */
export interface ScalerState {
  /** Since when the pool has been quiet without a break, on the caller's clock; undefined while it is not. */
  readonly quietSinceMs: number | undefined;
}

export type ScaleReason = "minimum" | "utilization" | "queue" | "rate" | "quiet";

export interface ScaleDecision {
  /** How many connections the pool should have. */
  readonly target: number;
  /** Undefined when nothing changes. */
  readonly reason: ScaleReason | undefined;
  readonly state: ScalerState;
}

export const initialScalerState: ScalerState = { quietSinceMs: undefined };

/** In-flight ÷ (connections × calls per connection); 0 without connections. */
export function utilization(reading: PoolReading, options: ScalerOptions): number {
  const capacity = reading.connections * options.callsPerConnection;
  return capacity === 0 ? 0 : reading.inFlight / capacity;
}

export function decideScale(
  reading: PoolReading,
  state: ScalerState,
  options: ScalerOptions,
  nowMs: number,
): ScaleDecision {
  const { connections } = reading;
  const used = utilization(reading, options);
  const quiet = used < options.scaleDownUtilization && reading.queueDepth < options.scaleDownQueueDepth;
  const quietSinceMs = quiet ? (state.quietSinceMs ?? nowMs) : undefined;
  if (connections < options.minConnections) {
    return { target: options.minConnections, reason: "minimum", state: { quietSinceMs } };
  }
  const up = scaleUp(reading, used, options);
  if (up !== undefined && connections < options.maxConnections) {
    const target = Math.min(options.maxConnections, Math.max(connections + 1, up.wanted));
    return { target, reason: up.reason, state: { quietSinceMs: undefined } };
  }
  if (
    up === undefined &&
    quietSinceMs !== undefined &&
    nowMs - quietSinceMs >= options.scaleDownDelayMs &&
    connections > options.minConnections &&
    !wouldGrowAgain(reading, options)
  ) {
    // One at a time, each after a full delay of its own: the next step is judged by what this one did.
    return { target: connections - 1, reason: "quiet", state: { quietSinceMs: nowMs } };
  }
  return { target: Math.min(connections, options.maxConnections), reason: undefined, state: { quietSinceMs } };
}

function wouldGrowAgain(reading: PoolReading, options: ScalerOptions): boolean {
  const smaller = { ...reading, connections: reading.connections - 1 };
  return scaleUp(smaller, utilization(smaller, options), options) !== undefined;
}

function scaleUp(
  reading: PoolReading,
  used: number,
  options: ScalerOptions,
): { wanted: number; reason: ScaleReason } | undefined {
  const forCalls = Math.ceil(
    (reading.inFlight + reading.queueDepth) / (options.callsPerConnection * options.scaleUpUtilization),
  );
  const roomToCome = Math.floor(reading.connecting * options.callsPerConnection * options.scaleUpUtilization);
  if (reading.queueDepth - roomToCome > options.scaleUpQueueDepth) {
    return { wanted: forCalls, reason: "queue" };
  }
  if (used > options.scaleUpUtilization) {
    return { wanted: forCalls, reason: "utilization" };
  }
  if (reading.callsPerSecond > options.scaleUpCallsPerSecond * reading.connections) {
    return { wanted: Math.ceil(reading.callsPerSecond / options.scaleUpCallsPerSecond), reason: "rate" };
  }
  return undefined;
}
