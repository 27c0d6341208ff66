/**
 * Mean and coefficient of variation of a duration, exactly as the sampler in `distribution.ts` draws it: formulas must
 * be given these and not the fields of the distribution, because some kinds derive them. An Erlang distribution has the cv of its
 * whole number of stages, a bounded Pareto one that its tail decides, and an empirical one has both from its points.
 */
import type { Distribution, DistributionPoint } from "./architecture.ts";
import { boundedPareto, erlangStages, paretoMoment } from "./distribution-shapes.ts";

export interface Moments {
  readonly meanMs: number;
  /** Standard deviation ÷ mean; 0 when the mean is 0. */
  readonly cv: number;
}

/** The distribution must have passed `checkArchitecture`. */
export function momentsOf(distribution: Distribution): Moments {
  const { kind, meanMs, cv } = distribution;
  if (kind === "empirical") return empiricalMoments(distribution.points ?? []);
  if (meanMs === 0) return { meanMs, cv: 0 };
  switch (kind) {
    case "constant":
      return { meanMs, cv: 0 };
    case "exponential":
      return { meanMs, cv: 1 };
    case "erlang":
      return { meanMs, cv: Math.sqrt(1 / erlangStages(cv)) };
    case "pareto": {
      const { tailIndex, maxMs, logRange } = boundedPareto(distribution);
      return { meanMs, cv: cvFrom(meanMs / maxMs, paretoMoment(2, tailIndex, logRange)) };
    }
    case "gamma":
    case "lognormal":
    case "hyperexponential":
      return { meanMs, cv };
  }
}

function empiricalMoments(points: readonly DistributionPoint[]): Moments {
  let total = 0;
  let sum = 0;
  let squares = 0;
  let fromMs = 0;
  for (const { upToMs, weight } of points) {
    total += weight;
    sum += (weight * (fromMs + upToMs)) / 2;
    squares += (weight * (fromMs * fromMs + fromMs * upToMs + upToMs * upToMs)) / 3;
    fromMs = upToMs;
  }
  if (!(sum > 0)) return { meanMs: 0, cv: 0 };
  return { meanMs: sum / total, cv: cvFrom(sum / total, squares / total) };
}

function cvFrom(mean: number, square: number): number {
  return Math.sqrt(Math.max(0, square / (mean * mean) - 1));
}
