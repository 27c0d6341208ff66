import { MAX_COMPONENTS } from "./architecture.ts";
import { type ComposeService, readComposeService } from "./compose-service.ts";
import { type Findings, ImportError } from "./import-result.ts";
import { entryOf, mapAt, textAt } from "./located-access.ts";
import type { LocatedMap } from "./located-yaml.ts";

/**
 * The services of a compose file, each with what it extends. Throws ImportError when there is none that can be read;
 * only an export of a model without containers may have none.
 */
export function readComposeServices(root: LocatedMap, findings: Findings): ComposeService[] {
  const section = mapAt(root, "services");
  const exportedEmpty = section?.entries.size === 0 && mapAt(root, "x-weft") !== undefined;
  if (exportedEmpty) return [];
  if (section === undefined || section.entries.size === 0) {
    throw new ImportError("no services were found: a compose file has a mapping `services`", root.line);
  }
  if (section.entries.size > MAX_COMPONENTS) {
    throw new ImportError(
      `the file has ${section.entries.size} services; an architecture has at most ${MAX_COMPONENTS}`,
    );
  }
  const services: ComposeService[] = [];
  for (const { key, line, value } of section.entries.values()) {
    if (value.type === "map") {
      services.push(readComposeService(key, line, layersOf(key, value, section, findings), findings));
    } else if (value.type === "scalar" && value.value === null) {
      const empty: LocatedMap = { type: "map", entries: new Map(), line };
      services.push(readComposeService(key, line, [empty], findings));
      findings.warning(`${key} says nothing about itself; it is imported as it is`, line);
    } else findings.error(`the service ${key.slice(0, 80)} must be a mapping; it is left out`, line);
  }
  if (services.length === 0) throw new ImportError("none of the services can be read", section.line);
  return services;
}

/** The service and what it extends, farthest base first. */
function layersOf(name: string, service: LocatedMap, section: LocatedMap, findings: Findings): LocatedMap[] {
  const layers = [service];
  const seen = new Set([name]);
  for (let current = service; ; ) {
    const entry = entryOf(current, "extends");
    if (entry === undefined) return layers;
    const base = textAt(entry.value) ?? textAt(entry.value, "service");
    const file = textAt(entry.value, "file");
    if (file !== undefined || base === undefined) {
      findings.warning(
        `${name} extends a service of another file, which is not read: ${file ?? "no name"}`,
        entry.line,
      );
      return layers;
    }
    const next = mapAt(section, base);
    if (next === undefined || seen.has(base)) {
      const why = next === undefined ? "there is no such service" : "that goes in a circle";
      findings.error(`${name} extends ${base.slice(0, 80)}, but ${why}; that base is left out`, entry.line);
      return layers;
    }
    seen.add(base);
    layers.unshift(next);
    current = next;
  }
}

/** Reports what stands beside the services and is not read. */
export function reportTopLevel(root: LocatedMap, findings: Findings): void {
  const include = entryOf(root, "include");
  if (include !== undefined) {
    findings.warning(
      "include names other files, which are not read: their services are missing from the model",
      include.line,
    );
  }
  const known = ["version", "name", "services", "networks", "volumes", "configs", "secrets", "models", "include"];
  for (const { key, line } of root.entries.values()) {
    if (known.includes(key) || key.startsWith("x-")) continue;
    findings.warning(`${key.slice(0, 80)} is not a top-level key that Compose knows; it is ignored`, line);
  }
}
