/**
 * E[min(T, x)] of a duration, which is how a duration is put on a grid (time-grid.ts). Closed forms; Pareto is taken for a
 * lognormal of the same mean and variance.
 */
import { limitedMeanMs, tailAbove } from "../analytic/random-time.ts";
import type { Distribution, DistributionPoint } from "../architecture.ts";
import { momentsOf } from "../distribution-moments.ts";

/** A function of x in ms; the mean when x is large. */
export function limitedMeanOf(distribution: Distribution): (x: number) => number {
  const { meanMs, cv } = momentsOf(distribution);
  if (meanMs === 0) return () => 0;
  switch (distribution.kind) {
    case "constant":
      return (x) => Math.min(x, meanMs);
    case "exponential":
      return (x) => exponentialPart(meanMs, x);
    case "erlang":
    case "gamma":
      return (x) => limitedMeanMs({ meanMs, varianceMs2: (meanMs * cv) ** 2 }, x);
    case "hyperexponential": {
      // Two exponentials with balanced means (Whitt 1982), as the engine draws them.
      const share = (1 + Math.sqrt(Math.max(0, cv * cv - 1) / (cv * cv + 1))) / 2;
      const first = meanMs / (2 * share);
      const second = meanMs / (2 * (1 - share));
      return (x) => share * exponentialPart(first, x) + (1 - share) * exponentialPart(second, x);
    }
    case "empirical":
      return (x) => empiricalPart(distribution.points ?? [], x);
    case "lognormal":
    case "pareto":
      return lognormalPart(meanMs, cv);
  }
}

function exponentialPart(meanMs: number, x: number): number {
  return -meanMs * Math.expm1(-x / meanMs);
}

function lognormalPart(meanMs: number, cv: number): (x: number) => number {
  if (cv === 0) return (x) => Math.min(x, meanMs);
  const sigma = Math.sqrt(Math.log1p(cv * cv));
  const mu = Math.log(meanMs) - (sigma * sigma) / 2;
  return (x) => {
    const deviations = (Math.log(x) - mu) / sigma;
    return meanMs * normalBelow(deviations - sigma) + x * normalBelow(-deviations);
  };
}

/** The normal tail is half a gamma tail of shape 1/2. */
function normalBelow(deviations: number): number {
  const outside = tailAbove({ meanMs: 0.5, varianceMs2: 0.5 }, (deviations * deviations) / 2) / 2;
  return deviations > 0 ? 1 - outside : outside;
}

/** Uniform within each bin. */
function empiricalPart(points: readonly DistributionPoint[], x: number): number {
  let total = 0;
  let sum = 0;
  let fromMs = 0;
  for (const { upToMs, weight } of points) {
    total += weight;
    if (x >= upToMs) sum += (weight * (fromMs + upToMs)) / 2;
    else if (x <= fromMs) sum += weight * x;
    else sum += weight * (x - (x - fromMs) ** 2 / (2 * (upToMs - fromMs)));
    fromMs = upToMs;
  }
  return total === 0 ? 0 : sum / total;
}
