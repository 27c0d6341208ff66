/**
 * For tests: the engine against exact values. Twenty replications with fixed seeds, each without its warm-up; their mean
 * must lie within 4 standard errors of the exact value, which a right engine misses once in 15 000 times, and the
 * standard error must be small enough for that to mean something.
 */
import type { Architecture } from "./architecture.ts";
import type { Results } from "./results.ts";
import { simulate } from "./scenario.ts";

const replications = 20;

/** The results of every replication, each long enough for about this many requests at that rate. */
export function replicate(
  architecture: Architecture,
  length: { requests: number; ratePerSecond: number; warmupSeconds: number },
): Results[] {
  const warmupMs = length.warmupSeconds * 1000;
  const durationMs = warmupMs + (length.requests / length.ratePerSecond) * 1000;
  const seeds = Array.from({ length: replications }, (_, index) => 1000 + index);
  return seeds.map((seed) => simulate(architecture, { seed, durationMs, warmupMs }).results());
}

/** Throws unless the mean of the runs agrees. `precision` is the largest standard error accepted, `bias` an error of the measurement itself; both relative. */
export function expectMean(
  runs: readonly Results[],
  read: (results: Results) => number,
  exact: number,
  { precision, bias = 0 }: { precision: number; bias?: number },
): void {
  const values = runs.map(read);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const standardError = Math.sqrt(variance / values.length);
  if (!(standardError < precision * exact)) {
    throw new Error(`the standard error ${standardError} is not below ${precision} of ${exact}: too few requests`);
  }
  if (!(Math.abs(mean - exact) <= 4 * standardError + bias * exact)) {
    throw new Error(`the mean ${mean} is more than 4 standard errors (${standardError}) from ${exact}`);
  }
}
