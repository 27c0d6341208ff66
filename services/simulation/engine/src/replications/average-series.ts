import type { ReplicationOutcome } from "./run-replication.ts";
import type { SeriesPoint } from "./study.ts";

/**
 * The mean of the replications' series, slice by slice. Latencies are means over those that answered a request well in
 * the slice, and 0 when none did. Pure.
 */
export function averageSeries(runs: readonly Pick<ReplicationOutcome, "series">[]): SeriesPoint[] {
  const [first] = runs;
  if (first === undefined) return [];
  return first.series.map(({ simulatedMs }, slice) => {
    const points = runs.map(({ series }) => series[slice] as SeriesPoint);
    const answering = points.filter(({ p99Ms }) => p99Ms > 0);
    return {
      simulatedMs,
      requestsPerSecond: mean(points.map((point) => point.requestsPerSecond)),
      failuresPerSecond: mean(points.map((point) => point.failuresPerSecond)),
      p50Ms: mean(answering.map((point) => point.p50Ms)),
      p99Ms: mean(answering.map((point) => point.p99Ms)),
      inFlight: mean(points.map((point) => point.inFlight)),
    };
  });
}

/** 0 when there is nothing. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
