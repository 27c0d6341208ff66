import type { PartialComponent } from "./architecture.ts";
import type { DraftLink } from "./assemble-architecture.ts";
import { putWorkersBehindBrokers } from "./broker-consumers.ts";
import type { RoleFacts } from "./component-role.ts";
import type { Findings } from "./import-result.ts";
import { findOneShotJobs } from "./one-shot-jobs.ts";

export interface DraftSystem {
  components: PartialComponent[];
  links: DraftLink[];
}

/**
 * The system as it works, from the parts of a deployment file: without its jobs, and with its workers behind their
 * brokers. Jobs go first, since what only a job calls is called by nobody; so does an external system that only jobs
 * called. `facts` are of the components whose role is open to a guess.
 */
export function applyRoles(facts: readonly RoleFacts[], system: DraftSystem, findings: Findings): DraftSystem {
  const jobs = findOneShotJobs(facts, system.links, findings);
  const links = system.links.filter(({ link }) => !jobs.has(link.from) && !jobs.has(link.to));
  const called = new Set(links.map(({ link }) => link.to));
  const calledByJobs = new Set(system.links.filter(({ link }) => jobs.has(link.from)).map(({ link }) => link.to));
  const components = system.components.filter(
    ({ id, kind }) => !jobs.has(id) && (kind !== "external" || called.has(id) || !calledByJobs.has(id)),
  );
  const staying = facts.filter(({ component }) => !jobs.has(component.id));
  return putWorkersBehindBrokers(staying, components, links, findings);
}
