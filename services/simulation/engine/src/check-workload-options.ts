/** What is wrong with the fields that any kind of workload may have; those of its kind are in `workloads/check-workload.ts`. */
import type { Workload } from "./architecture.ts";
import { type NumberRules, numberIssues, type OptionIssue } from "./option-issues.ts";

const numbers: NumberRules<Workload> = {
  priority: { minimum: 0, maximum: 9, isWhole: true },
  deadlineMs: { minimum: 0, maximum: 600_000 },
  writeShare: { minimum: 0, maximum: 1 },
  workFactor: { minimum: 0, maximum: 1000 },
  sessions: { minimum: 1, maximum: 10_000_000, isWhole: true },
  sessionSkew: { minimum: 0, maximum: 5 },
};

/** Everything that is wrong, empty when nothing is. */
export function workloadOptionIssues(workload: Workload): OptionIssue[] {
  return numberIssues(workload, numbers);
}
