/**
 * From the numbers people give for a duration to the parameters of its distribution, for the kinds where that takes more
 * than a line. Everything is relative to a mean or a maximum of 1, so that the unit is the caller's.
 *
 * Two exponentials have one parameter more than mean and cv can settle; balanced means (each phase carries half of the
 * mean: Whitt 1982, "Approximating a point process by a renewal process") is the usual way to settle it. The bounded
 * Pareto (Harchol-Balter, Crovella and Murta 1999) is given by what can be known of it, its mean, the exponent of its
 * tail and its longest value; its lower end is solved for, in logarithms, because it can be as small as 1e-60 of the mean.
 */
import type { Distribution } from "./architecture.ts";

/** A spread below this share of the mean is none: it could not be told from it in nanoseconds. */
export const smallestCv = 1e-6;

/** How many stages an Erlang distribution of this cv, 0 to 1, has; endlessly many at 0. */
export function erlangStages(cv: number): number {
  return cv < smallestCv ? Number.POSITIVE_INFINITY : Math.max(1, Math.round(1 / (cv * cv)));
}

/** The share of draws that are short, and the means of short and long draws when that of all is 1; `cv` is at least 1. */
export function hyperexponentialPhases(cv: number): { shortShare: number; shortMean: number; longMean: number } {
  const square = cv * cv;
  const shortShare = (1 + Math.sqrt((square - 1) / (square + 1))) / 2;
  return { shortShare, shortMean: 0.5 / shortShare, longMean: 0.5 / (1 - shortShare) };
}

export interface BoundedPareto {
  readonly tailIndex: number;
  readonly maxMs: number;
  /** ln(lower end ÷ maxMs), below 0. */
  readonly logRange: number;
}

const defaultTailIndex = 1.5;
/** Of the mean. */
export const defaultParetoMaximum = 1000;

/** The bounded Pareto distribution of this mean, which must be above 0 and below the maximum. */
export function boundedPareto({ meanMs, tailIndex = defaultTailIndex, maxMs }: Distribution): BoundedPareto {
  const highMs = maxMs ?? meanMs * defaultParetoMaximum;
  const target = meanMs / highMs;
  let low = -1;
  while (paretoMoment(1, tailIndex, low) > target) low *= 2;
  let high = 0;
  // The mean rises with the lower end. Halving ends when two neighbouring numbers are left.
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return { tailIndex, maxMs: highMs, logRange: low };
    if (paretoMoment(1, tailIndex, middle) > target) high = middle;
    else low = middle;
  }
}

/**
 * The moment of this order of a bounded Pareto distribution whose maximum is 1. The textbook's form is rewritten with
 * expm1, so that it neither overflows at a far lower end nor cancels where order and exponent are (nearly) the same.
 */
export function paretoMoment(order: number, tailIndex: number, logRange: number): number {
  const gap = Math.abs(tailIndex - order);
  const mass = gap === 0 ? -logRange : -Math.expm1(gap * logRange) / gap;
  return (tailIndex * Math.exp(Math.min(order, tailIndex) * logRange) * mass) / -Math.expm1(tailIndex * logRange);
}
