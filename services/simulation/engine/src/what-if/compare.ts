/**
 * Two versions of a system under common random numbers: the n-th replication of both has the same seed, and random streams
 * belong to components by id, so both see the same arrivals and, where they have the same components, the same work.
 * Every figure is compared pair by pair (difference.ts).
 *
 * With many figures, about one in twenty that did not change looks changed at 95 %; the system's own figures come first, and
 * components are there to explain them.
 */
import type { Architecture } from "../architecture.ts";
import type { ReplicationOutcome } from "../replications/run-replication.ts";
import type { Estimate, Study } from "../replications/study.ts";
import type { ComponentResults } from "../results.ts";
import { collapseProbability } from "./collapse.ts";
import { type Cost, costOf, type Prices } from "./cost.ts";
import { differenceOf, type FigureDifference, type FigureNames } from "./difference.ts";
import { systemFigures } from "./figures.ts";
import { missProbability, type Objective } from "./objective.ts";

export interface Version {
  readonly name: string;
  readonly architecture: Architecture;
  /** In the order of their seeds. */
  readonly outcomes: readonly ReplicationOutcome[];
  /** Made of the same outcomes. */
  readonly study: Study;
}

export interface ComponentDifference {
  readonly id: string;
  readonly name: string;
  readonly instancesBefore: number;
  readonly instancesAfter: number;
  readonly utilization: FigureDifference;
  readonly waitMean: FigureDifference;
}

export interface Chances {
  readonly before: Estimate;
  readonly after: Estimate;
}

export interface Comparison {
  readonly before: string;
  readonly after: string;
  /** Pairs. */
  readonly replications: number;
  /** Throughput, goodput, error ratio and latencies, in the order of systemFigures. */
  readonly figures: readonly FigureDifference[];
  /** Those that both versions have; clients, which hold and wait for nothing, are left out. */
  readonly components: readonly ComponentDifference[];
  readonly onlyBefore: readonly string[];
  readonly onlyAfter: readonly string[];
  /** Probability that a run misses each objective, and that it collapses (collapse.ts). */
  readonly missed: readonly (Chances & { readonly objective: string })[];
  readonly collapse: Chances;
  /** With prices. */
  readonly cost?: { readonly before: Cost; readonly after: Cost };
}

export interface ComparisonOptions {
  readonly prices?: Prices | undefined;
  readonly objectives?: readonly Objective[];
}

/** Throws RangeError unless both have the same seeds, at least one. Pure. */
export function compareVersions(before: Version, after: Version, options: ComparisonOptions = {}): Comparison {
  assertPaired(before, after);
  const { prices, objectives = [] } = options;
  const [first, second] = [before.outcomes, after.outcomes];
  const chances = (of: (outcomes: readonly ReplicationOutcome[]) => Estimate): Chances => ({
    before: of(first),
    after: of(second),
  });
  const idsBefore = idsOf(before);
  const idsAfter = idsOf(after);
  return {
    before: before.name,
    after: after.name,
    replications: first.length,
    figures: systemFigures.map((figure) =>
      differenceOf(
        figure,
        first.map(({ results }) => figure.read(results)),
        second.map(({ results }) => figure.read(results)),
      ),
    ),
    components: idsBefore.filter((id) => idsAfter.includes(id)).map((id) => componentDifference(id, first, second)),
    onlyBefore: idsBefore.filter((id) => !idsAfter.includes(id)),
    onlyAfter: idsAfter.filter((id) => !idsBefore.includes(id)),
    missed: objectives.map((objective) => ({
      objective: objective.text,
      ...chances((outcomes) => missProbability(objective, outcomes)),
    })),
    collapse: chances(collapseProbability),
    ...(prices === undefined
      ? {}
      : { cost: { before: costOfVersion(before, prices), after: costOfVersion(after, prices) } }),
  };
}

function assertPaired(before: Version, after: Version): void {
  const [first, second] = [before, after].map(({ outcomes }) => outcomes.map(({ results }) => results.seed).join());
  if (before.outcomes.length === 0) throw new RangeError("a comparison needs at least one replication of each version");
  if (first !== second)
    throw new RangeError(`the replications of "${before.name}" and "${after.name}" differ in seeds`);
}

function idsOf({ outcomes }: Version): string[] {
  const components = outcomes[0]?.results.components ?? [];
  return components.filter(({ kind }) => kind !== "client").map(({ id }) => id);
}

function componentDifference(
  id: string,
  before: readonly ReplicationOutcome[],
  after: readonly ReplicationOutcome[],
): ComponentDifference {
  const of = (outcomes: readonly ReplicationOutcome[]) =>
    outcomes.map(({ results }) => results.components.find((one) => one.id === id) as ComponentResults);
  const [first, second] = [of(before), of(after)];
  const compare = (names: FigureNames, read: (component: ComponentResults) => number) =>
    differenceOf(names, first.map(read), second.map(read));
  return {
    id,
    name: second[0]?.name ?? id,
    instancesBefore: first[0]?.instances ?? 0,
    instancesAfter: second[0]?.instances ?? 0,
    utilization: compare(
      { name: "utilization", label: `utilization of ${id}`, unit: "share" },
      (component) => component.utilization,
    ),
    waitMean: compare(
      { name: "wait", label: `mean wait at ${id}`, unit: "ms", better: "lower" },
      (component) => component.waitMeanMs,
    ),
  };
}

function costOfVersion({ architecture, study }: Version, prices: Prices): Cost {
  return costOf(architecture, prices, study);
}
