import { type Findings, ImportError } from "./import-result.ts";
import { type KubernetesWorkload, POD_PATHS, readKubernetesWorkload, textMap } from "./kubernetes-workload.ts";
import { entriesOf, itemsOf, listAt, mapAt, textAt, valueAt, wholeNumberFrom } from "./located-access.ts";
import type { Located, LocatedMap } from "./located-yaml.ts";

export interface KubernetesService {
  name: string;
  namespace: string;
  line: number;
  type: string;
  selector: ReadonlyMap<string, string>;
  externalName: string | undefined;
  annotations: LocatedMap | undefined;
}

export interface KubernetesConfigMap {
  name: string;
  namespace: string;
  line: number;
  data: { key: string; text: string; line: number }[];
  annotations: LocatedMap | undefined;
}

/** The objects of a manifest that mean something to a model, by what they are. */
export interface KubernetesObjects {
  workloads: KubernetesWorkload[];
  services: KubernetesService[];
  configMaps: KubernetesConfigMap[];
  /** Services that an Ingress sends people to. */
  ingressBackends: { service: string; namespace: string; line: number }[];
  scalers: { kind: string; name: string; namespace: string; minReplicas: number; line: number }[];
}

/** Kinds that change nothing in a model of calls and load. */
const KINDS_WITHOUT_MEANING = new Set(
  (
    "ServiceAccount Namespace Role RoleBinding ClusterRole ClusterRoleBinding PersistentVolume PersistentVolumeClaim " +
    "NetworkPolicy PodDisruptionBudget ResourceQuota LimitRange StorageClass PriorityClass CustomResourceDefinition " +
    "IngressClass ServiceMonitor PodMonitor PrometheusRule Certificate Issuer ClusterIssuer Event " +
    "MutatingWebhookConfiguration ValidatingWebhookConfiguration"
  ).split(" "),
);
const MAX_LIST_DEPTH = 5;

/** Sorts the documents' objects; unread kinds are reported once each, with their count and first line. */
export function readKubernetesObjects(documents: readonly Located[], findings: Findings): KubernetesObjects {
  const objects: KubernetesObjects = { workloads: [], services: [], configMaps: [], ingressBackends: [], scalers: [] };
  const unread = new Map<string, { count: number; line: number }>();
  const known = new Set<string>();
  for (const object of documents.flatMap((document) => flattenLists(document, 0))) {
    const kind = textAt(object, "kind");
    if (object.type !== "map" || kind === undefined) {
      findings.error("this document is no Kubernetes object, which has a kind; it is left out", object.line);
      continue;
    }
    const name = textAt(object, "metadata", "name");
    const namespace = textAt(object, "metadata", "namespace") ?? "default";
    const place = unread.get(kind);
    if (KINDS_WITHOUT_MEANING.has(kind)) {
      unread.set(kind, { count: (place?.count ?? 0) + 1, line: place?.line ?? object.line });
      continue;
    }
    if (name === undefined) {
      findings.error(`this ${kind.slice(0, 80)} has no name; it is left out`, object.line);
      continue;
    }
    const identity = `${kind}/${namespace}/${name}`;
    if (known.has(identity)) {
      findings.error(`${kind} ${name} appears twice in ${namespace}; this one is left out`, object.line);
      continue;
    }
    known.add(identity);
    if (!addObject(objects, object, kind, name, namespace, findings)) {
      unread.set(kind, { count: (place?.count ?? 0) + 1, line: place?.line ?? object.line });
    }
  }
  for (const [kind, { count, line }] of unread) {
    const what = `${count} ${kind.slice(0, 80)} ${count === 1 ? "object" : "objects"}`;
    if (KINDS_WITHOUT_MEANING.has(kind)) findings.info(`${what} (first here) without meaning for the model`, line);
    else findings.warning(`${what} (first here) of a kind that is not read; calls they cause are missing`, line);
  }
  return objects;
}

function flattenLists(document: Located, depth: number): Located[] {
  if (!(textAt(document, "kind") ?? "").endsWith("List") || valueAt(document, "items") === undefined) return [document];
  if (depth >= MAX_LIST_DEPTH) throw new ImportError("lists of objects are nested too deep", document.line);
  return itemsOf(listAt(document, "items")).flatMap((item) => flattenLists(item, depth + 1));
}

function addObject(
  objects: KubernetesObjects,
  object: LocatedMap,
  kind: string,
  name: string,
  namespace: string,
  findings: Findings,
): boolean {
  const { line } = object;
  const annotations = mapAt(object, "metadata", "annotations");
  if (Object.hasOwn(POD_PATHS, kind)) {
    const workload = readKubernetesWorkload(object, kind, name, namespace, findings);
    if (workload !== undefined) objects.workloads.push(workload);
    return true;
  }
  switch (kind) {
    case "Service":
      objects.services.push({
        name,
        namespace,
        line,
        type: textAt(object, "spec", "type") ?? "ClusterIP",
        selector: textMap(mapAt(object, "spec", "selector")),
        externalName: textAt(object, "spec", "externalName"),
        annotations,
      });
      return true;
    case "ConfigMap": {
      const data = entriesOf(mapAt(object, "data")).flatMap(({ key, line: keyLine, value }) =>
        value.type === "scalar" ? [{ key, text: value.text, line: keyLine }] : [],
      );
      objects.configMaps.push({ name, namespace, line, data, annotations });
      return true;
    }
    case "Secret": {
      const keys = ["data", "stringData"].flatMap((part) => entriesOf(mapAt(object, part)).map(({ key }) => key));
      findings.info(
        `Secret ${name} is neither read nor kept; its keys: ${keys.slice(0, 20).join(", ").slice(0, 500) || "none"}`,
        line,
      );
      return true;
    }
    case "Ingress": {
      const spec = mapAt(object, "spec");
      const backends = [mapAt(spec, "defaultBackend"), mapAt(spec, "backend")];
      for (const rule of itemsOf(listAt(spec, "rules"))) {
        for (const path of itemsOf(listAt(rule, "http", "paths"))) backends.push(mapAt(path, "backend"));
      }
      for (const backend of backends) {
        const service = textAt(backend, "service", "name") ?? textAt(backend, "serviceName");
        if (service !== undefined) objects.ingressBackends.push({ service, namespace, line: backend?.line ?? line });
      }
      return true;
    }
    case "HorizontalPodAutoscaler": {
      const target = mapAt(object, "spec", "scaleTargetRef");
      const minReplicas = wholeNumberFrom(textAt(object, "spec", "minReplicas")) ?? 1;
      const targetName = textAt(target, "name");
      if (targetName === undefined)
        findings.error(`HorizontalPodAutoscaler ${name} names no target; it is left out`, line);
      else {
        objects.scalers.push({
          kind: textAt(target, "kind") ?? "Deployment",
          name: targetName,
          namespace,
          minReplicas,
          line,
        });
      }
      return true;
    }
    default:
      return false;
  }
}
