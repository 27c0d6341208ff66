/**
 * Prediction against measurement, figure by figure, over windows of time that the model has not seen.
 *
 * Both sides are windows of the same length: the measured ones, and as many simulated ones as there are replications. Two
 * questions are kept apart, since a model can fail either alone:
 * - is it right on average: the log-ratio ln(predicted ÷ measured) of the medians, in which twice and half are equally wrong;
 * - does it know how sure it is: how many measured windows lie within the band of the simulated ones, and how many below and
 *   above it. Both ends count: a model whose band is too wide is as wrong about itself as one whose band is too narrow.
 */
import { wilsonInterval } from "../statistics/interval.ts";

/** One window's figures by name, such as p50Ms, p95Ms, ratePerSecond, "utilization of checkout". All at least 0. */
export type WindowFigures = Readonly<Record<string, number>>;

export interface FigureComparison {
  readonly figure: string;
  readonly measured: number;
  readonly predicted: number;
  /** ln(predicted ÷ measured); undefined when one of them is 0. */
  readonly logRatio: number | undefined;
  readonly windows: number;
  /** Band of the simulated windows. */
  readonly low: number;
  readonly high: number;
  readonly below: number;
  readonly above: number;
  /** Share of measured windows within the band, with its 95 % interval. It should be `bandShare`. */
  readonly coverage: { readonly value: number; readonly low: number; readonly high: number };
}

export interface CompareOptions {
  /** Share of simulated windows within the band; 0.9 when absent. */
  readonly bandShare?: number;
}

const leastForBand = 20;

/**
 * Every figure that both sides have in at least one window. Throws a RangeError when there are fewer than 20 simulated windows, of which
 * no band can be made.
 */
export function compareMeasured(
  measured: readonly WindowFigures[],
  simulated: readonly WindowFigures[],
  { bandShare = 0.9 }: CompareOptions = {},
): FigureComparison[] {
  if (simulated.length < leastForBand) {
    throw new RangeError(`${simulated.length} simulated windows; a band needs at least ${leastForBand}`);
  }
  const figures = new Set(measured.flatMap((window) => Object.keys(window)));
  return [...figures].flatMap((figure) => {
    const [seen, said] = [valuesOf(measured, figure), valuesOf(simulated, figure)];
    if (seen.length === 0 || said.length < leastForBand) return [];
    const low = sortedQuantile(said, (1 - bandShare) / 2);
    const high = sortedQuantile(said, (1 + bandShare) / 2);
    const below = seen.filter((value) => value < low).length;
    const above = seen.filter((value) => value > high).length;
    const [middle, middleSaid] = [sortedQuantile(seen, 0.5), sortedQuantile(said, 0.5)];
    const coverage = { value: 1 - (below + above) / seen.length, ...bounds(seen.length - below - above, seen.length) };
    return {
      figure,
      measured: middle,
      predicted: middleSaid,
      logRatio: middle > 0 && middleSaid > 0 ? Math.log(middleSaid / middle) : undefined,
      windows: seen.length,
      low,
      high,
      below,
      above,
      coverage,
    };
  });
}

export interface BucketComparison {
  readonly upToMs: number;
  readonly measuredShare: number;
  readonly predictedShare: number;
}

/**
 * Shares of requests up to the ends of measured buckets. Counts are compared and not quantiles, which a bucketed histogram can only guess
 * between its ends. `buckets` are cumulative, as Prometheus has them; `predictedUpTo` is the simulated distribution function.
 */
export function compareBuckets(
  buckets: readonly { readonly upToMs: number; readonly count: number }[],
  predictedUpTo: (ms: number) => number,
): { readonly buckets: readonly BucketComparison[]; readonly largestDifference: number } {
  const sorted = [...buckets].sort((a, b) => a.upToMs - b.upToMs);
  const total = sorted.at(-1)?.count ?? 0;
  const compared =
    total > 0
      ? sorted.map(({ upToMs, count }) => ({
          upToMs,
          measuredShare: count / total,
          predictedShare: upToMs === Number.POSITIVE_INFINITY ? 1 : predictedUpTo(upToMs),
        }))
      : [];
  const differences = compared.map(({ measuredShare, predictedShare }) => Math.abs(measuredShare - predictedShare));
  return { buckets: compared, largestDifference: Math.max(0, ...differences) };
}

function valuesOf(windows: readonly WindowFigures[], figure: string): number[] {
  return windows
    .flatMap((window) => (Number.isFinite(window[figure]) ? [window[figure] as number] : []))
    .sort((a, b) => a - b);
}

/** Of ascending values, between neighbours in proportion (Hyndman and Fan's seventh, 1996). */
function sortedQuantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const [one, next] = [sorted[below] as number, sorted[Math.min(sorted.length - 1, below + 1)] as number];
  return one + (next - one) * (position - below);
}

function bounds(hits: number, trials: number): { readonly low: number; readonly high: number } {
  const { low, high } = wilsonInterval(hits, trials);
  return { low, high };
}
