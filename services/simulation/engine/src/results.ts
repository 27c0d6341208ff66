/**
 * What a run showed, after its warm-up: plain data, ready for JSON. All of it comes from this one run; how far another
 * seed would differ is not said here.
 */
import { type Bottleneck, findBottlenecks } from "./bottlenecks.ts";
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
  readonly inFlight: number;
  /** Requests in it, waiting or in a slot, as a mean over the time. */
  readonly inFlightMean: number;
  readonly queueLengthMean: number;
  readonly queueLengthMax: number;
  /** Mean wait of the requests that got a slot. */
  readonly waitMeanMs: number;
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
  readonly latency: LatencySummary;
  /** Failed ÷ answered, 0 to 1. */
  readonly errorRatio: number;
  readonly components: readonly ComponentResults[];
  readonly bottlenecks: readonly Bottleneck[];
  readonly seed: number;
  /** The load at the start, then every change. */
  readonly loadChanges: readonly LoadChange[];
  readonly eventTraceHash: string;
}

/** What results are made of. `from` and the histograms start when the warm-up ended. */
export interface Measurement {
  readonly model: Model;
  readonly from: Snapshot;
  readonly to: Snapshot;
  readonly latencies: readonly Histogram[];
  readonly longestQueues: Float64Array;
  readonly events: number;
  readonly seed: number;
  readonly loadChanges: readonly LoadChange[];
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
  return {
    simulatedMs: to.atNs / nsPerMs,
    warmupMs: from.atNs / nsPerMs,
    events: measurement.events,
    completed: sum("completed"),
    failed: sum("failed"),
    inFlight: sum("inFlight"),
    throughputPerSecond: ratio(sum("completed"), (to.atNs - from.atNs) / 1e9),
    latency: summarize(mergeHistograms(clientLatencies)),
    errorRatio: ratio(sum("failed"), sum("completed") + sum("failed")),
    components,
    bottlenecks: findBottlenecks(model, periods),
    seed: measurement.seed,
    loadChanges: measurement.loadChanges,
    eventTraceHash: measurement.eventTraceHash,
  };
}

function componentResults(
  { id, name, kind, index, instances }: ModelComponent,
  periods: readonly ComponentPeriod[],
  { latencies, longestQueues }: Measurement,
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
    inFlight: period.inFlight,
    inFlightMean: period.presentMean,
    queueLengthMean: period.queueLengthMean,
    queueLengthMax: longestQueues[index] as number,
    waitMeanMs: period.waitMeanMs,
    latency: summarize(latencies[index] as Histogram),
  };
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
