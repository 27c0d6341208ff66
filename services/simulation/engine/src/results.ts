/**
 * What a run showed, after its warm-up: plain data, ready for JSON. All of it comes from this one run; how far another
 * seed would differ is not said here.
 */
import { type Bottleneck, findBottlenecks } from "./bottlenecks.ts";
import type { PlannedChange } from "./changes.ts";
import type { Snapshot } from "./component-statistics.ts";
import type { Histogram } from "./histogram.ts";
import { mergeHistograms } from "./latency-recorder.ts";
import type { Model, ModelComponent } from "./model.ts";
import { type ComponentPeriod, ratio, readPeriod } from "./period.ts";

const nsPerMs = 1e6;

/** Of the requests that were answered well; all 0 when none was. Quantiles are right to 0.4 %. */
export interface LatencySummary {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Always arrivals = completed + failed + shed + inFlight; those present when the measurement began count as arrivals. */
export interface ComponentResults {
  readonly id: string;
  readonly name: string;
  readonly kind: ModelComponent["kind"];
  readonly instances: number;
  /** Mean share of the slots held, and the part held for own work rather than for calls downstream; 0 for clients. */
  readonly utilization: number;
  readonly workUtilization: number;
  /** Requests answered well per second. */
  readonly throughputPerSecond: number;
  readonly arrivals: number;
  readonly completed: number;
  /** Answered badly after they were admitted. */
  readonly failed: number;
  /** Refused because the queue was full. */
  readonly shed: number;
  /** Calls to it that the caller gave up on; the request itself may have completed. */
  readonly timedOut: number;
  readonly retried: number;
  /** Calls from it that nobody waited for and that failed for good. */
  readonly deadLettered: number;
  /** Lookups of caches, 0 for everything else: answered from it, and not. */
  readonly cacheHits: number;
  readonly cacheMisses: number;
  /** Of the misses, those that waited for another request's fetch of the same key. */
  readonly collapsedMisses: number;
  /** Of the failed: the deadline had passed when the turn came; the caller had called it off. */
  readonly expired: number;
  readonly cancelled: number;
  /** Of the shed, those that the rate limit refused. */
  readonly limited: number;
  /** Calls to it that a breaker refused, that got no connection, that the budget did not let try again; second attempts. */
  readonly refusedByBreaker: number;
  readonly refusedByPool: number;
  readonly retriesDenied: number;
  readonly hedged: number;
  /** Messages on the way to it and from it. */
  readonly lost: number;
  /** Mean share of the cores that worked, where cores are shared; 0 elsewhere. */
  readonly coreUtilization: number;
  /** Instances that took requests, as a mean over the time. */
  readonly instancesMean: number;
  /** Calls from it that waited for a connection (of a queue: for a consumer): how many at once on average, and how long. */
  readonly backlogMean: number;
  readonly connectionWaitMeanMs: number;
  readonly inFlight: number;
  /** Requests in it, waiting or in a slot, as a mean over the time. */
  readonly inFlightMean: number;
  /**
   * By n, from 0: the share of the time in which at least n requests were in it, waiting or in a slot. It ends where that never
   * happened, and at the latest with 255.
   */
  readonly presentAtLeast: readonly number[];
  readonly queueLengthMean: number;
  readonly queueLengthMax: number;
  /** Of the requests that got a slot, the waits of those included that did not have to. */
  readonly waitMeanMs: number;
  /** The share of them that had to wait. */
  readonly waitProbability: number;
  readonly waitP50Ms: number;
  readonly waitP95Ms: number;
  readonly waitP99Ms: number;
  /** From the arrival to the answer leaving. */
  readonly latency: LatencySummary;
}

export interface LoadChange {
  readonly simulatedMs: number;
  readonly load: number;
}

export interface Results {
  readonly simulatedMs: number;
  /** How much of the start is left out of everything below but `events`; 0 when the run ended before its warm-up. */
  readonly warmupMs: number;
  readonly events: number;
  readonly completed: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly throughputPerSecond: number;
  /** Answered well and within the deadline of their workload, per second, and of all that were answered. */
  readonly goodputPerSecond: number;
  readonly goodputRatio: number;
  readonly latency: LatencySummary;
  /** Failed ÷ answered, 0 to 1. */
  readonly errorRatio: number;
  readonly components: readonly ComponentResults[];
  readonly bottlenecks: readonly Bottleneck[];
  readonly seed: number;
  /** The load at the start, then every change. */
  readonly loadChanges: readonly LoadChange[];
  /** Every change that took effect, in order. */
  readonly changes: readonly PlannedChange[];
  readonly eventTraceHash: string;
}

/** What results are made of. `from` and the histograms start when the warm-up ended. */
export interface Measurement {
  readonly model: Model;
  readonly from: Snapshot;
  readonly to: Snapshot;
  readonly latencies: readonly Histogram[];
  /** Of requests that had to wait. */
  readonly waits: readonly Histogram[];
  readonly longestQueues: Float64Array;
  /** By component and n: how long at least n requests were present, from the start of the run to `from` and to `to`. */
  readonly presentAtLeastNs: { readonly from: readonly Float64Array[]; readonly to: readonly Float64Array[] };
  readonly events: number;
  readonly seed: number;
  readonly loadChanges: readonly LoadChange[];
  readonly changes: readonly PlannedChange[];
  readonly eventTraceHash: string;
}

export function resultsOf(measurement: Measurement): Results {
  const { model, from, to } = measurement;
  const periods = model.components.map((component) => readPeriod(component, from, to));
  const components = model.components.map((component) => componentResults(component, periods, measurement));
  const clients = components.filter((component) => component.kind === "client");
  const sum = (field: "completed" | "failed" | "inFlight") =>
    clients.reduce((total, client) => total + client[field], 0);
  const clientLatencies = model.components
    .filter((component) => component.isClient)
    .map(({ index }) => measurement.latencies[index] as Histogram);
  const onTime = periods.reduce((total, period) => total + period.onTime, 0);
  return {
    simulatedMs: to.atNs / nsPerMs,
    warmupMs: from.atNs / nsPerMs,
    events: measurement.events,
    completed: sum("completed"),
    failed: sum("failed"),
    inFlight: sum("inFlight"),
    throughputPerSecond: ratio(sum("completed"), (to.atNs - from.atNs) / 1e9),
    goodputPerSecond: ratio(onTime, (to.atNs - from.atNs) / 1e9),
    goodputRatio: ratio(onTime, sum("completed") + sum("failed")),
    latency: summarize(mergeHistograms(clientLatencies)),
    errorRatio: ratio(sum("failed"), sum("completed") + sum("failed")),
    components,
    bottlenecks: findBottlenecks(model, periods),
    seed: measurement.seed,
    loadChanges: measurement.loadChanges,
    changes: measurement.changes,
    eventTraceHash: measurement.eventTraceHash,
  };
}

function componentResults(
  { id, name, kind, index, instances }: ModelComponent,
  periods: readonly ComponentPeriod[],
  { latencies, waits, longestQueues, presentAtLeastNs }: Measurement,
): ComponentResults {
  const period = periods[index] as ComponentPeriod;
  return {
    id,
    name,
    kind,
    instances,
    utilization: period.utilization,
    workUtilization: period.workUtilization,
    throughputPerSecond: ratio(period.completed, period.seconds),
    arrivals: period.arrivals,
    completed: period.completed,
    failed: period.failed,
    shed: period.shed,
    timedOut: period.timedOut,
    retried: period.retried,
    deadLettered: period.deadLettered,
    cacheHits: period.cacheHits,
    cacheMisses: period.cacheMisses,
    collapsedMisses: period.collapsedMisses,
    expired: period.expired,
    cancelled: period.cancelled,
    limited: period.limited,
    refusedByBreaker: period.refusedByBreaker,
    refusedByPool: period.refusedByPool,
    retriesDenied: period.retriesDenied,
    hedged: period.hedged,
    lost: period.lost,
    coreUtilization: period.coreUtilization,
    instancesMean: period.instancesMean,
    backlogMean: period.backlogMean,
    connectionWaitMeanMs: period.connectionWaitMeanMs,
    inFlight: period.inFlight,
    inFlightMean: period.presentMean,
    presentAtLeast: sharesAtLeast(presentAtLeastNs, index, period.seconds * 1e9),
    queueLengthMean: period.queueLengthMean,
    queueLengthMax: longestQueues[index] as number,
    waitMeanMs: period.waitMeanMs,
    waitProbability: ratio(period.waited, period.started),
    waitP50Ms: waitQuantileMs(period, waits[index] as Histogram, 0.5),
    waitP95Ms: waitQuantileMs(period, waits[index] as Histogram, 0.95),
    waitP99Ms: waitQuantileMs(period, waits[index] as Histogram, 0.99),
    latency: summarize(latencies[index] as Histogram),
  };
}

/** The 0th is the whole of the time; zeros at the end are left out. */
function sharesAtLeast({ from, to }: Measurement["presentAtLeastNs"], index: number, elapsedNs: number): number[] {
  const [before, after] = [from[index] as Float64Array, to[index] as Float64Array];
  const shares = [1];
  for (let least = 1; least < after.length; least++) {
    const share = ratio((after[least] as number) - (before[least] as number), elapsedNs);
    if (share === 0) break;
    shares.push(share);
  }
  return shares;
}

/** The quantile over all that got a slot, of whom those that did not wait are not in the histogram. */
function waitQuantileMs({ started, waited }: ComponentPeriod, waits: Histogram, share: number): number {
  const among = ratio(share * started - (started - waited), waited);
  return among <= 0 ? 0 : waits.quantileNs(Math.min(1, among)) / nsPerMs;
}

function summarize(histogram: Histogram): LatencySummary {
  const quantileMs = (share: number) => histogram.quantileNs(share) / nsPerMs;
  return {
    meanMs: histogram.meanNs / nsPerMs,
    p50Ms: quantileMs(0.5),
    p90Ms: quantileMs(0.9),
    p95Ms: quantileMs(0.95),
    p99Ms: quantileMs(0.99),
    p999Ms: quantileMs(0.999),
    maxMs: histogram.maxNs / nsPerMs,
  };
}
