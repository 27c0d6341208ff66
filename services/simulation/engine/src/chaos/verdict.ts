/**
 * What became of a run that was disturbed: not disturbed at all, recovered, degraded, or metastable.
 *
 * The run is seen in steps of equal simulated time. The steps between the warm-up and the first fault are the baseline. A step
 * is out of band when its error ratio is more than `errors` above the baseline's (two standard errors allowed), when its p95 is above
 * both (1 + `latency`) times the baseline's median and 1.1 times the highest step of the baseline, or when the five steps around
 * it (and it itself) have answered well more than `goodput` less than the baseline, three standard errors of a Poisson count allowed.
 * Of five steps the majority counts (a median filter), which drops flukes and keeps edges where they are.
 *
 * - Not disturbed: no step from the first fault to `settleMs` after the last was out of band, nor more than a tenth later.
 * - Recovered: after the last fault comes a stretch of `settleMs` in band, and from its start to the end of the run nine steps
 *   in ten are. The time to recover is from the end of the last fault to the start of that stretch.
 * - Metastable (Bronson et al. 2021): the faults are over, and still, in the last third of the time since then, less than half of the
 *   baseline's goodput is left, and the work in the system does not drain: its fitted line would not reach the
 *   baseline within five times as long as was watched.
 * - Degraded: anything else, so also what still drains; a longer run would tell.
 *
 * So that "stays" means something, a run must go on for at least three times `settleMs` after its last fault
 * (`leastObservationMs`), and its baseline must have ten steps.
 */
import type { SeriesPoint } from "../replications/study.ts";
import { assessGrowth } from "../statistics/growth.ts";

/** A step: its end, and what happened in it. */
export interface ChaosPoint extends SeriesPoint {
  readonly p95Ms: number;
  /** Requests in all components at its end, those included that nobody waits for any more. */
  readonly backlog: number;
}

export interface RecoveryBand {
  /** Error ratio above the baseline's; 0.05 by default. */
  readonly errors: number;
  /** Share by which the p95 may be longer; 0.5 by default. */
  readonly latency: number;
  /** Share of the goodput that may be missing; 0.1 by default. */
  readonly goodput: number;
  /** How long the system must be in band to count as recovered; 10 000 by default. */
  readonly settleMs: number;
}

export const defaultBand: RecoveryBand = { errors: 0.05, latency: 0.5, goodput: 0.1, settleMs: 10_000 };

export type VerdictName = "not_disturbed" | "recovered" | "degraded" | "metastable";

export interface Verdict {
  readonly verdict: VerdictName;
  /** Of what has recovered. */
  readonly timeToRecoverMs?: number;
  readonly baseline: { readonly goodputPerSecond: number; readonly errorRatio: number; readonly p95Ms: number };
  /** In any step from the first fault to `settleMs` after the last: highest, and of the goodput lowest. */
  readonly worst: {
    readonly errorRatio: number;
    readonly p99Ms: number;
    readonly goodputPerSecond: number;
    readonly inFlight: number;
  };
  /** Requests answered well that the baseline would have had from the first fault to the end of the run, and that are missing. */
  readonly goodputLost: number;
  /** In the last third of the time after the faults, as a share of the baseline's goodput. */
  readonly goodputAtEnd: number;
  /** Whether the work in the system was getting less at a pace that ends; only of what has not recovered. */
  readonly isDraining?: boolean;
}

export interface FaultWindow {
  readonly warmupMs: number;
  /** The first fault begins. */
  readonly fromMs: number;
  /** The last one ends. */
  readonly toMs: number;
}

export const leastBaselineSteps = 10;
const smoothedSteps = 5;
const shareInBand = 0.9;
const collapsedShare = 0.5;
const drainPatience = 5;
const observationInSettles = 3;

export function leastObservationMs({ settleMs }: RecoveryBand): number {
  return observationInSettles * settleMs;
}

