import { COMPONENT_KINDS, type PartialComponent, type PartialWorkload } from "./architecture.ts";
import type { DraftLink } from "./assemble-architecture.ts";
import { Findings, ImportError } from "./import-result.ts";
import { entryOf, itemsOf } from "./located-access.ts";
import { type Located, type LocatedMap, readYaml } from "./located-yaml.ts";
import { readComponentFields } from "./weft-entries.ts";
import { WeftFields } from "./weft-fields.ts";
import { readLinks, readWorkloads } from "./weft-model.ts";

/** Annotations in which an export keeps what Kubernetes objects cannot say; the values are JSON. */
export const COMPONENT_ANNOTATION = "weft.dev/component";
export const CALLS_ANNOTATION = "weft.dev/calls";
export const WORKLOADS_ANNOTATION = "weft.dev/workloads";

/** A component, but for what its object says itself. */
export type AnnotatedComponent = Partial<PartialComponent>;

/** The component in an object's annotations; undefined when there is none. */
export function readComponentAnnotation(
  annotations: LocatedMap | undefined,
  findings: Findings,
): AnnotatedComponent | undefined {
  const node = readAnnotation(annotations, COMPONENT_ANNOTATION, findings);
  if (node === undefined) return undefined;
  if (node.type !== "map") {
    findings.error(`${COMPONENT_ANNOTATION} must be a mapping; it is ignored`, node.line);
    return undefined;
  }
  const fields = new WeftFields(node, COMPONENT_ANNOTATION, findings);
  const component = {
    id: fields.id("id"),
    kind: fields.oneOf("kind", COMPONENT_KINDS),
    ...readComponentFields(fields),
  };
  fields.reportUnknown();
  return Object.fromEntries(Object.entries(component).filter(([, value]) => value !== undefined));
}

/** Links from `from`, declared in its object's annotations. */
export function readCallsAnnotation(
  annotations: LocatedMap | undefined,
  from: string,
  takenIds: Set<string>,
  findings: Findings,
): DraftLink[] {
  const node = readAnnotation(annotations, CALLS_ANNOTATION, findings);
  return readLinks(itemsOf(node), CALLS_ANNOTATION, takenIds, findings, from);
}

/** Workloads of the client `component`, declared in its object's annotations. */
export function readWorkloadsAnnotation(
  annotations: LocatedMap | undefined,
  component: PartialComponent,
  takenIds: Set<string>,
  findings: Findings,
): PartialWorkload[] {
  const node = readAnnotation(annotations, WORKLOADS_ANNOTATION, findings);
  return readWorkloads(itemsOf(node), WORKLOADS_ANNOTATION, [component], takenIds, findings, component.id);
}

/** The annotation's own lines are not those of the file, so every node gets the line of its key. */
function readAnnotation(annotations: LocatedMap | undefined, name: string, findings: Findings): Located | undefined {
  const entry = entryOf(annotations, name);
  if (entry === undefined || entry.value.type !== "scalar") return undefined;
  try {
    const [node] = readYaml(entry.value.text, new Findings());
    return node && atLine(node, entry.line);
  } catch (error) {
    if (!(error instanceof ImportError)) throw error;
    findings.error(`${name} cannot be read and is ignored: ${error.message}`, entry.line);
    return undefined;
  }
}

function atLine(node: Located, line: number): Located {
  if (node.type === "scalar") return { ...node, line };
  if (node.type === "list") return { ...node, line, items: node.items.map((item) => atLine(item, line)) };
  const entries = [...node.entries].map(
    ([key, entry]) => [key, { ...entry, line, value: atLine(entry.value, line) }] as const,
  );
  return { ...node, line, entries: new Map(entries) };
}
