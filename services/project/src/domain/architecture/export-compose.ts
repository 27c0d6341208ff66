import type { Architecture, Component } from "./architecture.ts";
import { type ExportResult, writeYaml } from "./export-weft.ts";
import type { Finding } from "./import-result.ts";

/**
 * Writes a compose file. Services have image, replicas and `depends_on`; everything else stands in `x-weft`, beside
 * each service and at the top (links with their numbers, load, and the clients and external systems, which run in no
 * container of ours), so that `importCompose` gives back the same model. The order of components is not kept: those
 * with containers come first.
 */
export function exportCompose(architecture: Architecture): ExportResult {
  const findings: Finding[] = [];
  const contained = architecture.components.filter(runsInContainer);
  const others = architecture.components.filter((component) => !runsInContainer(component));
  const containedIds = new Set(contained.map(({ id }) => id));
  const targets = new Map<string, Set<string>>();
  for (const { from, to } of architecture.links) {
    if (!containedIds.has(from) || !containedIds.has(to)) continue;
    const known = targets.get(from);
    if (known === undefined) targets.set(from, new Set([to]));
    else known.add(to);
  }
  const services: Record<string, unknown> = {};
  for (const component of contained) {
    const { id, instances, image, ...rest } = component;
    const dependsOn = [...(targets.get(id) ?? [])];
    services[id] = {
      // Compose replaces $NAME in values; a doubled dollar is a dollar.
      image: image === "" ? placeholderImage(id) : image.replaceAll("$", "$$$$"),
      deploy: { replicas: instances },
      ...(dependsOn.length === 0 ? {} : { depends_on: dependsOn }),
      "x-weft": image === "" ? { ...rest, image } : rest,
    };
  }
  findings.push(...commonFindings(architecture, contained, "x-weft"));
  if (others.length > 0) {
    findings.push({
      severity: "INFO",
      message: `${listed(others)} run in no container of this file; they stand under x-weft, which Compose ignores`,
    });
  }
  const weft = { components: others, links: architecture.links, workloads: architecture.workloads };
  return { content: writeYaml({ services, "x-weft": weft }), findings };
}

/** Clients are people, external systems are other people's machines. */
export function runsInContainer({ kind }: Component): boolean {
  return kind !== "client" && kind !== "external";
}

/** An image name that says that there is none; the model's own, empty, is kept beside it. */
export function placeholderImage(id: string): string {
  return `example.invalid/${id}`;
}

/** What no deployment format can say, whichever it is. */
export function commonFindings(architecture: Architecture, contained: readonly Component[], where: string): Finding[] {
  const findings: Finding[] = [];
  const withoutImage = contained.filter(({ image }) => image === "");
  if (withoutImage.length > 0) {
    findings.push({
      severity: "WARNING",
      message: `${listed(withoutImage)} have no image in the model; placeholders under example.invalid stand in for them`,
    });
  }
  findings.push({
    severity: "INFO",
    message: `service times, concurrency, queues, errors and the numbers of links stand in ${where}: the format has no place for them`,
  });
  if (architecture.workloads.length > 0) {
    findings.push({ severity: "INFO", message: `the load stands in ${where}: the format has no place for it` });
  }
  return findings;
}

export function listed(components: readonly Component[]): string {
  const ids = components.map(({ id }) => id);
  return ids.length <= 10 ? ids.join(", ") : `${ids.slice(0, 10).join(", ")} and ${ids.length - 10} more`;
}