/** Throws RangeError when there is no baseline. Pure. */
export function judgeRun(
  points: readonly ChaosPoint[],
  window: FaultWindow,
  band: RecoveryBand = defaultBand,
): Verdict {
  const steps = stepsOf(points);
  const before = steps.filter(({ startMs, endMs }) => startMs >= window.warmupMs && endMs <= window.fromMs);
  if (before.length === 0) throw new RangeError("points: none lies between the warm-up and the first fault");
  const baseline = baselineOf(before);
  const isOut = majority(steps.map((step, index) => isOutOfBand(step, goodAround(steps, index), baseline, band)));
  const isNear = ({ startMs, endMs }: Step) => endMs > window.fromMs && startMs < window.toMs + band.settleMs;
  const after = steps.findIndex(({ endMs }) => endMs > window.toMs);
  const first = after === -1 ? steps.length : after;
  const found = {
    baseline: { goodputPerSecond: baseline.goodPerMs * 1000, errorRatio: baseline.errorRatio, p95Ms: baseline.p95Ms },
    worst: worstOf(steps.filter(isNear)),
    goodputLost: lostOf(
      steps.filter(({ endMs }) => endMs > window.fromMs),
      baseline,
    ),
    goodputAtEnd: goodputAtEnd(steps.slice(first), baseline, band),
  };
  const felt = steps.some((step, index) => isOut[index] && isNear(step));
  if (!felt && inBandShare(isOut, first) >= shareInBand) return { verdict: "not_disturbed", ...found };
  const back = recoveredAt(steps, isOut, first, band);
  if (back !== undefined) {
    return { verdict: "recovered", timeToRecoverMs: Math.max(0, back - window.toMs), ...found };
  }
  const isDraining = drains(steps.slice(first), baseline.backlog);
  const verdict = found.goodputAtEnd < collapsedShare && !isDraining ? "metastable" : "degraded";
  return { verdict, ...found, isDraining };
}

interface Step {
  readonly startMs: number;
  readonly endMs: number;
  readonly good: number;
  readonly failed: number;
  readonly point: ChaosPoint;
}

function stepsOf(points: readonly ChaosPoint[]): Step[] {
  return points.map((point, index) => {
    const startMs = points[index - 1]?.simulatedMs ?? 0;
    const seconds = (point.simulatedMs - startMs) / 1000;
    const failed = point.failuresPerSecond * seconds;
    return { startMs, endMs: point.simulatedMs, good: point.requestsPerSecond * seconds - failed, failed, point };
  });
}

interface Baseline {
  readonly goodPerMs: number;
  readonly errorRatio: number;
  readonly p95Ms: number;
  readonly highestP95Ms: number;
  readonly backlog: number;
}

function baselineOf(steps: readonly Step[]): Baseline {
  const good = sum(steps, ({ good: count }) => count);
  const failed = sum(steps, ({ failed: count }) => count);
  const latencies = steps.map(({ point }) => point.p95Ms).filter((p95Ms) => p95Ms > 0);
  latencies.sort((a, b) => a - b);
  return {
    goodPerMs: good / sum(steps, ({ startMs, endMs }) => endMs - startMs),
    errorRatio: good + failed > 0 ? failed / (good + failed) : 0,
    p95Ms: latencies[Math.floor(latencies.length / 2)] ?? 0,
    highestP95Ms: latencies.at(-1) ?? 0,
    backlog: sum(steps, ({ point }) => point.backlog) / steps.length,
  };
}

interface Around {
  readonly good: number;
  readonly lengthMs: number;
}

function goodAround(steps: readonly Step[], index: number): Around {
  const reach = (smoothedSteps - 1) / 2;
  const near = steps.slice(Math.max(0, index - reach), index + reach + 1);
  return { good: sum(near, ({ good }) => good), lengthMs: sum(near, ({ startMs, endMs }) => endMs - startMs) };
}

