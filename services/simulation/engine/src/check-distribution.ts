/**
 * What is wrong with a duration, as the ends of sentences that `check-architecture.ts` begins with the place. Beside
 * mean and cv, which every duration has, only the fields that its kind reads are checked: what another kind left behind
 * does no harm.
 */
import type { Distribution, DistributionPoint } from "./architecture.ts";
import { momentsOf } from "./distribution-moments.ts";
import { defaultParetoMaximum } from "./distribution-shapes.ts";

/** `field` as in a model's issue; the message starts with it. */
interface DistributionIssue {
  readonly field: string;
  readonly message: string;
}

const kinds = ["constant", "exponential", "erlang", "gamma", "lognormal", "hyperexponential", "pareto", "empirical"];
const tailIndexRange = [0.1, 100] as const;
/** A thousand times the longest mean, a week: longer than any run. */
const longestMs = 600_000 * defaultParetoMaximum;
const maximumPoints = 1000;
const largestWeight = 1e12;

/** Everything that is wrong, empty when nothing is. `field` names the distribution, `maximumMs` is its longest mean. */
export function distributionIssues(distribution: Distribution, field: string, maximumMs: number): DistributionIssue[] {
  const issues: DistributionIssue[] = [];
  const add = (name: string, message: string) =>
    issues.push({ field: `${field}.${name}`, message: `${field}.${name} ${message}` });
  const number = (name: string, value: number, minimum: number, maximum: number) => {
    if (!(value >= minimum && value <= maximum)) add(name, `is ${value}; allowed is ${minimum} to ${maximum}`);
  };
  const { kind, meanMs, cv, tailIndex, maxMs, points } = distribution;
  if (!kinds.includes(kind)) add("kind", `is "${kind}"; allowed are ${kinds.join(", ")}`);
  if (kind === "empirical") {
    const problem = pointsProblem(points ?? []);
    if (problem !== undefined) add("points", problem);
    else number("meanMs", momentsOf(distribution).meanMs, 0, maximumMs);
    return issues;
  }
  number("meanMs", meanMs, 0, maximumMs);
  if (kind === "hyperexponential" && cv < 1) add("cv", `is ${cv}; allowed is 1 to 100 for ${kind}`);
  else if (kind === "erlang" && cv > 1) add("cv", `is ${cv}; allowed is 0 to 1 for ${kind}`);
  else number("cv", cv, 0, 100);
  if (kind !== "pareto") return issues;
  if (tailIndex !== undefined) number("tailIndex", tailIndex, ...tailIndexRange);
  if (maxMs !== undefined) {
    number("maxMs", maxMs, 0, longestMs);
    // Without a mean there is nothing to draw, and no upper end is too low.
    if (meanMs > 0 && maxMs <= meanMs) add("maxMs", `is ${maxMs}; allowed is above the mean, which is ${meanMs}`);
  }
  return issues;
}

function pointsProblem(points: readonly DistributionPoint[]): string | undefined {
  if (points.length < 1 || points.length > maximumPoints) {
    return `has ${points.length} points; allowed are 1 to ${maximumPoints}`;
  }
  let weights = 0;
  for (const [index, { upToMs, weight }] of points.entries()) {
    const before = points[index - 1]?.upToMs;
    if (!(upToMs >= 0 && upToMs <= longestMs)) {
      return `has an upToMs of ${upToMs} at ${index}; allowed is 0 to ${longestMs}`;
    }
    if (before !== undefined && upToMs <= before) {
      return `has an upToMs of ${upToMs} at ${index}; allowed is above the one before it, which is ${before}`;
    }
    if (!(weight >= 0 && weight <= largestWeight)) {
      return `has a weight of ${weight} at ${index}; allowed is 0 to ${largestWeight}`;
    }
    weights += weight;
  }
  return weights > 0 ? undefined : "has only weights of 0; allowed is at least one above 0";
}
