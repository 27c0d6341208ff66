/*
 * Which instances do so much worse than their peers that they are left out for a while. Pure: one interval's numbers go in.
 *
 * The breaker judges an instance by itself, and only when it fails most of its calls; this compares, and sees one that
 * fails a fifth of them or is many times slower. Two tests, after Envoy's outlier detection:
 * - success rate: below the mean of all minus 1.9 standard deviations, over those with at least 100 calls, when there are at
 *   least 5 of them (with fewer, no single one can lie so far out). Envoy does only that; but where all but one succeed
 *   always, 99 % lies far out too, and leaving an instance out for it would do more harm. So it must also be 5 percentage
 *   points below the mean.
 * - latency: the geometric mean at least 8 times that of the median instance, and above 100 ms. Geometric, because a few
 *   very long calls are the business of their methods; 100 ms, because an instance in another zone may well be 8 times
 *   slower than 1 ms.
 * At most half may be out, and one always stays: when all are bad, comparing says nothing. Instances that are out for
 * another reason count as out. The time out grows with each repetition, and the memory of it fades by one per interval with
 * enough calls in which it did well.
 */

export interface OutlierOptions {
  /** How often the instances are compared; 10 s, as in Envoy. */
  readonly intervalMs: number;
  /** Standard deviations below the mean success rate; 1.9, as in Envoy. */
  readonly deviations: number;
  /** How far below the mean it must lie besides, 0 to 1; 0.05. */
  readonly minRateGap: number;
  /** Calls in the interval below which its success rate says nothing; 100, as in Envoy. */
  readonly minCalls: number;
  /** Instances with so many calls below which success rates are not compared; 5, as in Envoy. */
  readonly minInstances: number;
  /** How many times slower than the median instance; 8: no ordinary difference between machines is so large. */
  readonly latencyFactor: number;
  /** Below this no instance is too slow; 100 ms. */
  readonly minLatencyMs: number;
  /** Answers in the interval below which its latency says nothing; 20, since the balancer gives a slow instance few calls. */
  readonly minAnswers: number;
  /** Share of the instances that may be out, 0 to 1; 0.5. (Envoy's 0.1 is for clusters of hundreds.) */
  readonly maxOutRatio: number;
  /** How long an instance is out the first time; 30 s, as in Envoy. */
  readonly baseEjectionMs: number;
  /** The longest; 5 minutes, as in Envoy. */
  readonly maxEjectionMs: number;
}

export const outlierDefaults: OutlierOptions = {
  intervalMs: 10_000,
  deviations: 1.9,
  minRateGap: 0.05,
  minCalls: 100,
  minInstances: 5,
  latencyFactor: 8,
  minLatencyMs: 100,
  minAnswers: 20,
  maxOutRatio: 0.5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
};

/** What one interval says of an instance. */
export interface OutlierReading {
  readonly calls: number;
  readonly failures: number;
  /** The geometric mean of the latencies of its calls. */
  readonly latencyMs: number;
}

export type OutlierReason = "success_rate" | "latency";

export interface Outlier {
  /** Which of the readings. */
  readonly index: number;
  readonly reason: OutlierReason;
  /** The reason in words and numbers. */
  readonly detail: string;
  /** How far out, to eject the worst first. */
  readonly badness: number;
}

/** Those that lie out, the worst first. */
export function findOutliers(readings: readonly OutlierReading[], options: OutlierOptions): Outlier[] {
  const outliers = new Map<number, Outlier>();
  for (const outlier of [...slowOutliers(readings, options), ...failingOutliers(readings, options)]) {
    outliers.set(outlier.index, outlier);
  }
  return [...outliers.values()].sort((one, other) => other.badness - one.badness);
}

/** How many more may be left out, when `out` of `known` are already. */
export function ejectionsAllowed(known: number, out: number, options: OutlierOptions): number {
  return Math.max(0, Math.min(Math.max(1, Math.floor(known * options.maxOutRatio)), known - 1) - out);
}

/** `times` counts this ejection too. */
export function ejectionMs(times: number, options: OutlierOptions): number {
  return Math.min(options.maxEjectionMs, options.baseEjectionMs * times);
}

function failingOutliers(readings: readonly OutlierReading[], options: OutlierOptions): Outlier[] {
  const judged = indexed(readings).filter(({ calls }) => calls >= options.minCalls);
  if (judged.length < options.minInstances) {
    return [];
  }
  const rates = judged.map(({ calls, failures }) => 1 - failures / calls);
  const mean = sum(rates) / rates.length;
  const deviation = Math.sqrt(sum(rates.map((rate) => (rate - mean) ** 2)) / rates.length);
  const threshold = mean - Math.max(options.deviations * deviation, options.minRateGap);
  return judged.flatMap(({ index, calls, failures }, position) => {
    const rate = rates[position] as number;
    return rate < threshold
      ? [
          {
            index,
            reason: "success_rate" as const,
            detail: `${failures} of ${calls} calls failed; it succeeds at ${percent(rate)}, the mean is ${percent(mean)}`,
            // Failing is worse than slow, whatever the numbers.
            badness: 1e6 + mean - rate,
          },
        ]
      : [];
  });
}

function slowOutliers(readings: readonly OutlierReading[], options: OutlierOptions): Outlier[] {
  const judged = indexed(readings).filter(({ calls }) => calls >= options.minAnswers);
  const latencies = judged.map(({ latencyMs }) => latencyMs).sort((one, other) => one - other);
  // The lower of the two in the middle: of two instances the quick one is the measure.
  const median = latencies[Math.floor((latencies.length - 1) / 2)] ?? 0;
  const threshold = Math.max(median * options.latencyFactor, options.minLatencyMs);
  return judged
    .filter(({ latencyMs }) => latencyMs > threshold)
    .map(({ index, latencyMs, calls }) => ({
      index,
      reason: "latency" as const,
      detail: `${calls} calls took ${Math.round(latencyMs)} ms, the median instance ${Math.round(median)} ms`,
      badness: latencyMs / Math.max(median, 1),
    }));
}

function indexed(readings: readonly OutlierReading[]): (OutlierReading & { readonly index: number })[] {
  return readings.map((reading, index) => ({ ...reading, index }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
