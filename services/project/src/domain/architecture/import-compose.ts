import { applyRoles } from "./apply-roles.ts";
import { COMPONENT_KINDS, COMPONENT_LIMITS, type PartialComponent, type PartialWorkload } from "./architecture.ts";
import { assembleArchitecture, type DraftLink } from "./assemble-architecture.ts";
import { ComponentIds } from "./component-ids.ts";
import { ROLE_LABEL, type RoleFacts, readRole } from "./component-role.ts";
import { type NamedService, reportComposeEvidence } from "./compose-evidence.ts";
import { readComposeServices, reportTopLevel } from "./compose-file.ts";
import type { ComposeService } from "./compose-service.ts";
import { detectKind, isLoadGenerator } from "./detect-kind.ts";
import type { Edge } from "./find-cycle.ts";
import { Findings, ImportError, type ImportResult } from "./import-result.ts";
import { LinkEvidence } from "./link-evidence.ts";
import { ReferenceLinker } from "./link-references.ts";
import { itemsOf, mapAt, textAt, valueAt } from "./located-access.ts";
import { type LocatedMap, readYaml } from "./located-yaml.ts";
import { readComponentFields } from "./weft-entries.ts";
import { WeftFields } from "./weft-fields.ts";
import { readComponents, readLinks, readWorkloads } from "./weft-model.ts";
import { type EntryCandidate, guessLoad, loadGeneratorWorkload } from "./workload-guess.ts";

/**
 * Reads a compose file as an architecture.
 *
 * Every service becomes a component, its kind told by its image. Links come from `depends_on` and `links`, and from
 * the names of other services in variables, commands and entrypoints; a shared network alone is no link, only a hint in
 * a finding. Jobs are left out, and workers put behind their brokers (apply-roles.ts). What the format cannot say (service times, load) takes defaults, or comes from `x-weft` where an export
 * wrote it; a file without any load gets a client that calls what is published.
 */
export function importCompose(content: string): ImportResult {
  const findings = new Findings();
  const [root, ...others] = readYaml(content, findings);
  for (const other of others) findings.warning("only the first document is read; this one is ignored", other.line);
  if (root?.type !== "map") throw new ImportError("a compose file is a mapping with services", root?.line);
  const services = readComposeServices(root, findings);
  reportTopLevel(root, findings);

  const ids = new ComponentIds(findings);
  const named = services.map((service) => ({ service, id: ids.claim(service.name, service.line) }));
  const model = readModel(root, named, ids, findings);
  const idByService = new Map(named.map(({ service, id }) => [service.name, id]));
  const hosts = hostTable(named);
  const evidence = new LinkEvidence();
  const linker = new ReferenceLinker(
    (host) => {
      const id = hosts.get(host);
      return id === undefined ? undefined : [{ id, share: 1 }];
    },
    evidence,
    ids,
    findings,
  );
  for (const { service, id } of named) gatherEvidence(service, id, idByService, evidence, linker, findings);

  const endsFirst = new Set(services.flatMap((s) => s.dependencies.filter((d) => d.endsFirst).map((d) => d.service)));
  const workloads = [...model.workloads];
  const components: PartialComponent[] = [];
  const candidates: EntryCandidate[] = [];
  const facts: RoleFacts[] = [];
  for (const { service, id } of named) {
    const component = componentOf(service, id, findings);
    components.push(component);
    if (!model.present && service.weft === undefined) facts.push(factsOf(service, component, endsFirst, findings));
    if (component.kind === "client" && service.weft === undefined) {
      workloads.push(loadGeneratorWorkload(id, service.variables, findings));
    }
    candidates.push({
      id,
      kind: component.kind,
      published: service.publishedLine !== undefined,
    });
  }
  components.push(...model.components, ...linker.externals);
  const links = [...model.links, ...evidence.links(model.links)];
  const system = applyRoles(facts, { components, links }, findings);
  reportComposeEvidence(named, system, evidence, findings);

  const kept = new Set(system.components.map(({ id }) => id));
  const entries = candidates.filter(({ id }) => kept.has(id));
  const guess = model.present
    ? {}
    : { guessLoad: (calls: readonly Edge[]) => guessLoad(entries, calls, ids, findings) };
  return assembleArchitecture({ ...system, workloads, ...guess }, findings);
}

/** What an export left under the file's own `x-weft`: parts without a container, links with their numbers, load. */
function readModel(
  root: LocatedMap,
  named: readonly NamedService[],
  ids: ComponentIds,
  findings: Findings,
): { present: boolean; components: PartialComponent[]; links: DraftLink[]; workloads: PartialWorkload[] } {
  const weft = mapAt(root, "x-weft");
  const taken = new Set(ids.taken);
  const components = readComponents(itemsOf(valueAt(weft, "components")), "x-weft.components", taken, findings);
  for (const component of components) ids.claim(component.id);
  const links = readLinks(itemsOf(valueAt(weft, "links")), "x-weft.links", new Set(), findings);
  const clients = named
    .filter(({ service }) => textAt(service.weft, "kind") === "client")
    .map(({ id }): PartialComponent => ({ id, kind: "client" }));
  const workloads = readWorkloads(
    itemsOf(valueAt(weft, "workloads")),
    "x-weft.workloads",
    [...components, ...clients],
    new Set(),
    findings,
  );
  return { present: weft !== undefined, components, links, workloads };
}

