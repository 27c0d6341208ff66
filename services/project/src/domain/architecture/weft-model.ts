import type { PartialComponent, PartialWorkload } from "./architecture.ts";
import type { DraftLink } from "./assemble-architecture.ts";
import type { Findings } from "./import-result.ts";
import type { Located } from "./located-yaml.ts";
import { readComponent, readLink, readWorkload } from "./weft-entries.ts";

/** Links that somebody wrote down as links outweigh all other evidence. */
const DECLARED_STRENGTH = 10;

/** Keeps the first component of each id; later ones are ERROR findings. `taken` holds ids that exist already. */
export function readComponents(
  nodes: readonly Located[],
  path: string,
  taken: Set<string>,
  findings: Findings,
): PartialComponent[] {
  const components: PartialComponent[] = [];
  for (const [index, node] of nodes.entries()) {
    const component = readComponent(node, `${path}[${index}]`, findings);
    if (component === undefined) continue;
    if (taken.has(component.id)) {
      findings.error(`${path}[${index}].id "${component.id}" exists already; this component is left out`, node.line);
      continue;
    }
    taken.add(component.id);
    components.push(component);
  }
  return components;
}

/** Declared links in their order; an id that is taken counts as absent. Ends are checked when assembling. */
export function readLinks(
  nodes: readonly Located[],
  path: string,
  takenIds: Set<string>,
  findings: Findings,
  from?: string,
): DraftLink[] {
  const links: DraftLink[] = [];
  for (const [index, node] of nodes.entries()) {
    const read = readLink(node, `${path}[${index}]`, findings, from);
    if (read === undefined) continue;
    const { line, ...link } = read;
    if (link.id !== undefined && takenIds.has(link.id)) {
      findings.error(`${path}[${index}].id "${link.id}" exists already; it counts as absent`, line);
      link.id = undefined;
    }
    if (link.id !== undefined) takenIds.add(link.id);
    links.push({ link, strength: DECLARED_STRENGTH, because: `${path}[${index}]`, line });
  }
  return links;
}

/** Workloads of clients that exist; others are ERROR findings. */
export function readWorkloads(
  nodes: readonly Located[],
  path: string,
  components: readonly PartialComponent[],
  takenIds: Set<string>,
  findings: Findings,
  component?: string,
): PartialWorkload[] {
  const kinds = new Map(components.map(({ id, kind }) => [id, kind]));
  const workloads: PartialWorkload[] = [];
  for (const [index, node] of nodes.entries()) {
    const read = readWorkload(node, `${path}[${index}]`, findings, component);
    if (read === undefined) continue;
    const { line, ...workload } = read;
    const kind = kinds.get(workload.component);
    if (kind !== "client") {
      const what = kind === undefined ? "does not exist" : `is a ${kind}`;
      findings.error(
        `${path}[${index}].component must be a client, but "${workload.component}" ${what}; this workload is left out`,
        line,
      );
      continue;
    }
    if (workload.id !== undefined && takenIds.has(workload.id)) {
      findings.error(`${path}[${index}].id "${workload.id}" exists already; it counts as absent`, line);
      workload.id = undefined;
    }
    if (workload.id !== undefined) takenIds.add(workload.id);
    workloads.push(workload);
  }
  return workloads;
}
