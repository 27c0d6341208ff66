import { applyRoles } from "./apply-roles.ts";
import { COMPONENT_LIMITS, MAX_COMPONENTS, type PartialComponent, type PartialWorkload } from "./architecture.ts";
import { assembleArchitecture, type DraftLink } from "./assemble-architecture.ts";
import { ComponentIds } from "./component-ids.ts";
import { ROLE_LABEL, type RoleFacts, readRole } from "./component-role.ts";
import { detectKind, isLoadGenerator } from "./detect-kind.ts";
import type { Edge } from "./find-cycle.ts";
import { Findings, ImportError, type ImportResult } from "./import-result.ts";
import { KubernetesHosts } from "./kubernetes-hosts.ts";
import { type KubernetesObjects, readKubernetesObjects } from "./kubernetes-objects.ts";
import type { KubernetesWorkload } from "./kubernetes-workload.ts";
import { LinkEvidence } from "./link-evidence.ts";
import { ReferenceLinker } from "./link-references.ts";
import { textAt } from "./located-access.ts";
import { readYaml } from "./located-yaml.ts";
import {
  type AnnotatedComponent,
  readCallsAnnotation,
  readComponentAnnotation,
  readWorkloadsAnnotation,
} from "./weft-annotations.ts";
import { type EntryCandidate, guessLoad, loadGeneratorWorkload } from "./workload-guess.ts";

/**
 * Reads Kubernetes manifests as an architecture.
 *
 * Whatever runs pods becomes a component; Services, Ingresses and autoscalers only say how it is named, reached and
 * scaled. Links come from the names of Services in variables, arguments and the ConfigMaps that a pod uses. What the
 * objects cannot say takes defaults, or comes from `weft.dev/…` annotations where an export wrote them; manifests
 * without any load get a client that calls what is reachable from outside. Secrets are never read.
 */
export function importKubernetes(content: string): ImportResult {
  const findings = new Findings();
  const objects = readKubernetesObjects(readYaml(content, findings, { skipBadDocuments: true }), findings);
  const parts = readParts(objects, findings);
  if (parts.length === 0) {
    const first = findings.list().find((finding) => finding.severity === "ERROR");
    const reason = first === undefined ? "" : ` (${first.message})`;
    throw new ImportError(`nothing was found that runs pods, such as a Deployment${reason}`, first?.line);
  }
  if (parts.length > MAX_COMPONENTS) {
    throw new ImportError(
      `the manifests have ${parts.length} components; an architecture has at most ${MAX_COMPONENTS}`,
    );
  }
  const ids = new ComponentIds(findings);
  const { components, declared, workloads, idByPart } = declareParts(parts, ids, findings);
  for (const { workload } of parts) {
    const component = workload && components.find(({ id }) => id === idByPart.get(workload));
    if (workload !== undefined && component !== undefined) applyScaler(objects, workload, component, findings);
  }
  const instances = new Map(components.map(({ id, instances: count }) => [id, count ?? 1]));
  const hosts = new KubernetesHosts(objects, idByPart, instances, findings);
  const evidence = new LinkEvidence();
  const linker = new ReferenceLinker((host, from) => hosts.resolve(host, from), evidence, ids, findings);
  for (const { workload } of parts) {
    const id = workload && idByPart.get(workload);
    if (workload !== undefined && id !== undefined) gatherEvidence(objects, workload, id, linker, findings);
  }
  components.push(...linker.externals);

  const candidates = candidatesOf(parts, components, idByPart, hosts, objects, findings);
  const exported = parts.some(({ annotated }) => annotated !== undefined);
  const facts = exported ? [] : factsOf(parts, components, idByPart, hosts, findings);
  const links = [...declared, ...evidence.links(declared)];
  const system = applyRoles(facts, { components, links }, findings);
  for (const { workload, annotated } of parts) {
    const id = workload && idByPart.get(workload);
    const client = components.find((component) => component.id === id && component.kind === "client");
    if (workload !== undefined && client !== undefined && annotated === undefined) {
      workloads.push(loadGeneratorWorkload(client.id, workload.variables, findings));
    }
  }
  hosts.reportUnmatched();
  const kept = new Set(system.components.map(({ id }) => id));
  const entries = candidates.filter(({ id }) => kept.has(id));
  const guess = exported ? {} : { guessLoad: (calls: readonly Edge[]) => guessLoad(entries, calls, ids, findings) };
  return assembleArchitecture({ ...system, workloads, ...guess }, findings);
}

/** Something of the manifests that is a component: a workload, an ExternalName Service, or an export's ConfigMap. */
interface Part {
  name: string;
  line: number;
  workload?: KubernetesWorkload;
  object: object;
  annotated: AnnotatedComponent | undefined;
  annotations: KubernetesWorkload["annotations"];
}

function readParts(objects: KubernetesObjects, findings: Findings): Part[] {
  const parts: Part[] = [];
  for (const workload of objects.workloads) {
    const { name, line, annotations } = workload;
    const annotated = readComponentAnnotation(annotations, findings);
    parts.push({ name, line, workload, object: workload, annotated, annotations });
  }
  for (const service of objects.services) {
    if (service.externalName === undefined) continue;
    const { name, line, annotations } = service;
    const annotated = readComponentAnnotation(annotations, findings);
    parts.push({ name, line, object: service, annotated, annotations });
  }
  for (const configMap of objects.configMaps) {
    const { name, line, annotations } = configMap;
    const annotated = readComponentAnnotation(annotations, findings);
    if (annotated !== undefined) parts.push({ name, line, object: configMap, annotated, annotations });
  }
  return parts;
}

