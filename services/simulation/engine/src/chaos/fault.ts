/**
 * What can go wrong, as plain data: the faults that experiments and game days are made of. See the README beside this file for
 * the table. A fault begins at `startMs` and ends at `startMs + durationMs`; then everything it changed is set back. Times are
 * simulated ms from the start of the run. What is absent has the default said here; limits are in families/.
 */
import type { Distribution } from "../architecture.ts";
import type { ErrorCode } from "../error-codes.ts";

/**
 * Which instances of each component: by number from 0; so many drawn from the fault's seed; a share of them, at least one; or
 * those of a zone, when instances are spread evenly: number modulo `of` is `zone`, the same in every component.
 */
export type InstancePick =
  | readonly number[]
  | { readonly random: number }
  | { readonly share: number }
  | { readonly zone: number; readonly of: number };

/** Ends all faults of the run when a figure was above its limit for so long without a break. */
export interface AbortRule {
  readonly figure: "errors" | "p50" | "p99" | "inFlight";
  /** errors: a share, 0 to 1; latencies: ms; inFlight: requests that clients wait for. */
  readonly above: number;
  readonly forMs: number;
}

interface FaultBase {
  /** The kind when absent. */
  readonly name?: string;
  /** `link:id`, `component:id`, `workload:id`, `kind:cache`, an id alone, or `*`; a component stands for the links into it. */
  readonly on: readonly string[];
  readonly startMs: number;
  /** 0 only for what happens at one moment. */
  readonly durationMs: number;
  /** The severity grows for so long from the start, in ten steps; 0, at once, when absent. It ends at once. */
  readonly rampMs?: number;
  /** Of random instances and moments; 1 when absent. */
  readonly seed?: number;
  readonly instances?: InstancePick;
  readonly abort?: AbortRule;
}

/** Calls take longer on their way, a share of them (1 when absent). */
export interface LatencyFault extends FaultBase {
  readonly kind: "latency";
  readonly extra: Distribution;
  readonly share?: number;
}

/**
 * A share of the requests fails, beside those that fail anyway. The code says whether breakers count it (../error-codes.ts);
 * "unavailable" when absent, or "internal" when it is said not to be retryable. `isRetryable` is the code's own when absent; an
 * error that is not is not tried again, whoever calls.
 */
export interface ErrorFault extends FaultBase {
  readonly kind: "error";
  readonly ratio: number;
  readonly code?: ErrorCode;
  readonly isRetryable?: boolean;
}

/** Instances (one drawn when absent) die and come back with empty caches, and work slower for a while. */
export interface CrashFault extends FaultBase {
  readonly kind: "crash";
  /** What becomes of what they hold; "fail" when absent. */
  readonly inFlight?: "fail" | "finish";
  /** Whether callers know at once and go elsewhere; true when absent. */
  readonly isNoticed?: boolean;
  /** After the restart own work takes so many times as long (1 when absent) for `coldMs` (0). */
  readonly coldFactor?: number;
  readonly coldMs?: number;
}

/** Nothing comes through: calls and answers vanish ("silent", when absent) or fail at once ("reset"). */
export interface PartitionFault extends FaultBase {
  readonly kind: "partition";
  readonly how?: "silent" | "reset";
  /** "both": also calls of the opposite direction between the same components; "one_way" when absent. */
  readonly direction?: "one_way" | "both";
}

/** Messages are lost each way, beside those lost anyway. */
export interface PacketLossFault extends FaultBase {
  readonly kind: "packet_loss";
  readonly ratio: number;
  /** Before the first retransmission, doubled before each further one; the link's own when absent. */
  readonly retransmitMs?: number;
  /** Part of the bandwidth that is left, where a link has a limit; 1 when absent. */
  readonly bandwidth?: number;
}

/** A grey failure: instances (one drawn when absent) work so many times slower, and nobody is told. */
export interface SlowNodeFault extends FaultBase {
  readonly kind: "slow_node";
  readonly factor: number;
}

/** k of n instances are gone, in every component named: a zone's outage. */
export interface CapacityLossFault extends FaultBase {
  readonly kind: "capacity_loss";
  readonly inFlight?: "fail" | "finish";
  readonly isNoticed?: boolean;
}

/** Caches with keys are empty, and kept empty for the duration; fixed hit ratios are 0, and come back within `refillMs`. */
export interface CacheFlushFault extends FaultBase {
  readonly kind: "cache_flush";
  readonly refillMs?: number;
}

/** So many requests of each workload named, at once or spread over `jitterMs` by chance; caches named are emptied before. */
export interface StampedeFault extends FaultBase {
  readonly kind: "stampede";
  readonly requests: number;
  readonly jitterMs?: number;
}

