import { metricNames } from "../diagnostics.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** What happens on the lanes of a process, in both directions. Added to directly, per batch; read at each scrape. */
export interface LaneCounters {
  lanes: number;
  framesIn: number;
  framesOut: number;
  batchesIn: number;
  batchesOut: number;
  bytesIn: number;
  bytesOut: number;
}

const countersOf = new WeakMap<Metrics, LaneCounters>();

/** The counters of the process that these metrics describe; made and registered on the first call. */
export function laneCounters(metrics: Metrics): LaneCounters {
  let counters = countersOf.get(metrics);
  if (counters === undefined) {
    counters = { lanes: 0, framesIn: 0, framesOut: 0, batchesIn: 0, batchesOut: 0, bytesIn: 0, bytesOut: 0 };
    countersOf.set(metrics, counters);
    register(metrics, counters);
  }
  return counters;
}

function register(metrics: Metrics, counters: LaneCounters): void {
  const both = (sent: keyof LaneCounters, received: keyof LaneCounters) => () =>
    [
      [{ direction: "out" }, counters[sent]],
      [{ direction: "in" }, counters[received]],
    ] as const;
  metrics.gauge(metricNames.lanesOpen, (gauge) => gauge.set(counters.lanes));
  metrics.totals(metricNames.laneFrames, both("framesOut", "framesIn"));
  metrics.totals(metricNames.laneBatches, both("batchesOut", "batchesIn"));
  metrics.totals(metricNames.laneBytes, both("bytesOut", "bytesIn"));
}
