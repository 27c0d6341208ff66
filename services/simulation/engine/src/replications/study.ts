/** What several replications of one model say together: plain data, ready for JSON. */

/** A figure with its 95 % interval over the replications; low = high = value when there was a single run. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Of the requests that were answered well. */
export interface LatencyEstimates {
  readonly meanMs: Estimate;
  readonly p50Ms: Estimate;
  readonly p90Ms: Estimate;
  readonly p95Ms: Estimate;
  readonly p99Ms: Estimate;
  readonly p999Ms: Estimate;
}

export interface ComponentStudy {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly instances: number;
  /** That took requests, as a mean over the time: an autoscaler changes it, and so does an outage. */
  readonly instancesMean: Estimate;
  readonly utilization: Estimate;
  /**
   * By n, from 0: the share of the time in which at least n requests were in it, waiting or in a slot, as a mean over the
   * replications, to 0.0001. It ends where that is 0, and at the latest with 255. With s slots behind one queue, all are taken
   * for the share at s, and somebody waits for the share at s + 1.
   */
  readonly presentAtLeast: readonly number[];
  readonly throughputPerSecond: Estimate;
  readonly queueLengthMean: Estimate;
  /** Of the requests that got a slot: their mean wait, the share that had to wait, and the wait that 99 % stay below. */
  readonly waitMeanMs: Estimate;
  readonly waitProbability: Estimate;
  readonly waitP99Ms: Estimate;
  readonly errorRatio: Estimate;
  readonly shedPerSecond: Estimate;
  /** Of the shed, those that a rate limit refused; and calls to it that a breaker or a full pool refused. */
  readonly limitedPerSecond: Estimate;
  readonly refusedPerSecond: Estimate;
  /** Calls from it that wait for a connection (of a queue: for a consumer), as a mean over the time. */
  readonly backlogMean: Estimate;
  readonly latency: LatencyEstimates;
}

/** One point of the run as a time series: means over the replications of what a slice of time showed. */
export interface SeriesPoint {
  /** The end of the slice. */
  readonly simulatedMs: number;
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly inFlight: number;
}

export interface BottleneckFinding {
  readonly component: string;
  readonly reason: string;
  readonly message: string;
  readonly utilization: number;
  readonly headroom: number;
}

export interface Study {
  readonly replications: number;
  /** Of the first replication; the others follow it. */
  readonly seed: number;
  readonly durationMs: number;
  /** Left out of every figure. */
  readonly warmupMs: number;
  /** How the warm-up was chosen: given by the caller, or found by MSER-5 on the series. */
  readonly warmupFrom: "given" | "detected";
  readonly events: number;
  readonly throughputPerSecond: Estimate;
  /** Answered well and within the deadline of their workload, per second, and of all that were answered. */
  readonly goodputPerSecond: Estimate;
  readonly goodputRatio: Estimate;
  readonly errorRatio: Estimate;
  readonly latency: LatencyEstimates;
  readonly components: readonly ComponentStudy[];
  readonly series: readonly SeriesPoint[];
  /** Upper ends of latency bins and the share of requests up to each, over all replications; for a curve. */
  readonly latencyCurve: readonly { readonly upToMs: number; readonly share: number }[];
  readonly bottlenecks: readonly BottleneckFinding[];
  /** What figures cannot say, in sentences: "single run: no intervals", "the queue of db still grew at the end". */
  readonly warnings: readonly string[];
}