/**
 * Whom the links call gives no answer for the duration, and the callers try again. The retry settings given here hold from the
 * start on for `policyMs`, to the end of the run when absent: they are a policy and not an event, and their end would cure
 * what they are to show.
 */
export interface RetryStormFault extends FaultBase {
  readonly kind: "retry_storm";
  /** "outage": requests queue and none is worked on (when absent); "errors": all fail; "none": nothing triggers it. */
  readonly trigger?: "outage" | "errors" | "none";
  /** The links' own when absent. */
  readonly retries?: number;
  readonly backoffMs?: number;
  readonly jitter?: "full" | "none";
  /** Whether a retry budget goes on to count; true when absent. */
  readonly keepsBudget?: boolean;
  readonly policyMs?: number;
}

/**
 * The workloads send so many times as much (1 when absent), or ask for other things: the keys of caches named, and the sessions of
 * workloads where something balances by consistent hashing, have another skew, and one of them, which hardly anybody asked for
 * before, gets `hotShare` of all requests beside that.
 */
export interface TrafficSpikeFault extends FaultBase {
  readonly kind: "traffic_spike";
  readonly factor?: number;
  /** Of Zipf's law, 0 to 5; a ramp begins at the architecture's, which it is when absent. */
  readonly skew?: number;
  /** 0 when absent. */
  readonly hotShare?: number;
}

/** Connections of links, or slots of components, leak, so many per second of each caller or instance, until `leaves` are left (1). */
export interface PoolExhaustionFault extends FaultBase {
  readonly kind: "pool_exhaustion";
  readonly leakPerSecond: number;
  readonly leaves?: number;
}

/** Consumers of queues fail a share of the messages, which are redelivered, or only a share of the consumers is left. */
export interface QueueBacklogFault extends FaultBase {
  readonly kind: "queue_backlog";
  readonly poisonRatio?: number;
  /** Above 0 to 1; for links with `maxConnections`. At least one consumer stays. */
  readonly consumersLeft?: number;
  /** How often a message is delivered again before it is a dead letter; as the links say when absent. */
  readonly redeliveries?: number;
}

/** Instances (all when absent) stop working for `lengthMs` every `everyMs`, each at a moment of its own or all together. */
export interface PauseFault extends FaultBase {
  readonly kind: "pause";
  readonly everyMs: number;
  readonly lengthMs: number;
  readonly isTogether?: boolean;
}

/**
 * - "lookup_failures": names are looked up every `everyMs` (1000), and with `ratio` (1) it fails, so that calls fail until the next.
 * - "synchronised_expiry": a clock jumps, and every entry of the caches named expires at once, again every `everyMs` (once).
 * - "rolling_restart": every instance restarts, one after the other, spread over the duration.
 */
export interface ConfigPushFault extends FaultBase {
  readonly kind: "config_push";
  readonly effect: "lookup_failures" | "synchronised_expiry" | "rolling_restart";
  readonly ratio?: number;
  readonly everyMs?: number;
}

/** The rate that is let through is multiplied. */
export interface RateLimitFault extends FaultBase {
  readonly kind: "rate_limit";
  readonly factor: number;
  /** The limit's own when absent. */
  readonly burst?: number;
}

/** Links have this breaker instead of theirs; without `failures` they have none. */
export interface BreakerFault extends FaultBase {
  readonly kind: "breaker";
  readonly failures?: number;
  /** 1000 when absent. */
  readonly openMs?: number;
  readonly probes?: number;
}

/** A whole dependency works so many times slower, and fails a share of its requests (0 when absent). */
export interface BrownOutFault extends FaultBase {
  readonly kind: "brown_out";
  readonly factor: number;
  readonly errorRatio?: number;
  /** Callers hedge after so long; as the links say when absent, not at all with 0. */
  readonly hedgeAfterMs?: number;
}

export type Fault =
  | LatencyFault
  | ErrorFault
  | CrashFault
  | PartitionFault
  | PacketLossFault
  | SlowNodeFault
  | CapacityLossFault
  | CacheFlushFault
  | StampedeFault
  | RetryStormFault
  | TrafficSpikeFault
  | PoolExhaustionFault
  | QueueBacklogFault
  | PauseFault
  | ConfigPushFault
  | RateLimitFault
  | BreakerFault
  | BrownOutFault;

export type FaultKind = Fault["kind"];

/** How a fault is called in messages and pictures. */
export function faultName({ name, kind }: Pick<Fault, "name" | "kind">): string {
  return name === undefined || name === "" ? kind : name;
}

/** What it does of itself is over then; a herd that is spread may take longer than it was said to. */
export function faultEndMs(fault: Fault): number {
  const jitterMs = fault.kind === "stampede" ? (fault.jitterMs ?? 0) : 0;
  return fault.startMs + Math.max(fault.durationMs, jitterMs);
}
