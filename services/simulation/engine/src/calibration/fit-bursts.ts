/**
 * The Markov-modulated Poisson process of two phases that arrivals look like, by moments.
 *
 * Its index of dispersion is (Heffes and Lucantoni 1986)
 *   I(w) = 1 + A (1 - (τ/w) (1 - e^(-w/τ))),   A = 2 v τ / r,
 * with r the mean of the rate, v its variance, and e^(-t/τ) its correlation. τ and A are the least squares of relative error over
 * the curve. How v splits into how strong and how frequent bursts are is in the skewness of the rate, which is (1 - 2q) / √(q (1 - q))
 * for a share q of the time in bursts; it is taken from counts in windows that are short beside τ, with the Poisson part
 * removed, and is the least certain of the three.
 */
import { countMoments, countsIn, type Dispersion } from "./dispersion.ts";

export interface BurstFit {
  readonly burstFactor: number;
  readonly burstMs: number;
  readonly burstShare: number;
  /** False: the share is assumed. */
  readonly isShareKnown: boolean;
}

const dayMs = 86_400_000;
const assumedShare = 0.1;

/** Times ascend; the curve is theirs and not empty. */
export function fitBursts(curve: readonly Dispersion[], sorted: Float64Array, samplingRatio: number): BurstFit {
  const spanMs = (sorted.at(-1) as number) - (sorted[0] as number);
  const ratePerMs = (sorted.length - 1) / spanMs / samplingRatio;
  const [shortestMs, longestMs] = [curve[0]?.windowMs ?? 1, curve.at(-1)?.windowMs ?? 1];
  let best = { error: Number.POSITIVE_INFINITY, tauMs: shortestMs, height: 0 };
  for (let tauMs = shortestMs / 4; tauMs <= longestMs * 2; tauMs *= 1.05) {
    const fit = fitHeight(curve, tauMs);
    if (fit.error < best.error) best = { ...fit, tauMs };
  }
  const { tauMs, height } = best;
  /** Variance of the rate over the square of its mean. */
  const variation = height / (2 * tauMs * ratePerMs);
  const share = burstShareFrom(sorted, tauMs);
  // No rate is below 0: quiet times cannot be quieter than silent.
  const burstShare = Math.min(share ?? assumedShare, 0.999 / (1 + variation));
  const burstFactor = Math.min(1000, 1 / burstShare, 1 + Math.sqrt((variation * (1 - burstShare)) / burstShare));
  const burstMs = Math.min(dayMs, Math.max(1, tauMs / (1 - burstShare)));
  return { burstFactor, burstMs, burstShare, isShareKnown: share !== undefined };
}

/** A for this τ, and the weighted sum of squares it leaves. Longer windows are fewer, and count less. */
function fitHeight(curve: readonly Dispersion[], tauMs: number): { readonly height: number; readonly error: number } {
  const shape = (windowMs: number) => 1 + (tauMs / windowMs) * Math.expm1(-windowMs / tauMs);
  const weight = ({ index, error }: Dispersion) => 1 / (error * Math.max(0.1, index)) ** 2;
  let [products, squares] = [0, 0];
  for (const point of curve) {
    const expected = shape(point.windowMs);
    products += (point.index - 1) * expected * weight(point);
    squares += expected ** 2 * weight(point);
  }
  const height = squares > 0 ? Math.max(0, products / squares) : 0;
  let error = 0;
  for (const point of curve) error += (point.index - 1 - height * shape(point.windowMs)) ** 2 * weight(point);
  return { height, error };
}

/** Undefined when the third moment is too uncertain, or says that quiet times are the rarer ones. */
function burstShareFrom(sorted: Float64Array, tauMs: number): number | undefined {
  const counts = countsIn(sorted, tauMs / 3);
  const { mean, second, third } = countMoments(counts);
  const variance = second - mean;
  if (counts.length < 1000 || mean < 0.2 || variance <= 0) return undefined;
  const skewness = (third - 3 * second + 2 * mean) / variance ** 1.5;
  const share = (1 - skewness / Math.sqrt(skewness ** 2 + 4)) / 2;
  return share <= 0.5 ? Math.max(0.001, share) : undefined;
}
