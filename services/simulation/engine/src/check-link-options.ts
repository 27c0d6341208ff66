/** What is wrong with the optional fields of a link; see `option-issues.ts`. What depends on another field that is absent does no harm. */
import type { Link } from "./architecture.ts";
import { choiceIssues, longestWaitMs, type NumberRules, numberIssues, type OptionIssue } from "./option-issues.ts";

const largestSizeKb = 1_000_000;

const numbers: NumberRules<Link> = {
  hedgeAfterMs: { minimum: 0, maximum: longestWaitMs },
  maxConnections: { minimum: 0, maximum: 10_000, isWhole: true },
  connectionQueue: { minimum: 0, maximum: 1_000_000, isWhole: true },
  connectionTimeoutMs: { minimum: 0, maximum: longestWaitMs },
  lossRatio: { minimum: 0, maximum: 1 },
  retransmitMs: { minimum: 0, maximum: longestWaitMs },
  // Below a kilobit a second one small message takes minutes.
  bandwidthMbps: { minimum: 0.001, maximum: 1_000_000, orZero: true },
  requestKb: { minimum: 0, maximum: largestSizeKb },
  answerKb: { minimum: 0, maximum: largestSizeKb },
};
const breakerNumbers: NumberRules<NonNullable<Link["breaker"]>> = {
  failures: { minimum: 1, maximum: 1000, isWhole: true, isRequired: true },
  openMs: { minimum: 0, maximum: longestWaitMs, isRequired: true },
  probes: { minimum: 1, maximum: 1000, isWhole: true },
};
const budgetNumbers: NumberRules<NonNullable<Link["retryBudget"]>> = {
  ratio: { minimum: 0, maximum: 10, isRequired: true },
  burst: { minimum: 0, maximum: 1_000_000 },
};

/** Everything that is wrong, empty when nothing is. */
export function linkOptionIssues(link: Link): OptionIssue[] {
  const { retryJitter, retryBudget, breaker } = link;
  const issues = [...choiceIssues("retryJitter", retryJitter, ["full", "none"]), ...numberIssues(link, numbers)];
  if (retryBudget !== undefined) {
    issues.push(...numberIssues(retryBudget, budgetNumbers, "retryBudget."));
    issues.push(...choiceIssues("retryBudget.scope", `${retryBudget.scope}`, ["client", "tier"]));
  }
  if (breaker !== undefined) issues.push(...numberIssues(breaker, breakerNumbers, "breaker."));
  return issues;
}
