import type { DraftLink } from "./assemble-architecture.ts";
import { ROLE_LABEL, type RoleFacts } from "./component-role.ts";
import type { Findings } from "./import-result.ts";

/**
 * Which parts of a file a model of ordinary operation leaves out: those that run once (a seed, a migration), or only
 * when somebody asks for them (a profile).
 *
 * Kept, they would stand idle in every picture, and their calls would count as traffic. So they go, with a finding each,
 * unless something that stays calls them. What only looks like a job, by its name or because it is not started again,
 * must also be a plain service that is not published: a database that does not restart is still a database.
 */
const JOB_NAME =
  /(?:^|[-_.])(?:seed|seeder|seeding|migrate|migrator|migrations?|init|initdb|initializer|bootstrap|setup|fixtures?)(?:$|[-_.])/;

/** Ids of what is left out; each is a WARNING finding that says why, and how to keep it. */
export function findOneShotJobs(
  facts: readonly RoleFacts[],
  links: readonly DraftLink[],
  findings: Findings,
): Set<string> {
  const reasons = new Map<string, string>();
  for (const fact of facts) {
    const reason = reasonOf(fact);
    if (reason !== undefined) reasons.set(fact.component.id, reason);
  }
  keepWhatIsCalled(reasons, facts, links);
  keepTheOnlyOnes(reasons, facts);
  for (const { component, line, role } of facts) {
    const reason = reasons.get(component.id);
    if (reason === undefined) continue;
    const keep = role === "job" ? "" : `; the label ${ROLE_LABEL}: service keeps it`;
    findings.warning(`${component.id} is left out of the model: it ${reason}${keep}`, line);
  }
  return new Set(reasons.keys());
}

function reasonOf({ component, isReachable, role, endsBecause, restarts }: RoleFacts): string | undefined {
  if (role === "job") return `is a job (${ROLE_LABEL})`;
  // A load generator behind a profile is the load.
  if (role !== undefined || component.kind === "client") return undefined;
  if (endsBecause !== undefined) return endsBecause;
  if (component.kind !== "service" || isReachable || restarts === true) return undefined;
  if (JOB_NAME.test(component.id)) return "runs once, by its name";
  return restarts === false ? 'runs once (restart: "no")' : undefined;
}

/** A part that is called is there when it is called; what a job calls is not thereby called. */
function keepWhatIsCalled(
  reasons: Map<string, string>,
  facts: readonly RoleFacts[],
  links: readonly DraftLink[],
): void {
  const labelled = new Set(facts.filter(({ role }) => role === "job").map(({ component }) => component.id));
  const callees = Map.groupBy(links, ({ link }) => link.from);
  const staying = facts.map(({ component }) => component.id).filter((id) => !reasons.has(id));
  for (const id of staying) {
    for (const { link } of callees.get(id) ?? []) {
      if (!labelled.has(link.to) && reasons.delete(link.to)) staying.push(link.to);
    }
  }
}

/** A file of nothing but profiles is a system all the same; only what a label calls a job goes then. */
function keepTheOnlyOnes(reasons: Map<string, string>, facts: readonly RoleFacts[]): void {
  const serves = ({ component: { id, kind } }: RoleFacts) =>
    (kind === "service" || kind === "load_balancer") && !reasons.has(id);
  if (facts.some(serves)) return;
  for (const { component, role } of facts) if (role !== "job") reasons.delete(component.id);
}
