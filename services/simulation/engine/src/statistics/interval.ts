/**
 * How sure a figure is.
 *
 * - A mean of replications: Student's t, right for few values as long as they are roughly normal, which the means of long
 *   runs are.
 * - A share (of runs that collapsed): Wilson's score interval (1927). The usual p +- z * sqrt(p (1 - p) / n) says "0, certain"
 *   after no failure in ten; Wilson's says "up to 28 %".
 * - A quantile of independent values: between two of the sorted values, chosen by the binomial distribution of how many
 *   values lie below the quantile (David and Nagaraja, Order Statistics, 2003, 7.1). Nothing is assumed of their shape.
 * - A difference of two designs under common random numbers: t of the differences pair by pair, in which shared luck cancels.
 *
 * Every function throws a RangeError that names the argument when one makes no sense.
 */
import { assertInnerShare, momentsOf } from "./samples.ts";
import { normalQuantile, studentQuantile } from "./t-distribution.ts";

/** A value, and the ends of the interval that holds the true one with the confidence asked for. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface QuantileInterval extends Interval {
  /** The confidence that was reached: at least the one asked for, unless there are too few values for it. */
  readonly confidence: number;
}

export interface PairedDifference extends Interval {
  /** How many times more independent runs an equally narrow interval would take; from 0 to 1 000 000, 1 for one pair. */
  readonly varianceReduction: number;
}

/** So that differences that do not vary at all still give a number that JSON can carry. */
const largestVarianceReduction = 1e6;

/** Of the mean. A single value says nothing about its error: low = high = value. */
export function meanInterval(values: readonly number[], confidence = 0.95): Interval {
  assertInnerShare("confidence", confidence);
  const { count, mean, variance } = momentsOf(values);
  if (count === 1) return { value: mean, low: mean, high: mean };
  const halfWidth = studentQuantile(0.5 + confidence / 2, count - 1) * Math.sqrt(variance / count);
  return { value: mean, low: mean - halfWidth, high: mean + halfWidth };
}

/** Of a probability, from `successes` in `trials`. Without trials it is 0 with the interval from 0 to 1. */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  assertInnerShare("confidence", confidence);
  if (!(Number.isInteger(trials) && trials >= 0)) {
    throw new RangeError(`trials: ${trials} given; must be a whole number from 0`);
  }
  if (!(Number.isInteger(successes) && successes >= 0 && successes <= trials)) {
    throw new RangeError(`successes: ${successes} given; must be a whole number from 0 to ${trials}`);
  }
  if (trials === 0) return { value: 0, low: 0, high: 1 };
  const value = successes / trials;
  const z = normalQuantile(0.5 + confidence / 2);
  const weight = (z * z) / trials;
  const centre = (value + weight / 2) / (1 + weight);
  const halfWidth = Math.sqrt(weight * (value * (1 - value) + weight / 4)) / (1 + weight);
  // Without any success the low end is exactly 0, with nothing else the high end is exactly 1; rounding must not move them.
  const low = successes === 0 ? 0 : Math.max(0, centre - halfWidth);
  const high = successes === trials ? 1 : Math.min(1, centre + halfWidth);
  return { value, low, high };
}

/**
 * Of the quantile at `share` (above 0, below 1) of independent values. With too few values for the confidence, the ends are
 * the smallest or largest of them, and `confidence` says what that is worth: 20 values say 18 % about their p99.
 */
export function quantileInterval(values: readonly number[], share: number, confidence = 0.95): QuantileInterval {
  assertInnerShare("share", share);
  assertInnerShare("confidence", confidence);
  const count = momentsOf(values).count;
  const sorted = Float64Array.from(values).sort();
  const ranks = quantileRanks(count, share, (1 - confidence) / 2);
  return {
    value: sorted[Math.max(1, Math.ceil(share * count)) - 1] as number,
    low: sorted[ranks.low - 1] as number,
    high: sorted[ranks.high - 1] as number,
    confidence: ranks.confidence,
  };
}

/** Of the mean of `ours[i] - theirs[i]`, where each pair ran under the same seed. */
export function pairedDifference(
  ours: readonly number[],
  theirs: readonly number[],
  confidence = 0.95,
): PairedDifference {
  if (ours.length !== theirs.length) {
    throw new RangeError(`theirs: ${theirs.length} values given; must be ${ours.length}, one for each of ours`);
  }
  const differences = ours.map((value, index) => value - (theirs[index] as number));
  const interval = meanInterval(differences, confidence);
  const independent = momentsOf(ours).variance + momentsOf(theirs).variance;
  const reduction = independent === 0 ? 1 : independent / momentsOf(differences).variance;
  return { ...interval, varianceReduction: Math.min(reduction, largestVarianceReduction) };
}

/**
 * The narrowest ranks (from 1) that miss the quantile on each side with at most `missed`, or the outermost ones. How many of
 * `count` values lie below the quantile is binomial; its probabilities are computed relative to the most likely number, from
 * there outwards, because the outermost ones are too small for a double.
 */
function quantileRanks(
  count: number,
  share: number,
  missed: number,
): { low: number; high: number; confidence: number } {
  const odds = share / (1 - share);
  const mode = Math.min(count, Math.floor((count + 1) * share));
  const weights = new Float64Array(count + 1);
  weights[mode] = 1;
  for (let below = mode; below > 0; below--) {
    weights[below - 1] = ((weights[below] as number) * below) / ((count - below + 1) * odds);
  }
  for (let below = mode; below < count; below++) {
    weights[below + 1] = ((weights[below] as number) * (count - below) * odds) / (below + 1);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let low = 1;
  let missedBelow = (weights[0] as number) / total;
  for (; missedBelow + (weights[low] as number) / total <= missed; low++) {
    missedBelow += (weights[low] as number) / total;
  }
  let high = count;
  let missedAbove = (weights[count] as number) / total;
  for (; missedAbove + (weights[high - 1] as number) / total <= missed; high--) {
    missedAbove += (weights[high - 1] as number) / total;
  }
  return { low, high, confidence: 1 - missedBelow - missedAbove };
}
