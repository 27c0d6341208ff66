import type { DistributionPoint, NumberLimit, PartialDistribution } from "./architecture.ts";

/** A field of a distribution that does not fit the others; `problem` is a sentence's end, as of `numberProblem`. */
export interface ShapeProblem {
  field: "cv" | "maxMs" | "points";
  problem: string;
}

/**
 * What the limits of single numbers cannot say: which values the kind allows, and how fields must lie to each other. The
 * numbers themselves must be within their limits; absent ones, which take their defaults, break no rule. A maximum needs
 * its mean beside it, because any other's mean may lie above it.
 */
export function shapeProblem(distribution: PartialDistribution, mean: NumberLimit): ShapeProblem | undefined {
  const { kind, meanMs, cv, maxMs, points } = distribution;
  switch (kind) {
    case "hyperexponential":
      if (cv === undefined || cv >= 1) return undefined;
      return { field: "cv", problem: `must be at least 1 when the kind is hyperexponential, not ${cv}` };
    case "erlang":
      if (cv === undefined || cv <= 1) return undefined;
      return { field: "cv", problem: `must be at most 1 when the kind is erlang, not ${cv}` };
    case "pareto": {
      // Nothing is drawn where the mean is 0, and then no maximum is too low.
      if (maxMs === undefined || meanMs === 0 || (meanMs !== undefined && maxMs > meanMs)) return undefined;
      const bound = meanMs === undefined ? "a meanMs that stands beside it" : `the mean, ${meanMs}`;
      return { field: "maxMs", problem: `must be above ${bound}, not ${maxMs}` };
    }
    case "empirical": {
      const problem = pointsProblem(points ?? [], mean);
      return problem === undefined ? undefined : { field: "points", problem };
    }
    default:
      return undefined;
  }
}

function pointsProblem(points: readonly DistributionPoint[], mean: NumberLimit): string | undefined {
  if (points.length === 0) return "must have at least one point when the kind is empirical, not 0";
  for (const [index, { upToMs }] of points.entries()) {
    const before = points[index - 1]?.upToMs;
    if (before !== undefined && upToMs <= before) {
      return `must ascend, but ${index} has an upToMs of ${upToMs} after ${before}`;
    }
  }
  if (points.every(({ weight }) => weight === 0)) return "must have a weight above 0, but all are 0";
  const meanMs = pointsMeanMs(points);
  return meanMs <= mean.max ? undefined : `must have a mean of at most ${mean.max} ms, not ${meanMs}`;
}

/** The mean of the histogram whose bins end at these points; within a bin all durations are equally likely. */
export function pointsMeanMs(points: readonly DistributionPoint[]): number {
  let total = 0;
  let sum = 0;
  let fromMs = 0;
  for (const { upToMs, weight } of points) {
    total += weight;
    sum += (weight * (fromMs + upToMs)) / 2;
    fromMs = upToMs;
  }
  return sum === 0 ? 0 : sum / total;
}
