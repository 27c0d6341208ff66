import type { Scrape, Series } from "./parse-metrics.ts";

/*
 * Arithmetic on the series of one metric. Rates are differences of counters between two scrapes; a counter that is lower
 * than it was began again with its process, so all that it holds came since.
 */

/** A bucket of a histogram: how many values do not exceed its bound. */
export interface Bucket {
  readonly bound: number;
  readonly count: number;
}

/** By how much each series of a counter has grown. Series that are new began at zero after the first scrape. */
export function increases(name: string, before: Scrape, now: Scrape): Series[] {
  const earlier = new Map((before.get(name) ?? []).map(({ labels, value }) => [keyOf(labels), value]));
  return (now.get(name) ?? []).map(({ labels, value }) => {
    const start = earlier.get(keyOf(labels)) ?? 0;
    return { labels, value: value >= start ? value - start : value };
  });
}

/** The series that have all these labels. */
export function withLabels(series: readonly Series[], wanted: Readonly<Record<string, string>>): Series[] {
  const names = Object.keys(wanted);
  return series.filter(({ labels }) => names.every((name) => labels[name] === wanted[name]));
}

export function total(series: readonly Series[]): number {
  return series.reduce((sum, { value }) => sum + value, 0);
}

/** The buckets of a histogram, over all series, in the order of their bounds. */
export function bucketsOf(series: readonly Series[]): Bucket[] {
  const counts = new Map<number, number>();
  for (const { labels, value } of series) {
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    if (!Number.isNaN(bound)) {
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
  }
  return [...counts].map(([bound, count]) => ({ bound, count })).sort((a, b) => a.bound - b.bound);
}

/**
 * The value that a share of all values does not exceed, as Prometheus's `histogram_quantile` has it: within the bucket that
 * holds it values are taken as spread evenly, and beyond the last bound it is that bound. Undefined without values.
 */
export function quantileFromBuckets(buckets: readonly Bucket[], quantile: number): number | undefined {
  const all = buckets.at(-1)?.count ?? 0;
  if (all <= 0) {
    return undefined;
  }
  const rank = quantile * all;
  const index = buckets.findIndex(({ count }) => count >= rank && count > 0);
  const bucket = buckets[index === -1 ? buckets.length - 1 : index] as Bucket;
  const below = buckets[index - 1] ?? { bound: 0, count: 0 };
  if (bucket.bound === Infinity) {
    return below.bound;
  }
  return below.bound + ((bucket.bound - below.bound) * (rank - below.count)) / (bucket.count - below.count);
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