function declareParts(parts: readonly Part[], ids: ComponentIds, findings: Findings) {
  const components: PartialComponent[] = [];
  const declared: DraftLink[] = [];
  const workloads: PartialWorkload[] = [];
  const idByPart = new Map<object, string>();
  const linkIds = new Set<string>();
  const workloadIds = new Set<string>();
  for (const part of parts) {
    const id = ids.claim(part.annotated?.id ?? part.name, part.line);
    idByPart.set(part.object, id);
    const component = componentOf(part, id, findings);
    components.push(component);
    declared.push(...readCallsAnnotation(part.annotations, id, linkIds, findings));
    workloads.push(...readWorkloadsAnnotation(part.annotations, component, workloadIds, findings));
  }
  return { components, declared, workloads, idByPart };
}

function componentOf({ name, line, workload, annotated }: Part, id: string, findings: Findings): PartialComponent {
  if (workload === undefined) {
    return { name: name.slice(0, 100), ...annotated, id, kind: annotated?.kind ?? "external" };
  }
  const detected = detectKind(workload.image, name);
  const generator = annotated === undefined && isLoadGenerator(workload.image, name);
  if (annotated?.kind === undefined && !generator && detected.by === "name") {
    findings.info(`${name} is taken for a ${detected.kind} because of its name`, line);
  }
  return {
    name: name.slice(0, 100),
    image: workload.image.slice(0, 500),
    ...annotated,
    id,
    kind: annotated?.kind ?? (generator ? "client" : detected.kind),
    instances: instancesOf(name, workload.replicas, findings) ?? annotated?.instances,
  };
}

function instancesOf(name: string, replicas: KubernetesWorkload["replicas"], findings: Findings): number | undefined {
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

function applyScaler(
  objects: KubernetesObjects,
  workload: KubernetesWorkload,
  component: PartialComponent,
  findings: Findings,
): void {
  const scaler = objects.scalers.find(
    ({ kind, name, namespace }) => kind === workload.kind && name === workload.name && namespace === workload.namespace,
  );
  if (scaler === undefined) return;
  component.instances = instancesOf(workload.name, { count: scaler.minReplicas, line: scaler.line }, findings);
  findings.info(
    `${workload.name} is scaled automatically; the model has its minimum, ${component.instances}`,
    scaler.line,
  );
}

function gatherEvidence(
  objects: KubernetesObjects,
  workload: KubernetesWorkload,
  id: string,
  linker: ReferenceLinker,
  findings: Findings,
): void {
  for (const { key, value, line } of workload.variables) {
    linker.link({
      component: id,
      key,
      text: value,
      line,
      where: `environment ${key.slice(0, 100)}`,
      kind: "environment",
    });
  }
  for (const { text, line } of workload.commands) {
    linker.link({ component: id, text, line, where: "command", kind: "command" });
  }
  for (const reference of workload.configMaps) {
    const configMap = objects.configMaps.find(
      ({ name, namespace }) => name === reference.name && namespace === workload.namespace,
    );
    if (configMap === undefined) {
      findings.warning(
        `${workload.name} uses the ConfigMap ${reference.name}, which is not in the file`,
        reference.line,
      );
      continue;
    }
    for (const { key, text, line } of configMap.data) {
      if (reference.key !== undefined && reference.key !== key) continue;
      const where = `ConfigMap ${configMap.name.slice(0, 100)} key ${key.slice(0, 100)}`;
      // A key such as `nginx.conf` names a file, whose text has keys of its own.
      const isVariable = /^[A-Za-z_]\w*$/.test(key) && !text.trim().includes("\n");
      linker.link({ component: id, ...(isVariable ? { key } : {}), text, line, where, kind: "configuration" });
    }
  }
}

function candidatesOf(
  parts: readonly Part[],
  components: readonly PartialComponent[],
  idByPart: ReadonlyMap<object, string>,
  hosts: KubernetesHosts,
  objects: KubernetesObjects,
  findings: Findings,
): EntryCandidate[] {
  const published = hosts.published();
  const kinds = new Map(components.map(({ id, kind }) => [id, kind]));
  const limited = objects.workloads.filter(({ cpuLimitLine }) => cpuLimitLine !== undefined);
  if (limited.length > 0) {
    findings.info(
      `CPU limits (workloads with one: ${limited.length}, first here) are not used: concurrency is the default of the kind`,
      limited[0]?.cpuLimitLine,
    );
  }
  return parts.map(({ object }) => {
    const id = idByPart.get(object) as string;
    return { id, kind: kinds.get(id) ?? "service", published: published.has(id) };
  });
}

function factsOf(
  parts: readonly Part[],
  components: readonly PartialComponent[],
  idByPart: ReadonlyMap<object, string>,
  hosts: KubernetesHosts,
  findings: Findings,
): RoleFacts[] {
  const published = hosts.published();
  const byId = new Map(components.map((component) => [component.id, component]));
  return parts.flatMap(({ workload, line }) => {
    const component = workload && byId.get(idByPart.get(workload) ?? "");
    if (workload === undefined || component === undefined) return [];
    const { name, kind, annotations, podLabels, job } = workload;
    return {
      component,
      line,
      isReachable: published.has(component.id) || hosts.isServed(component.id),
      labels: [...podLabels.values()],
      commands: workload.commands.map(({ text }) => text),
      role: readRole(textAt(annotations, ROLE_LABEL) ?? podLabels.get(ROLE_LABEL), name, line, findings),
      endsBecause: job ? `is a ${kind}, which ends` : undefined,
      // Pods of all other kinds are started again, whatever their name is.
      restarts: kind === "Pod" ? undefined : !job,
    };
  });
}
