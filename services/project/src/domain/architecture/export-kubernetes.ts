import type { Architecture, Component, Link } from "./architecture.ts";
import { nearestFreeId } from "./component-ids.ts";
import { commonFindings, listed, placeholderImage, runsInContainer } from "./export-compose.ts";
import { type ExportResult, writeYaml } from "./export-weft.ts";
import type { Finding } from "./import-result.ts";
import { CALLS_ANNOTATION, COMPONENT_ANNOTATION, WORKLOADS_ANNOTATION } from "./weft-annotations.ts";

/** The API server refuses objects whose annotations are larger together. */
const MAX_ANNOTATION_CHARS = 262_144;

/**
 * Writes Kubernetes manifests: a Deployment (StatefulSet for databases and queues) with a Service for each component
 * that runs in a container, an ExternalName Service for each external system, a ConfigMap for each client. Links become
 * variables that name Services. `weft.dev/…` annotations hold the rest, so that `importKubernetes` gives back the same
 * model; its components and links come back grouped by component.
 */
export function exportKubernetes(architecture: Architecture): ExportResult {
  const names = objectNames(architecture.components);
  const documents: unknown[] = [];
  const findings = commonFindings(architecture, architecture.components.filter(runsInContainer), "annotations");
  for (const component of architecture.components) {
    const links = architecture.links.filter((link) => link.from === component.id);
    const annotations = annotationsOf(architecture, component, links);
    const size = Object.values(annotations).join("").length;
    if (size > MAX_ANNOTATION_CHARS) {
      findings.push({
        severity: "WARNING",
        message: `the annotations of ${component.id} have ${size} characters; Kubernetes accepts ${MAX_ANNOTATION_CHARS}`,
      });
    }
    const name = names.get(component.id) as string;
    if (component.kind === "client") documents.push(clientObject(name, annotations));
    else if (component.kind === "external") documents.push(externalObject(name, annotations));
    else documents.push(...workloadObjects(component, name, annotations, links, names));
  }
  findings.push(...formatFindings(architecture.components, names));
  return { content: documents.map((document) => `---\n${writeYaml(document)}`).join(""), findings };
}

type Annotations = Record<string, string>;

function annotationsOf(architecture: Architecture, component: Component, links: readonly Link[]): Annotations {
  const { instances, image, ...rest } = component;
  const shown = {
    ...rest,
    // The object itself says these two, where it is one that can.
    ...(runsInContainer(component) ? {} : { instances }),
    ...(runsInContainer(component) && image !== "" ? {} : { image }),
  };
  const calls = links.map(({ from: _from, ...link }) => link);
  const workloads = architecture.workloads
    .filter((workload) => workload.component === component.id)
    .map(({ component: _component, ...workload }) => workload);
  return {
    [COMPONENT_ANNOTATION]: JSON.stringify(shown),
    ...(calls.length === 0 ? {} : { [CALLS_ANNOTATION]: JSON.stringify(calls) }),
    ...(workloads.length === 0 ? {} : { [WORKLOADS_ANNOTATION]: JSON.stringify(workloads) }),
  };
}

function clientObject(name: string, annotations: Annotations): unknown {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, annotations } };
}

function externalObject(name: string, annotations: Annotations): unknown {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, annotations },
    spec: { type: "ExternalName", externalName: `${name}.example.invalid` },
  };
}

function workloadObjects(
  component: Component,
  name: string,
  annotations: Annotations,
  links: readonly Link[],
  names: ReadonlyMap<string, string>,
): unknown[] {
  const labels = { app: name };
  const targets = [...new Set(links.map((link) => names.get(link.to) as string))];
  const env = targets.map((target) => ({
    name: `${target.toUpperCase().replaceAll("-", "_")}_HOST`,
    value: target,
  }));
  const stateful = component.kind === "database" || component.kind === "queue";
  const container = {
    name: "main",
    image: component.image === "" ? placeholderImage(name) : component.image,
    ...(env.length === 0 ? {} : { env }),
  };
  return [
    {
      apiVersion: "apps/v1",
      kind: stateful ? "StatefulSet" : "Deployment",
      metadata: { name, labels, annotations },
      spec: {
        replicas: component.instances,
        ...(stateful ? { serviceName: name } : {}),
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
    // Headless, because a model knows no ports and any other Service needs one.
    { apiVersion: "v1", kind: "Service", metadata: { name, labels }, spec: { clusterIP: "None", selector: labels } },
  ];
}

/** Names of objects are DNS labels that start with a letter: stricter than component ids. */
function objectNames(components: readonly Component[]): Map<string, string> {
  const taken = new Set<string>();
  const names = new Map<string, string>();
  for (const { id } of components) {
    const label = id
      .replace(/[._]/g, "-")
      .replace(/^(?=[0-9])/, "c-")
      .slice(0, 60)
      .replace(/-+$/, "");
    const name = nearestFreeId(label, taken);
    taken.add(name);
    names.set(id, name);
  }
  return names;
}

function formatFindings(components: readonly Component[], names: ReadonlyMap<string, string>): Finding[] {
  const findings: Finding[] = [];
  const add = (severity: Finding["severity"], found: readonly Component[], what: string) => {
    if (found.length > 0) findings.push({ severity, message: `${listed(found)} ${what}` });
  };
  const of = (kind: Component["kind"]) => components.filter((component) => component.kind === kind);
  if (components.length === 0) {
    findings.push({ severity: "WARNING", message: "the architecture is empty, and so are its manifests" });
  }
  add("INFO", of("client"), "run in no pod; ConfigMaps hold their annotations");
  add("WARNING", of("external"), "have no address in the model; placeholders under example.invalid stand in for them");
  add("INFO", components.filter(runsInContainer), "have Services without ports, because the model has none");
  add(
    "INFO",
    components.filter(({ id }) => names.get(id) !== id),
    "have other names in Kubernetes, whose names are DNS labels; annotations keep the ids",
  );
  return findings;
}
