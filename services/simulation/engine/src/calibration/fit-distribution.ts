/**
 * A distribution for measured durations: a named one when the samples cannot be told from it, otherwise their own.
 *
 * Named ones have mean and cv of the samples (method of moments), so that the mean, which decides the load, is right
 * whatever the shape. Which one is the nearest says the Kolmogorov distance: the largest difference between the two
 * distribution functions. A simpler one wins unless another is nearer by a hundredth. It is taken when the distance is
 * within 1.63 / √n, what chance alone exceeds once in a hundred times (Kolmogorov 1933; Smirnov 1948), or within 2 %, which no
 * simulated quantile would show.
 */
import type { Distribution, DistributionPoint } from "../architecture.ts";
import { gammaShare, normalShare } from "./special-functions.ts";

export interface Fit {
  readonly distribution: Distribution;
  /** Of the chosen one; 0 for the samples' own. */
  readonly distance: number;
  readonly samples: number;
}

const leastForShape = 30;
const mostSamples = 100_000;
const bins = 100;
const preference = 0.01;
const negligible = 0.02;

/** Of durations of at least 0; undefined when there are none. */
export function fitDistribution(samplesMs: readonly number[]): Fit | undefined {
  if (samplesMs.length === 0) return undefined;
  const step = Math.ceil(samplesMs.length / mostSamples);
  const sorted = Float64Array.from(samplesMs.filter((_, index) => index % step === 0)).sort();
  const n = sorted.length;
  const meanMs = sum(samplesMs) / samplesMs.length;
  let squares = 0;
  for (const value of samplesMs) squares += (value - meanMs) ** 2;
  const cv = meanMs > 0 ? Math.sqrt(squares / samplesMs.length) / meanMs : 0;
  const samples = samplesMs.length;
  if (meanMs === 0 || cv < negligible)
    return { distribution: { kind: "constant", meanMs, cv: 0 }, distance: 0, samples };
  // Too few to tell shapes apart: mean and spread are all there is.
  if (n < leastForShape) return { distribution: { kind: "gamma", meanMs, cv }, distance: Number.NaN, samples };
  let best: { readonly distribution: Distribution; readonly distance: number } | undefined;
  for (const [kind, shareUpTo] of candidates(meanMs, cv)) {
    const distance = kolmogorovDistance(sorted, shareUpTo);
    if (best === undefined || distance < best.distance - preference) {
      const stages = Math.round(1 / cv ** 2);
      const kindCv = kind === "exponential" ? 1 : kind === "erlang" ? Math.sqrt(1 / stages) : cv;
      best = { distribution: { kind, meanMs, cv: kindCv }, distance };
    }
  }
  if (best !== undefined && best.distance <= Math.max(1.63 / Math.sqrt(n), negligible)) return { ...best, samples };
  return { distribution: empirical(sorted, meanMs, cv), distance: 0, samples };
}

type ShareUpTo = (ms: number) => number;

/** Simplest first. */
function candidates(meanMs: number, cv: number): readonly (readonly [Distribution["kind"], ShareUpTo])[] {
  const stages = Math.max(1, Math.round(1 / cv ** 2));
  const shape = 1 / cv ** 2;
  const sigma = Math.sqrt(Math.log(1 + cv ** 2));
  const mu = Math.log(meanMs) - sigma ** 2 / 2;
  const erlang: ShareUpTo = (ms) => gammaShare(stages, (stages * ms) / meanMs);
  return [
    ["exponential", (ms) => -Math.expm1(-ms / meanMs)],
    ...(stages > 1 && stages < 100 ? [["erlang", erlang] as const] : []),
    ["gamma", (ms) => gammaShare(shape, (shape * ms) / meanMs)],
    ["lognormal", (ms) => (ms > 0 ? normalShare((Math.log(ms) - mu) / sigma) : 0)],
  ];
}

function kolmogorovDistance(sorted: Float64Array, shareUpTo: ShareUpTo): number {
  // Beyond a few thousand the steps of the samples' function are too small to matter.
  const stride = Math.ceil(sorted.length / 5000);
  let distance = 0;
  for (let index = 0; index < sorted.length; index += stride) {
    const share = shareUpTo(sorted[index] as number);
    const [below, upTo] = [index / sorted.length, (index + 1) / sorted.length];
    distance = Math.max(distance, Math.abs(share - below), Math.abs(upTo - share));
  }
  return distance;
}

/** Bins of equal weight, the last split finer for the tail; scaled so that the mean is the samples' own. */
function empirical(sorted: Float64Array, meanMs: number, cv: number): Distribution {
  const tail = [0.992, 0.994, 0.996, 0.998, 0.999, 1];
  const shares = [...Array.from({ length: bins - 1 }, (_, index) => (index + 1) / bins), ...tail];
  const ends: { readonly upToMs: number; weight: number }[] = [{ upToMs: sorted[0] as number, weight: 0 }];
  let before = 0;
  let waiting = 0;
  for (const share of shares) {
    const upToMs = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] as number;
    waiting += share - before;
    before = share;
    const last = ends.at(-1) as DistributionPoint & { weight: number };
    if (upToMs > last.upToMs) ends.push({ upToMs, weight: waiting });
    else if (ends.length > 1) last.weight += waiting;
    else continue;
    waiting = 0;
  }
  let binned = 0;
  for (const [index, { upToMs, weight }] of ends.entries())
    binned += (weight * (upToMs + (ends[index - 1]?.upToMs ?? 0))) / 2;
  const scale = binned > 0 ? meanMs / binned : 1;
  return {
    kind: "empirical",
    meanMs,
    cv,
    points: ends.map(({ upToMs, weight }) => ({ upToMs: upToMs * scale, weight })),
  };
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
