/**
 * One setting over several values, each a study under the same seeds, and what each step from one value to the next changes.
 *
 * Steps are compared pair by pair, as two versions are (difference.ts): that is how it shows where a further instance stops
 * to help. A step is called worth it only where its interval excludes 0.
 */
import type { Architecture } from "../architecture.ts";
import type { ReplicationOutcome } from "../replications/run-replication.ts";
import type { Estimate, Study } from "../replications/study.ts";
import { collapseProbability } from "./collapse.ts";
import { type Cost, costOf, type Prices } from "./cost.ts";
import { differenceOf, type FigureDifference } from "./difference.ts";
import { systemFigures } from "./figures.ts";
import { type JudgedObjective, judgeObjectives } from "./judge-objectives.ts";
import type { Objective } from "./objective.ts";

export interface SweepRun {
  readonly value: string;
  readonly architecture: Architecture;
  /** In the order of their seeds, which are the same at every value. */
  readonly outcomes: readonly ReplicationOutcome[];
  /** Made of the same outcomes. */
  readonly study: Study;
}

export interface SweepPoint {
  readonly value: string;
  readonly study: Study;
  /** Compared with the value before; absent at the first. */
  readonly step?: {
    readonly throughput: FigureDifference;
    readonly mean: FigureDifference;
    readonly p99: FigureDifference;
  };
  readonly missed: readonly JudgedObjective[];
  /** Probability that a run collapses (collapse.ts). */
  readonly collapse: Estimate;
  readonly cost?: Cost;
}

export interface Sweep {
  readonly target: string;
  readonly replications: number;
  readonly points: readonly SweepPoint[];
  /** What the steps change, and the first value that meets every objective, in words. */
  readonly findings: readonly string[];
}

export interface SweepOptions {
  readonly prices?: Prices | undefined;
  readonly objectives?: readonly Objective[];
}

/** Pure. */
export function makeSweep(target: string, runs: readonly SweepRun[], options: SweepOptions = {}): Sweep {
  const points = runs.map((run, index) => sweepPoint(run, runs[index - 1], options));
  return {
    target,
    replications: runs[0]?.outcomes.length ?? 0,
    points,
    findings: [...objectiveFindings(target, points, options.objectives ?? []), ...stepFindings(target, points)],
  };
}

function sweepPoint(
  run: SweepRun,
  previous: SweepRun | undefined,
  { prices, objectives = [] }: SweepOptions,
): SweepPoint {
  const { value, study, outcomes, architecture } = run;
  return {
    value,
    study,
    ...(previous === undefined ? {} : { step: stepOf(previous, run) }),
    missed: judgeObjectives(objectives, outcomes),
    collapse: collapseProbability(outcomes),
    ...(prices === undefined ? {} : { cost: costOf(architecture, prices, study) }),
  };
}

function stepOf(before: SweepRun, after: SweepRun): NonNullable<SweepPoint["step"]> {
  const [throughput, mean, p99] = ["throughput", "mean", "p99"].map((name) => {
    const figure = systemFigures.find((one) => one.name === name) as (typeof systemFigures)[number];
    const read = ({ outcomes }: SweepRun) => outcomes.map(({ results }) => figure.read(results));
    return differenceOf(figure, read(before), read(after));
  }) as [FigureDifference, FigureDifference, FigureDifference];
  return { throughput, mean, p99 };
}

function objectiveFindings(target: string, points: readonly SweepPoint[], objectives: readonly Objective[]): string[] {
  if (objectives.length === 0) return [];
  const wanted = objectives.map(({ text }) => text).join(" and ");
  const meeting = points.filter(({ missed }) => missed.every(({ isMet: met }) => met)).map(({ value }) => value);
  if (meeting.length === 0) return [`${wanted}: no value of ${target} was shown to meet it`];
  if (meeting.length === points.length) return [`${wanted}: met at every value of ${target}`];
  return [`${wanted}: met at ${target} = ${meeting.join(", ")}`];
}

function stepFindings(target: string, points: readonly SweepPoint[]): string[] {
  return points.flatMap(({ value, step }, index) =>
    step === undefined ? [] : [`${target} ${points[index - 1]?.value} → ${value}: ${step.p99.sentence}`],
  );
}
