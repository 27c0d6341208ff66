import {
  type Architecture,
  MAX_COMPONENTS,
  MAX_LINKS,
  MAX_WORKLOADS,
  type PartialComponent,
  type PartialLink,
  type PartialWorkload,
} from "./architecture.ts";
import { completeArchitecture } from "./complete-architecture.ts";
import { type Edge, keepAcyclic } from "./find-cycle.ts";
import { fitOptions } from "./fit-options.ts";
import { type Findings, ImportError, type ImportResult } from "./import-result.ts";
import type { GuessedLoad } from "./workload-guess.ts";

/**
 * A link as an importer found it. `strength` orders evidence: in a cycle the weakest link goes, and among equals the
 * one found last. `because` says in words where it was found ("depends_on", "environment DB_HOST").
 */
export interface DraftLink {
  link: PartialLink;
  strength: number;
  because: string;
  line: number;
}

export interface ArchitectureDraft {
  components: readonly PartialComponent[];
  links: readonly DraftLink[];
  workloads: readonly PartialWorkload[];
  /** Asked when no client calls anything, with the calls that remain: how people come to the system. */
  guessLoad?: (calls: readonly Edge[]) => GuessedLoad | undefined;
}

/**
 * The last step of every import: refuses drafts beyond the limits, drops links that cannot be in a model (to unknown
 * components, to clients, from a component to itself, closing a cycle) and options that fit nothing, each with a finding, and fills the
 * defaults.
 * The result always passes `completeArchitecture`; a draft that cannot get there is an ImportError.
 */
export function assembleArchitecture(draft: ArchitectureDraft, findings: Findings): ImportResult {
  assertCount(draft.components.length, MAX_COMPONENTS, "components");
  assertCount(draft.links.length, MAX_LINKS, "links");
  assertCount(draft.workloads.length, MAX_WORKLOADS, "workloads");

  const usable = usableLinks(draft, findings);
  // Array.prototype.sort is stable, so equal strengths stay in the order of the file.
  const strongestFirst = [...usable].sort((a, b) => b.strength - a.strength);
  const edges = strongestFirst.map((found) => ({ from: found.link.from, to: found.link.to, found }));
  const { kept, dropped } = keepAcyclic(edges);
  for (const { edge, path } of dropped) {
    const { link, because, line } = edge.found;
    findings.warning(
      `the link ${link.from} -> ${link.to} (${because}) is left out: with ${path.join(" -> ")} it would form a cycle of calls`,
      line,
    );
  }
  const keptLinks = new Set(kept.map((edge) => edge.found));
  const links = usable.filter((found) => keptLinks.has(found)).map((found) => found.link);
  const full = draft.components.length >= MAX_COMPONENTS || links.length >= MAX_LINKS;
  const guessed = full || clientsCall(draft.components, links) ? undefined : draft.guessLoad?.(links);
  const components = draft.components.map((component) => fitOptions(component, findings));
  const { architecture, problems } = completeArchitecture({
    components: guessed === undefined ? components : [...components, guessed.client],
    links: guessed === undefined ? links : [...links, ...guessed.links],
    workloads: guessed === undefined ? draft.workloads : [...draft.workloads, guessed.workload],
  });
  const [problem] = problems;
  if (problem !== undefined) throw new ImportError(`no valid architecture: ${problem.field} ${problem.message}`);
  reportIdle(architecture, findings);
  return { architecture, findings: findings.list() };
}

/** What no load reaches stays idle in every simulation; that is easy to miss in a picture. */
function reportIdle({ components, links, workloads }: Architecture, findings: Findings): void {
  if (components.length === 0) return;
  if (workloads.length === 0) {
    findings.info("there is no workload: every component stays idle until one is added");
    return;
  }
  const targets = Map.groupBy(links, (link) => link.from);
  const reached = new Set(workloads.map((workload) => workload.component));
  for (const id of reached) for (const link of targets.get(id) ?? []) reached.add(link.to);
  const idle = components.filter(({ id }) => !reached.has(id)).map(({ id }) => id);
  if (idle.length === 0) return;
  const shown = `${idle.slice(0, 10).join(", ")}${idle.length > 10 ? ` and ${idle.length - 10} more` : ""}`;
  findings.info(`no load reaches ${shown}: nobody calls them in this model`);
}

function clientsCall(components: readonly PartialComponent[], links: readonly Edge[]): boolean {
  const clients = new Set(components.filter(({ kind }) => kind === "client").map(({ id }) => id));
  return links.some(({ from }) => clients.has(from));
}

function assertCount(count: number, max: number, what: string): void {
  if (count > max) throw new ImportError(`the content has ${count} ${what}; an architecture has at most ${max}`);
}

function usableLinks(draft: ArchitectureDraft, findings: Findings): DraftLink[] {
  const kinds = new Map(draft.components.map((component) => [component.id, component.kind]));
  return draft.links.filter(({ link, because, line }) => {
    const what = `the link ${link.from} -> ${link.to} (${because}) is left out`;
    const missing = [link.from, link.to].find((id) => !kinds.has(id));
    if (missing !== undefined) {
      findings.error(`${what}: there is no component "${missing}"`, line);
      return false;
    }
    if (link.from === link.to) {
      findings.error(`${what}: a component cannot call itself`, line);
      return false;
    }
    if (kinds.get(link.to) === "client") {
      findings.warning(`${what}: ${link.to} is a client, which originates requests and cannot be called`, line);
      return false;
    }
    return true;
  });
}