function isOutOfBand(
  { startMs, endMs, good, failed, point }: Step,
  around: Around,
  baseline: Baseline,
  band: RecoveryBand,
): boolean {
  const answered = good + failed;
  if (answered > 0) {
    const allowed = 2 * Math.sqrt((baseline.errorRatio * (1 - baseline.errorRatio)) / answered);
    if (failed / answered > baseline.errorRatio + band.errors + allowed) return true;
  }
  if (point.p95Ms > Math.max((1 + band.latency) * baseline.p95Ms, 1.1 * baseline.highestP95Ms)) return true;
  // The step's own count keeps the edge where it is, which the five steps around it would move.
  if (good >= baseline.goodPerMs * (endMs - startMs) * (1 - band.goodput)) return false;
  const expected = baseline.goodPerMs * around.lengthMs;
  return around.good < expected * (1 - band.goodput) - 3 * Math.sqrt(expected);
}

function majority(isOut: readonly boolean[]): boolean[] {
  const reach = (smoothedSteps - 1) / 2;
  return isOut.map((_, index) => {
    const near = isOut.slice(Math.max(0, index - reach), index + reach + 1);
    return near.filter((out) => out).length * 2 > near.length;
  });
}

function recoveredAt(
  steps: readonly Step[],
  isOut: readonly boolean[],
  first: number,
  { settleMs }: RecoveryBand,
): number | undefined {
  for (let start = first; start < steps.length; start++) {
    const { startMs } = steps[start] as Step;
    let end = start;
    while (end < steps.length && !isOut[end] && (steps[end] as Step).endMs < startMs + settleMs) end++;
    if (end === steps.length) return undefined;
    if (!isOut[end] && inBandShare(isOut, start) >= shareInBand) return startMs;
  }
  return undefined;
}

function inBandShare(isOut: readonly boolean[], first: number): number {
  const rest = isOut.slice(first);
  return rest.length === 0 ? 1 : rest.filter((out) => !out).length / rest.length;
}

/** Of the last third, and at least `settleMs`. */
function goodputAtEnd(after: readonly Step[], { goodPerMs }: Baseline, { settleMs }: RecoveryBand): number {
  const endMs = after.at(-1)?.endMs ?? 0;
  const lengthMs = Math.max(settleMs, (endMs - (after[0]?.startMs ?? 0)) / 3);
  const last = after.filter(({ startMs }) => startMs >= endMs - lengthMs);
  const expected = goodPerMs * sum(last, (step) => step.endMs - step.startMs);
  return expected > 0 ? sum(last, ({ good }) => good) / expected : 1;
}

function drains(after: readonly Step[], baselineBacklog: number): boolean {
  const lengths = after.map(({ point }) => point.backlog);
  if (lengths.length === 0) return false;
  const last = lengths.slice(-Math.max(1, Math.ceil(lengths.length / 10)));
  const excess = last.reduce((total, length) => total + length, 0) / last.length - baselineBacklog;
  if (excess <= 0) return true;
  return -assessGrowth(lengths).slopePerSample * lengths.length * drainPatience >= excess;
}

function worstOf(near: readonly Step[]): Verdict["worst"] {
  const highest = (of: (step: Step) => number) => near.reduce((high, step) => Math.max(high, of(step)), 0);
  const perSecond = (step: Step) => (1000 * step.good) / (step.endMs - step.startMs);
  return {
    errorRatio: highest(({ good, failed }) => (good + failed > 0 ? failed / (good + failed) : 0)),
    p99Ms: highest(({ point }) => point.p99Ms),
    goodputPerSecond: near.length === 0 ? 0 : Math.max(0, Math.min(...near.map(perSecond))),
    inFlight: highest(({ point }) => point.inFlight),
  };
}

function lostOf(steps: readonly Step[], { goodPerMs }: Baseline): number {
  return sum(steps, ({ good, startMs, endMs }) => goodPerMs * (endMs - startMs) - good);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
