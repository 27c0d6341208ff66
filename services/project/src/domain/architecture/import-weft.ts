import { assembleArchitecture } from "./assemble-architecture.ts";
import { Findings, ImportError, type ImportResult } from "./import-result.ts";
import { mapAt } from "./located-access.ts";
import { type Located, type LocatedMap, readYaml } from "./located-yaml.ts";
import { readComponents, readLinks, readWorkloads } from "./weft-model.ts";

/** Fields of a project around its architecture: known, and none of an architecture's business. */
const PROJECT_FIELDS = ["weft", "id", "name", "description", "tags", "version"];
const SECTIONS = ["components", "links", "workloads"] as const;

/**
 * Reads Weft's own format, YAML or JSON: `components`, `links` and `workloads` with the fields of the architecture,
 * at the top or under `architecture`. Only id and kind of a component, from and to of a link, and component of a
 * workload are required. Bad fields count as absent and become findings with their line; throws ImportError when there
 * is no architecture in the content.
 */
export function importWeft(content: string): ImportResult {
  const findings = new Findings();
  const [root, ...others] = readYaml(content, findings);
  for (const other of others) {
    findings.warning("a Weft file is one document; this further one is ignored", other.line);
  }
  if (root?.type !== "map") {
    throw new ImportError("a Weft architecture is a mapping with components, links and workloads", root?.line);
  }
  const model = SECTIONS.some((section) => root.entries.has(section)) ? root : mapAt(root, "architecture");
  if (model === undefined || !SECTIONS.some((section) => model.entries.has(section))) {
    throw new ImportError("no components, links or workloads were found", root.line);
  }
  reportUnknown(root, [...PROJECT_FIELDS, ...SECTIONS, ...(model === root ? [] : ["architecture"])], findings);
  if (model !== root) reportUnknown(model, SECTIONS, findings);

  const componentNodes = sectionItems(model, "components", findings);
  const components = readComponents(componentNodes, "components", new Set(), findings);
  if (componentNodes.length > 0 && components.length === 0) {
    const first = findings.list()[0];
    throw new ImportError(`none of the components can be read: ${first?.message ?? ""}`, first?.line);
  }
  const links = readLinks(sectionItems(model, "links", findings), "links", new Set(), findings);
  const workloadNodes = sectionItems(model, "workloads", findings);
  const workloads = readWorkloads(workloadNodes, "workloads", components, new Set(), findings);
  return assembleArchitecture({ components, links, workloads }, findings);
}

function sectionItems(model: LocatedMap, section: string, findings: Findings): readonly Located[] {
  const entry = model.entries.get(section);
  if (entry === undefined || (entry.value.type === "scalar" && entry.value.value === null)) return [];
  if (entry.value.type === "list") return entry.value.items;
  findings.error(`${section} must be a list; it is left out`, entry.line);
  return [];
}

function reportUnknown(map: LocatedMap, known: readonly string[], findings: Findings): void {
  for (const { key, line } of map.entries.values()) {
    if (known.includes(key) || key.startsWith("x-")) continue;
    findings.warning(`${key.slice(0, 80)} is not a field that Weft knows; it is ignored`, line);
  }
}
