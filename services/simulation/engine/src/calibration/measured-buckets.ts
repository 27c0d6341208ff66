/**
 * The buckets of latency histograms beside the simulated distribution. Counts at the ends of the buckets are exact on both
 * sides; quantiles would have to be guessed between them.
 *
 * Only what users see can be compared: the buckets of the services that clients call, all of them, with the time of an answer
 * at the client. Every bucket of a histogram is read in the windows of its last one, which counts all requests and so
 * falls at every restart, while a bucket that was empty before does not.
 */
import type { Architecture } from "../architecture.ts";
import type { LatencyBin } from "../histogram.ts";
import { type BucketComparison, compareBuckets } from "./compare-measured.ts";
import type { MetricSeries } from "./prometheus.ts";

export interface MeasuredBuckets {
  /** Services whose histograms were added. */
  readonly services: readonly string[];
  readonly requests: number;
  readonly compared: readonly BucketComparison[];
  /** Of the shares, 0 to 1. */
  readonly largestDifference: number;
}

/** A sentence says why nothing can be compared; undefined when there are no buckets. `runs` are bins of what users saw. */
export function compareMeasuredBuckets(
  { components, links }: Pick<Architecture, "components" | "links">,
  series: readonly MetricSeries[],
  runs: readonly (readonly LatencyBin[])[],
): MeasuredBuckets | string | undefined {
  const buckets = series.filter(({ role }) => role === "buckets");
  if (buckets.length === 0) return undefined;
  const clients = new Set(components.filter(({ kind }) => kind === "client").map(({ id }) => id));
  const called = new Set(links.filter(({ from }) => clients.has(from)).map(({ to }) => to));
  const entries = components.filter(({ id }) => called.has(id));
  const ofEntries = entries.map(({ id, name }) => buckets.filter(({ service }) => service === name || service === id));
  const without = entries.filter((_, index) => ofEntries[index]?.length === 0).map(({ id }) => id);
  if (without.length > 0) {
    const named = [...new Set(buckets.map(({ service }) => service))].join(", ");
    return `the buckets are of ${named}; those of ${without.join(", ")}, where users enter, are needed`;
  }
  const measured = addBuckets(ofEntries.flat());
  if (typeof measured === "string") return measured;
  const { buckets: compared, largestDifference } = compareBuckets(measured, distributionOf(runs));
  const requests = measured.at(-1)?.count ?? 0;
  if (requests === 0) return "the buckets count no request";
  return { services: entries.map(({ id }) => id), requests, compared, largestDifference };
}

/** Cumulative counts by upper end, ascending, of the ends that every histogram has. */
function addBuckets(series: readonly MetricSeries[]): { upToMs: number; count: number }[] | string {
  const last = series.filter(({ upToMs }) => upToMs === Number.POSITIVE_INFINITY);
  if (last.length === 0) return `the buckets lack the last one, le="+Inf", which counts all requests`;
  const counted = new Set(last.flatMap(({ windows }) => windows.map(({ fromMs }) => fromMs)));
  const ends = Map.groupBy(series, ({ upToMs }) => upToMs as number);
  return [...ends]
    .filter(([, own]) => own.length === last.length)
    .map(([upToMs, own]) => {
      const windows = own.flatMap((one) => one.windows).filter(({ fromMs }) => counted.has(fromMs));
      return { upToMs, count: windows.reduce((sum, { increase }) => sum + increase, 0) };
    })
    .sort((a, b) => a.upToMs - b.upToMs);
}

/** The share of answers within a time, to the width of a bin, which is 0.8 % of the time. */
function distributionOf(runs: readonly (readonly LatencyBin[])[]): (ms: number) => number {
  const counts = new Map<number, number>();
  let total = 0;
  for (const { upToMs, count } of runs.flat()) {
    counts.set(upToMs, (counts.get(upToMs) ?? 0) + count);
    total += count;
  }
  return (ms) => {
    if (total === 0) return 0;
    let within = 0;
    for (const [upToMs, count] of counts) if (upToMs <= ms) within += count;
    return within / total;
  };
}
