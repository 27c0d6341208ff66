/**
 * Several replications of one experiment, and what they say together: how likely each verdict is, with Wilson's interval
 * (1927), because a storm that comes in one run of seven looks like none in four; how long recovery takes; what it costs.
 *
 * Beside every disturbed run stands the undisturbed one under the same seed, so the differences are those that the faults make
 * (difference.ts). What collapses even undisturbed (collapse.ts) is not the faults' doing, and is counted apart.
 */
import type { Architecture } from "../architecture.ts";
import { averageSeries } from "../replications/average-series.ts";
import { replicationSeed } from "../replications/run-replication.ts";
import type { Estimate, SeriesPoint } from "../replications/study.ts";
import { meanInterval, quantileInterval, wilsonInterval } from "../statistics/interval.ts";
import { hasCollapsed } from "../what-if/collapse.ts";
import { differenceOf, type FigureDifference } from "../what-if/difference.ts";
import { systemFigures } from "../what-if/figures.ts";
import { isMissed, type Objective } from "../what-if/objective.ts";
import { type Fault, type FaultKind, faultEndMs, faultName } from "./fault.ts";
import type { ChaosOutcome, ChaosRun, ChaosRunOptions, DisturbedRun } from "./run-chaos.ts";
import { runChaosPair, windowOf } from "./run-chaos.ts";
import type { VerdictName } from "./verdict.ts";

export interface ChaosPlan extends Omit<ChaosRunOptions, "seed"> {
  /** Of the first replication; the others follow it. */
  readonly seed: number;
  readonly replications: number;
  readonly hypotheses?: readonly Objective[];
}

/** A share of the runs. */
export interface VerdictChance {
  readonly verdict: VerdictName;
  readonly runs: number;
  readonly probability: Estimate;
}

export interface HypothesisResult {
  readonly objective: string;
  /** Whether it was shown to hold with the faults: the whole interval of the mean lies below the limit. */
  readonly verdict: "holds" | "fails" | "unclear";
  /** Mean over the runs that have the figure; absent when none has. */
  readonly figure?: Estimate;
  /** That one run misses it, with the faults and without. */
  readonly missed: Estimate;
  readonly missedUndisturbed: Estimate;
}

/** One replication in a line. */
export interface ChaosRunSummary {
  readonly seed: number;
  readonly verdict: VerdictName;
  readonly timeToRecoverMs?: number;
  readonly abortedAtMs?: number;
  readonly goodputLost: number;
}

/** Plain data, ready for JSON. */
export interface ChaosReport {
  readonly replications: number;
  readonly seed: number;
  readonly load: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly spans: readonly {
    readonly name: string;
    readonly kind: FaultKind;
    readonly fromMs: number;
    readonly toMs: number;
  }[];
  /** The answer in words. */
  readonly sentence: string;
  /** Of the runs that ended with each verdict; they add up to 1. */
  readonly verdicts: readonly VerdictChance[];
  /** That a run without the faults collapses. */
  readonly undisturbedCollapse: Estimate;
  /** That an abort rule ended the faults, and which rules did. */
  readonly aborted: Estimate;
  readonly abortedBy: readonly string[];
  /** Median of the runs that recovered, with the interval that order statistics give; absent when none did. */
  readonly timeToRecoverMs?: Estimate & { readonly runs: number };
  readonly worst: {
    readonly errorRatio: Estimate;
    readonly p99Ms: Estimate;
    readonly goodputPerSecond: Estimate;
    readonly inFlight: Estimate;
  };
  /** Requests answered well that the same run without the faults has more, from the first fault to the end. */
  readonly goodputLost: Estimate;
  /** From the undisturbed to the disturbed run, pair by pair. */
  readonly figures: readonly FigureDifference[];
  readonly hypotheses: readonly HypothesisResult[];
  readonly runs: readonly ChaosRunSummary[];
  readonly series: { readonly disturbed: readonly SeriesPoint[]; readonly undisturbed: readonly SeriesPoint[] };
}

