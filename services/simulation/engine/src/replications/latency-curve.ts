import type { LatencyBin } from "../histogram.ts";

/** Bins closer than this to the one shown before are left out: about 80 points per power of ten, finer than a screen. */
const stepRatio = 1.03;

/**
 * The share of requests up to each latency, over all replications together: ascending, ending at 1; empty without
 * requests. The share at each point is exact, whatever is left out between the points. Pure.
 */
export function latencyCurve(runs: readonly (readonly LatencyBin[])[]): { upToMs: number; share: number }[] {
  const counts = new Map<number, number>();
  let total = 0;
  for (const { upToMs, count } of runs.flat()) {
    counts.set(upToMs, (counts.get(upToMs) ?? 0) + count);
    total += count;
  }
  const bins = [...counts].sort(([a], [b]) => a - b);
  const curve: { upToMs: number; share: number }[] = [];
  let below = 0;
  let nextMs = 0;
  for (const [index, [upToMs, count]] of bins.entries()) {
    below += count;
    if (upToMs < nextMs && index < bins.length - 1) continue;
    curve.push({ upToMs, share: below / total });
    nextMs = upToMs * stepRatio;
  }
  return curve;
}