/** Service names first: an alias never takes the name of a service away from it. */
function hostTable(named: readonly NamedService[]): Map<string, string> {
  const hosts = new Map<string, string>();
  for (const { service, id } of named) hosts.set(service.name.toLowerCase(), id);
  for (const { service, id } of named) {
    for (const alias of service.aliases) if (!hosts.has(alias.toLowerCase())) hosts.set(alias.toLowerCase(), id);
    for (const link of service.links) {
      const target = named.find((other) => other.service.name === link.service);
      const alias = link.alias.toLowerCase();
      if (target !== undefined && !hosts.has(alias)) hosts.set(alias, target.id);
    }
  }
  return hosts;
}

function gatherEvidence(
  service: ComposeService,
  id: string,
  idByService: ReadonlyMap<string, string>,
  evidence: LinkEvidence,
  linker: ReferenceLinker,
  findings: Findings,
): void {
  const { name } = service;
  const declare = (target: string, kind: "depends_on" | "links", line: number) => {
    const to = idByService.get(target);
    if (to !== undefined) evidence.add(id, to, kind, kind, line);
    else findings.error(`${kind} of ${name} names ${target.slice(0, 80)}, which is not a service of the file`, line);
  };
  for (const dependency of service.dependencies) {
    if (dependency.endsFirst) {
      findings.warning(
        `${name} starts after ${dependency.service} has ended, so it cannot call it: no link is drawn`,
        dependency.line,
      );
    } else declare(dependency.service, "depends_on", dependency.line);
  }
  for (const link of service.links) declare(link.service, "links", link.line);
  for (const { host, line } of service.externalLinks) {
    evidence.add(
      id,
      linker.external(host.toLowerCase(), line, `external_links of ${name}`),
      "links",
      "external_links",
      line,
    );
  }
  for (const { key, value, line } of service.variables) {
    linker.link({
      component: id,
      key,
      text: value,
      line,
      where: `environment ${key.slice(0, 100)}`,
      kind: "environment",
    });
  }
  for (const { key, text, line } of service.commands) {
    linker.link({ component: id, text, line, where: key, kind: "command" });
  }
}

function factsOf(
  service: ComposeService,
  component: PartialComponent,
  endsFirst: ReadonlySet<string>,
  findings: Findings,
): RoleFacts {
  const { name, line, labels, restart } = service;
  return {
    component,
    line,
    isReachable: service.publishedLine !== undefined || service.exposes || hasRoute(labels),
    labels: [...labels.values()],
    commands: service.commands.map(({ text }) => text),
    role: readRole(labels.get(ROLE_LABEL), name, line, findings),
    endsBecause: endReason(service, endsFirst),
    restarts: restart === undefined ? undefined : restart !== "no",
  };
}

/** Traefik finds its backends by their labels. */
function hasRoute(labels: ReadonlyMap<string, string>): boolean {
  return [...labels.keys()].some((key) => /^traefik\.(?:http|tcp)\.routers\./.test(key));
}

function endReason(service: ComposeService, endsFirst: ReadonlySet<string>): string | undefined {
  if (service.profiles.length > 0) return `runs only with the profile ${service.profiles.join(" or ")}`;
  if (service.jobMode) return "is a job that ends";
  return endsFirst.has(service.name) ? "ends before the services that wait for it start" : undefined;
}

function componentOf(service: ComposeService, id: string, findings: Findings): PartialComponent {
  const { name, image, line } = service;
  const fields = service.weft && new WeftFields(service.weft, `services.${name}.x-weft`, findings);
  const declaredKind = fields?.oneOf("kind", COMPONENT_KINDS);
  const own = fields && readComponentFields(fields);
  fields?.reportUnknown();
  const detected = detectKind(image, name);
  const generator = fields === undefined && isLoadGenerator(image, name);
  if (declaredKind === undefined && !generator && detected.by === "name") {
    findings.info(`${name} is taken for a ${detected.kind} because of its name`, line);
  }
  return {
    name: name.slice(0, 100),
    image: image.slice(0, 500),
    ...definedOf(own ?? {}),
    id,
    kind: declaredKind ?? (generator ? "client" : detected.kind),
    instances: instancesOf(service, findings) ?? own?.instances,
  };
}

function instancesOf({ name, replicas }: ComposeService, findings: Findings): number | undefined {
  if (replicas === undefined) return undefined;
  const { min, max } = COMPONENT_LIMITS.instances;
  const instances = Math.min(Math.max(replicas.count, min), max);
  if (instances !== replicas.count) {
    findings.warning(
      `${name} has ${replicas.count} replicas; the model has ${instances} (from ${min} to ${max})`,
      replicas.line,
    );
  }
  return instances;
}

/** Absent fields are undefined here and must not hide those before them in a spread. */
function definedOf<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