export const verdictNames: readonly VerdictName[] = ["not_disturbed", "recovered", "degraded", "metastable"];

/** All replications, one after the other. Throws ModelError when something cannot be run. */
export function runChaosExperiment(architecture: Architecture, plan: ChaosPlan): ChaosReport {
  const outcomes = Array.from({ length: plan.replications }, (_, index) =>
    runChaosPair(architecture, { ...plan, seed: replicationSeed(plan.seed, index) }),
  );
  return makeChaosReport(outcomes, plan);
}

/** What outcomes say, in the order of their seeds, at least one. Pure. */
export function makeChaosReport(outcomes: readonly ChaosOutcome[], plan: ChaosPlan): ChaosReport {
  if (outcomes.length === 0) throw new RangeError("outcomes: none given; at least one is needed");
  const { faults, load, durationMs, warmupMs, seed, hypotheses = [] } = plan;
  const runs = outcomes.map((outcome) => summaryOf(outcome, faults));
  const verdicts = verdictNames.map((verdict) => {
    const count = runs.filter((run) => run.verdict === verdict).length;
    return { verdict, runs: count, probability: wilsonInterval(count, runs.length) };
  });
  const times = runs.flatMap(({ timeToRecoverMs }) => (timeToRecoverMs === undefined ? [] : [timeToRecoverMs]));
  const recovery = times.length === 0 ? undefined : { ...estimate(quantileInterval(times, 0.5)), runs: times.length };
  const stopped = outcomes.flatMap(({ disturbed: { aborted } }) => (aborted === undefined ? [] : [aborted]));
  const fell = outcomes.filter(({ undisturbed }) => isFallen(undisturbed)).length;
  const worst = outcomes.flatMap(({ disturbed: { verdict } }) => (verdict === undefined ? [] : [verdict.worst]));
  const worstOf = (of: (one: (typeof worst)[number]) => number) => fromZero(worst.length === 0 ? [0] : worst.map(of));
  return {
    replications: runs.length,
    seed,
    load,
    durationMs,
    warmupMs,
    spans: faults.map((fault) => {
      return {
        name: faultName(fault),
        kind: fault.kind,
        fromMs: fault.startMs,
        toMs: faultEndMs(fault),
      };
    }),
    sentence: sentenceOf(verdicts, recovery, runs.length),
    verdicts,
    undisturbedCollapse: wilsonInterval(fell, runs.length),
    aborted: wilsonInterval(stopped.length, runs.length),
    abortedBy: [...new Set(stopped.map(({ fault }) => fault))],
    ...(recovery === undefined ? {} : { timeToRecoverMs: recovery }),
    worst: {
      errorRatio: worstOf(({ errorRatio }) => errorRatio),
      p99Ms: worstOf(({ p99Ms }) => p99Ms),
      goodputPerSecond: worstOf(({ goodputPerSecond }) => goodputPerSecond),
      inFlight: worstOf(({ inFlight }) => inFlight),
    },
    goodputLost: estimate(meanInterval(runs.map(({ goodputLost }) => goodputLost))),
    figures: systemFigures.map((figure) => {
      const read = ({ results }: ChaosRun) => (results === undefined ? undefined : figure.read(results));
      const before = outcomes.map(({ undisturbed }) => read(undisturbed));
      return differenceOf(
        figure,
        before,
        outcomes.map(({ disturbed }) => read(disturbed)),
      );
    }),
    hypotheses: hypotheses.map((objective) => hypothesisResult(objective, outcomes)),
    runs,
    series: {
      disturbed: wholeSeries(outcomes.map(({ disturbed }) => disturbed)),
      undisturbed: wholeSeries(outcomes.map(({ undisturbed }) => undisturbed)),
    },
  };
}

/** Whether a run without faults fell by itself. */
export function isFallen({ results, series, overflowedAtMs }: ChaosRun): boolean {
  return overflowedAtMs !== undefined || (results !== undefined && hasCollapsed({ results, series }));
}

