/**
 * The figures of a whole system that versions are compared by and objectives are set for: how each is called, how it is read
 * from one replication, and which way is better. A replication in which nothing was answered well has no latency.
 */
import type { UnitName } from "../report/format.ts";
import type { LatencySummary, Results } from "../results.ts";

export interface SystemFigure {
  /** As in an objective: "p99". */
  readonly name: string;
  /** In a sentence: "p99 latency". */
  readonly label: string;
  readonly unit: UnitName;
  readonly better: "lower" | "higher";
  /** Undefined when the replication has none. */
  readonly read: (results: Results) => number | undefined;
}

export const systemFigures = [
  {
    name: "throughput",
    label: "throughput",
    unit: "perSecond",
    better: "higher",
    read: (results) => results.throughputPerSecond,
  },
  {
    name: "goodput",
    label: "goodput in time",
    unit: "perSecond",
    better: "higher",
    read: (results) => results.goodputPerSecond,
  },
  { name: "errors", label: "error ratio", unit: "share", better: "lower", read: (results) => results.errorRatio },
  latency("mean", "mean latency", "meanMs"),
  latency("p50", "p50 latency", "p50Ms"),
  latency("p90", "p90 latency", "p90Ms"),
  latency("p95", "p95 latency", "p95Ms"),
  latency("p99", "p99 latency", "p99Ms"),
  latency("p99.9", "p99.9 latency", "p999Ms"),
] as const satisfies readonly SystemFigure[];

function latency(name: string, label: string, field: keyof LatencySummary): SystemFigure {
  return {
    name,
    label,
    unit: "ms",
    better: "lower",
    read: ({ completed, latency: summary }) => (completed > 0 ? summary[field] : undefined),
  };
}
