import { MeshError } from "../errors.ts";

/*
 * Decides how many connections a pool should have. Pure arithmetic: readings and a clock go in, a decision comes out
 * (POOL-02, POOL-03, POOL-16).
 *
 * Up when ANY of utilization, queue depth or calls per second per connection exceeds its threshold, by enough to bring
 * utilization back under it, at once. Down by one when utilization AND queue depth have BOTH been low for the whole
 * delay, so that a sawtooth load does not open and close connections with every tooth; and never to a size that the rules
 * for growing would undo at once.
 *
 * The pool asks when something happens rather than all the time: `marksFor` says how many calls in flight or waiting
 * would change the decision, so that a call costs the pool one comparison, and `lookAgainInMs` when time alone would.
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
   * one call at a time (the `conservative` profile); one connection with a lane carries some 150 000 between two cores
   * before it is full, and a third of that leaves it its latency.
   */
  readonly scaleUpCallsPerSecond: number;
  /** Utilization below which the pool may shrink; 0.3 when absent (POOL-03). */
  readonly scaleDownUtilization: number;
  /** Waiting calls below which the pool may shrink; 2 when absent (POOL-03). */
  readonly scaleDownQueueDepth: number;
  /** How long both must have been low; 5 minutes when absent (POOL-03). */
  readonly scaleDownDelayMs: number;
  /**
   * Calls that one connection carries at once; 4000 when absent, which is what a lane takes: a pause of 100 ms at 200 000
   * calls a second finds room on five. A peer without lanes is given no more than the streams that it allows.
   */
  readonly callsPerConnection: number;
  /**
   * Calls that a connection takes before the next one is used; 100 when absent: few busy connections have larger batches
   * than many that are half asleep (mesh/README.md has the measurement). 1 always takes the least loaded, as a plain pool.
   */
  readonly packedCalls: number;
}

export const scalerDefaults: ScalerOptions = {
  minConnections: 5,
  maxConnections: 20,
  scaleUpUtilization: 0.8,
  scaleUpQueueDepth: 10,
  scaleUpCallsPerSecond: 50_000,
  scaleDownUtilization: 0.3,
  scaleDownQueueDepth: 2,
  scaleDownDelayMs: 300_000,
  callsPerConnection: 4000,
  packedCalls: 100,
};

/** The defaults with these deviations. Throws CONFIG_INVALID. */
export function resolveScalerOptions(deviations: Partial<ScalerOptions> = {}): ScalerOptions {
  const options = { ...scalerDefaults, ...deviations };
  const { minConnections, maxConnections, callsPerConnection, packedCalls } = options;
  if (minConnections < 1 || maxConnections < minConnections) {
    throw new MeshError(
      "CONFIG_INVALID",
      `a pool of ${minConnections} to ${maxConnections} connections; 1 ≤ minimum ≤ maximum`,
    );
  }
  if (callsPerConnection < 1 || packedCalls < 1) {
    throw new MeshError(
      "CONFIG_INVALID",
      `a pool of ${callsPerConnection} calls per connection, ${packedCalls} packed; both from 1`,
    );
  }
  return options;
}

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

/** Why a pool changes; "unhealthy" is the pool's own, for a connection that it replaces. */
export type ScaleReason = "minimum" | "utilization" | "queue" | "rate" | "quiet" | "unhealthy";

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
  const up = scaleUp(reading, used, options);
  if (connections < options.minConnections) {
    const target = Math.min(options.maxConnections, Math.max(options.minConnections, up?.wanted ?? 0));
    return { target, reason: up?.reason ?? "minimum", state: { quietSinceMs } };
  }
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
  if (reading.queueDepth > options.scaleUpQueueDepth + roomToCome(reading, options)) {
    return { wanted: forCalls, reason: "queue" };
  }
  if (used > options.scaleUpUtilization) {
    return { wanted: forCalls, reason: "utilization" };
  }
  if (reading.callsPerSecond > options.scaleUpCallsPerSecond * Math.max(1, reading.connections)) {
    return { wanted: Math.ceil(reading.callsPerSecond / options.scaleUpCallsPerSecond), reason: "rate" };
  }
  return undefined;
}

/** How many waiting calls the connections that are being opened will take. */
function roomToCome(reading: PoolReading, options: ScalerOptions): number {
  return Math.floor(reading.connecting * options.callsPerConnection * options.scaleUpUtilization);
}

/** Numbers above which the decision may become another one; Infinity where it cannot. */
export interface ScalerMarks {
  readonly inFlight: number;
  readonly queueDepth: number;
}

/**
 * What to watch for after a decision. A mark that is passed already and led to nothing (the ceiling, the maximum) is no
 * mark: the next look by time is soon enough, and calls need not ask again each.
 */
export function marksFor(reading: PoolReading, state: ScalerState, options: ScalerOptions): ScalerMarks {
  const { connections } = reading;
  const capacity = connections * options.callsPerConnection;
  const mayGrow = connections < options.maxConnections;
  const quietEnds = connections > options.minConnections && state.quietSinceMs !== undefined;
  let inFlight = Number.POSITIVE_INFINITY;
  if (quietEnds) {
    inFlight = Math.ceil(options.scaleDownUtilization * capacity);
    while (inFlight / capacity >= options.scaleDownUtilization) {
      inFlight -= 1;
    }
  } else if (mayGrow) {
    inFlight = Math.ceil(options.scaleUpUtilization * capacity);
    while (inFlight / capacity > options.scaleUpUtilization) {
      inFlight -= 1;
    }
  }
  const queueDepth =
    connections === 0
      ? 0
      : mayGrow
        ? options.scaleUpQueueDepth + roomToCome(reading, options)
        : Number.POSITIVE_INFINITY;
  return {
    inFlight: reading.inFlight > inFlight ? Number.POSITIVE_INFINITY : inFlight,
    queueDepth: reading.queueDepth > queueDepth ? Number.POSITIVE_INFINITY : queueDepth,
  };
}

/** While calls start or wait. Far below the 500 ms of POOL-04, and only for what comes without an event. */
export const activeLookMs = 100;
/** While something is held and nothing starts: calls and streams that end do not say so. */
export const slowLookMs = 1000;

/** How long a pool may sleep when nothing happens; Infinity for one that is at rest. */
export function lookAgainInMs(reading: PoolReading, state: ScalerState, options: ScalerOptions, nowMs: number): number {
  if (reading.queueDepth > 0 || reading.callsPerSecond > 0) {
    return activeLookMs;
  }
  if (reading.connections <= options.minConnections) {
    return Number.POSITIVE_INFINITY;
  }
  return state.quietSinceMs === undefined
    ? slowLookMs
    : Math.max(activeLookMs, state.quietSinceMs + options.scaleDownDelayMs - nowMs);
}