function summaryOf({ seed, disturbed, undisturbed }: ChaosOutcome, faults: readonly Fault[]): ChaosRunSummary {
  const { verdict, aborted } = disturbed;
  const fromMs = faults.length === 0 ? 0 : windowOf(faults, 0).fromMs;
  return {
    seed,
    // Without a verdict it overflowed before its first fault, or has none.
    verdict: verdict?.verdict ?? (isFallen(disturbed) ? "metastable" : "not_disturbed"),
    ...(verdict?.timeToRecoverMs === undefined ? {} : { timeToRecoverMs: verdict.timeToRecoverMs }),
    ...(aborted === undefined ? {} : { abortedAtMs: aborted.atMs }),
    goodputLost: Math.round(goodSince(undisturbed, fromMs) - goodSince(disturbed, fromMs)),
  };
}

/** Answered well from a moment on. */
function goodSince({ series }: ChaosRun, fromMs: number): number {
  let good = 0;
  let beforeMs = 0;
  for (const { simulatedMs, requestsPerSecond, failuresPerSecond } of series) {
    if (simulatedMs > fromMs) good += ((requestsPerSecond - failuresPerSecond) * (simulatedMs - beforeMs)) / 1000;
    beforeMs = simulatedMs;
  }
  return good;
}

function hypothesisResult(objective: Objective, outcomes: readonly ChaosOutcome[]): HypothesisResult {
  const missing = (runs: readonly ChaosRun[]) =>
    wilsonInterval(
      runs.filter(({ results }) => results === undefined || isMissed(objective, { results })).length,
      runs.length,
    );
  const disturbed: readonly DisturbedRun[] = outcomes.map((outcome) => outcome.disturbed);
  const values = disturbed.flatMap(({ results }) => {
    const value = results === undefined ? undefined : objective.figure.read(results);
    return value === undefined ? [] : [value];
  });
  const figure = values.length === 0 ? undefined : fromZero(values);
  const missed = missing(disturbed);
  return {
    objective: objective.text,
    verdict: verdictOn(figure, values.length < outcomes.length, objective.limit),
    ...(figure === undefined ? {} : { figure }),
    missed,
    missedUndisturbed: missing(outcomes.map(({ undisturbed }) => undisturbed)),
  };
}

/** A run without the figure has overflowed or answered nothing, which no mean of the others makes good. */
function verdictOn(figure: Estimate | undefined, isIncomplete: boolean, limit: number): HypothesisResult["verdict"] {
  if (figure === undefined || isIncomplete || figure.low >= limit) return "fails";
  return figure.high < limit ? "holds" : "unclear";
}

/** Of the runs that got to the end, since a mean over fewer and fewer would jump. */
function wholeSeries(runs: readonly ChaosRun[]): SeriesPoint[] {
  return averageSeries(runs.filter(({ overflowedAtMs }) => overflowedAtMs === undefined));
}

function sentenceOf(verdicts: readonly VerdictChance[], recovery: Estimate | undefined, runs: number): string {
  const words = {
    not_disturbed: "was not disturbed",
    recovered: "recovered",
    degraded: "stayed degraded",
    metastable: "stayed down",
  };
  const likely = [...verdicts].filter((one) => one.runs > 0).sort((a, b) => b.runs - a.runs);
  const shares = likely.map(({ verdict, runs: count }) => `${words[verdict]} in ${count}`);
  const time = recovery === undefined ? "" : `; recovery takes ${seconds(recovery.value)} in the median`;
  return `Of ${runs} ${runs === 1 ? "run" : "runs"} the system ${shares.join(", ")}${time}.`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toPrecision(3))} s`;
}

function estimate({ value, low, high }: Estimate): Estimate {
  return { value, low, high };
}

function fromZero(values: readonly number[]): Estimate {
  const { value, low, high } = meanInterval(values);
  return { value, low: Math.max(0, low), high };
}
