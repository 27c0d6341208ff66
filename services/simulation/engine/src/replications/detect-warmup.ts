/**
 * Where the start of a run stops showing: MSER-5 (White 1997) on the mean series of some pilot replications.
 *
 * Two series are asked, requests in flight and median latency, and the later cut is taken: queues far behind the client
 * fill after the first latencies look settled. Both are averaged over the pilots first (as in Welch 1983), because the
 * noise of a single run hides the trend. The run counts as unsettled when both say so: noise alone now and then moves one.
 */
import { isUnsettled, mser5 } from "../statistics/warmup.ts";
import { averageSeries } from "./average-series.ts";
import type { ReplicationOutcome } from "./run-replication.ts";

export interface DetectedWarmup {
  readonly warmupMs: number;
  /** False: the figures still changed in the second half of the run, so the cut is only the best there is. */
  readonly isSettled: boolean;
}

/** The pilots must have run without warm-up and with the same slices. */
export function detectWarmup(pilots: readonly Pick<ReplicationOutcome, "series">[]): DetectedWarmup {
  const series = averageSeries(pilots);
  const signals = [series.map(({ inFlight }) => inFlight), withoutGaps(series.map(({ p50Ms }) => p50Ms))];
  const cut = Math.max(...signals.map((values) => mser5(values)));
  return {
    warmupMs: cut === 0 ? 0 : (series[cut - 1]?.simulatedMs ?? 0),
    isSettled: !signals.every((values) => isUnsettled(values)),
  };
}

/** Zeros, which stand for "nothing was answered", replaced by the value before, and at the start by the first there is. */
function withoutGaps(values: readonly number[]): number[] {
  let last = values.find((value) => value > 0) ?? 0;
  return values.map((value) => {
    if (value > 0) last = value;
    return last;
  });
}
