/** What the replications of one system say of its objectives (objective.ts has the two questions), in the order given. */
import type { ReplicationOutcome } from "../replications/run-replication.ts";
import type { Estimate } from "../replications/study.ts";
import { meanInterval } from "../statistics/interval.ts";
import { missProbability, type Objective } from "./objective.ts";

export interface JudgedObjective {
  /** "p99<200ms". */
  readonly objective: string;
  /** Whether the mean over the replications meets it with 95 % confidence. */
  readonly isMet: boolean;
  /** That one run of this length misses it, with Wilson's 95 % interval. */
  readonly probability: Estimate;
}

type Outcomes = readonly Pick<ReplicationOutcome, "results">[];

/** Pure. */
export function judgeObjectives(objectives: readonly Objective[], outcomes: Outcomes): JudgedObjective[] {
  return objectives.map((objective) => ({
    objective: objective.text,
    isMet: isMet(objective, outcomes),
    probability: missProbability(objective, outcomes),
  }));
}

/** The interval's upper end is below the limit. A single run has to do without the confidence. */
function isMet({ figure, limit }: Objective, outcomes: Outcomes): boolean {
  const values = outcomes.map(({ results }) => figure.read(results)).filter((value) => value !== undefined);
  return values.length === outcomes.length && values.length > 0 && meanInterval(values).high < limit;
}
