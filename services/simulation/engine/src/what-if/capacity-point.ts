/**
 * What the replications at one load say about the objectives: met, missed, or not yet decided.
 *
 * A load meets an objective when the whole interval of the mean lies below the limit, and misses it when the whole interval
 * lies at or above. It must also stand: a run that collapsed (collapse.ts) or answered nothing may show good latencies for the
 * little it did, so a load is met only when such runs are surely (Wilson) fewer than half, and missed when surely more.
 */
import type { Estimate } from "../replications/study.ts";
import { meanInterval, wilsonInterval } from "../statistics/interval.ts";
import { collapseProbability, hasCollapsed, type JudgedRun } from "./collapse.ts";
import { missProbability, type Objective } from "./objective.ts";

export type LoadVerdict = "meets" | "misses" | "undecided";

export interface LoadPoint {
  readonly load: number;
  readonly replications: number;
  readonly verdict: LoadVerdict;
  /** A run at this load could not be finished, because more and more requests were in the system; it counts as missed. */
  readonly hasOverflowed: boolean;
  readonly throughputPerSecond: Estimate;
  /** Answered well and within the deadline of their workload. */
  readonly goodputPerSecond: Estimate;
  readonly objectives: readonly {
    readonly objective: string;
    /** Mean over the replications with its 95 % interval; absent when none has the figure. */
    readonly figure?: Estimate;
    /** That a run misses it. */
    readonly missed: Estimate;
  }[];
  readonly collapse: Estimate;
}

/** Of at least one replication, unless it overflowed. `confidence` is that of the decision; the intervals shown are of 95 %. */
export function judgeLoad(
  { load, outcomes, hasOverflowed }: { load: number; outcomes: readonly JudgedRun[]; hasOverflowed: boolean },
  objectives: readonly Objective[],
  confidence: number,
): LoadPoint {
  const figures = objectives.map((objective) => ({ objective, values: valuesOf(objective, outcomes) }));
  return {
    load,
    replications: outcomes.length,
    verdict: hasOverflowed ? "misses" : verdictOf(figures, outcomes, confidence),
    hasOverflowed,
    throughputPerSecond: rateOf(outcomes, "throughputPerSecond"),
    goodputPerSecond: rateOf(outcomes, "goodputPerSecond"),
    objectives: figures.map(({ objective, values }) => ({
      objective: objective.text,
      ...(values.length === 0 ? {} : { figure: fromZero(meanInterval(values)) }),
      missed: missProbability(objective, outcomes),
    })),
    collapse: collapseProbability(outcomes),
  };
}

function rateOf(outcomes: readonly JudgedRun[], name: "throughputPerSecond" | "goodputPerSecond"): Estimate {
  if (outcomes.length === 0) return { value: 0, low: 0, high: 0 };
  return fromZero(meanInterval(outcomes.map(({ results }) => results[name])));
}

function valuesOf({ figure }: Objective, outcomes: readonly JudgedRun[]): number[] {
  return outcomes.map(({ results }) => figure.read(results)).filter((value) => value !== undefined);
}

interface Measured {
  readonly objective: Objective;
  readonly values: readonly number[];
}

const half = 0.5;

function verdictOf(figures: readonly Measured[], outcomes: readonly JudgedRun[], confidence: number): LoadVerdict {
  const fallen = outcomes.filter((run) => run.results.completed === 0 || hasCollapsed(run)).length;
  const share = wilsonInterval(fallen, outcomes.length, confidence);
  if (share.low > half) return "misses";
  const verdicts = figures.map(({ objective, values }) => verdictOn(values, objective.limit, confidence));
  if (verdicts.includes("misses")) return "misses";
  return verdicts.includes("undecided") || share.high >= half ? "undecided" : "meets";
}

/** A single value has no interval, so it decides nothing. */
function verdictOn(values: readonly number[], limit: number, confidence: number): LoadVerdict {
  if (values.length < 2) return "undecided";
  const { low, high } = meanInterval(values, confidence);
  if (high < limit) return "meets";
  return low >= limit ? "misses" : "undecided";
}

function fromZero({ value, low, high }: Estimate): Estimate {
  return { value, low: Math.max(0, low), high };
}
