import { isSidecar } from "./detect-kind.ts";
import { namesHost } from "./find-references.ts";
import type { Findings } from "./import-result.ts";
import { entriesOf, entryOf, itemsOf, listAt, mapAt, textAt, valueAt, wholeNumberFrom } from "./located-access.ts";
import type { Located, LocatedMap } from "./located-yaml.ts";

/** A value of a container's environment; what only a Secret or the cluster knows is not here. */
export interface KubernetesVariable {
  key: string;
  value: string;
  line: number;
}

/**
 * Something that runs pods, as plain facts. All containers' configuration is gathered, because calls of a sidecar are
 * calls of the pod; `image` is that of the main container, the first that is no known sidecar.
 */
export interface KubernetesWorkload {
  kind: string;
  name: string;
  namespace: string;
  line: number;
  image: string;
  replicas: { count: number; line: number } | undefined;
  podLabels: ReadonlyMap<string, string>;
  variables: KubernetesVariable[];
  /** ConfigMaps taken whole (`key` undefined) or by one key. */
  configMaps: { name: string; key: string | undefined; line: number }[];
  commands: { text: string; line: number }[];
  job: boolean;
  cpuLimitLine: number | undefined;
  annotations: LocatedMap | undefined;
}

/** Kinds that run pods, with the path to their pod's template. */
export const POD_PATHS: Record<string, readonly string[]> = {
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
  Pod: [],
};

const MAX_VARIABLES = 2000;

/** The workload of an object whose kind is in POD_PATHS; undefined, with a finding, when it has no container. */
export function readKubernetesWorkload(
  object: LocatedMap,
  kind: string,
  name: string,
  namespace: string,
  findings: Findings,
): KubernetesWorkload | undefined {
  const pod = valueAt(object, ...(POD_PATHS[kind] as readonly string[]));
  const spec = mapAt(pod, "spec");
  const containers = itemsOf(listAt(spec, "containers")).filter((container) => container.type === "map");
  if (spec === undefined || containers.length === 0) {
    findings.error(`${kind} ${name} has no container; it is left out`, object.line);
    return undefined;
  }
  const main = containers.find((container) => !isSidecarContainer(container)) ?? (containers[0] as Located);
  if (containers.length > 1) {
    const others = containers.filter((container) => container !== main).map((container) => nameOf(container));
    findings.info(
      `${kind} ${name} has ${containers.length} containers; they are one component, ${nameOf(main)} gives its image (beside it: ${others.join(", ")})`,
      object.line,
    );
  }
  const initContainers = itemsOf(listAt(spec, "initContainers"));
  if (initContainers.length > 0) {
    findings.info(
      `init containers of ${name} (${initContainers.map((container) => nameOf(container)).join(", ")}) end before it serves; their calls are not part of the model`,
      entryOf(spec, "initContainers")?.line,
    );
  }
  const jobKind = kind === "Job" || kind === "CronJob";
  return {
    kind,
    name,
    namespace,
    line: object.line,
    image: textAt(main, "image") ?? "",
    replicas: readReplicas(object, kind, name, findings),
    podLabels: textMap(mapAt(pod, "metadata", "labels")),
    variables: containers.flatMap((container) => readVariables(container, name, findings)).slice(0, MAX_VARIABLES),
    configMaps: [...containers.flatMap(configMapsOf), ...mountedConfigMaps(spec)],
    commands: containers.flatMap((container) =>
      ["command", "args"].flatMap((key) => {
        const list = listAt(container, key);
        if (list === undefined) return [];
        return [{ text: list.items.map((item) => textAt(item) ?? "").join(" "), line: list.line }];
      }),
    ),
    job: jobKind,
    cpuLimitLine: containers
      .map((container) => valueAt(container, "resources", "limits", "cpu")?.line)
      .find((line) => line !== undefined),
    annotations: mapAt(object, "metadata", "annotations"),
  };
}

/** Scalar entries of a mapping as text. */
export function textMap(map: LocatedMap | undefined): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { key, value } of entriesOf(map)) if (value.type === "scalar") texts.set(key, value.text);
  return texts;
}

function nameOf(container: Located): string {
  return (textAt(container, "name") ?? "unnamed").slice(0, 80);
}

function isSidecarContainer(container: Located): boolean {
  return isSidecar(textAt(container, "image") ?? "", textAt(container, "name") ?? "");
}

function readReplicas(
  object: LocatedMap,
  kind: string,
  name: string,
  findings: Findings,
): KubernetesWorkload["replicas"] {
  const path =
    kind === "Job"
      ? ["spec", "parallelism"]
      : kind === "CronJob"
        ? ["spec", "jobTemplate", "spec", "parallelism"]
        : ["spec", "replicas"];
  if (kind === "DaemonSet") {
    findings.info(`DaemonSet ${name} runs once per node; it is imported with one instance`, object.line);
    return undefined;
  }
  const node = kind === "Pod" ? undefined : valueAt(object, ...path);
  if (node === undefined) return undefined;
  const count = wholeNumberFrom(textAt(node));
  if (count === undefined) {
    findings.error(`${path.at(-1)} of ${kind} ${name} must be a whole number; one instance is imported`, node.line);
    return undefined;
  }
  return { count, line: node.line };
}

function readVariables(container: Located, name: string, findings: Findings): KubernetesVariable[] {
  const variables: KubernetesVariable[] = [];
  const values = new Map<string, string>();
  for (const item of itemsOf(listAt(container, "env")).slice(0, MAX_VARIABLES)) {
    const key = textAt(item, "name");
    if (key === undefined) {
      findings.error(`a variable of ${name} has no name; it is left out`, item.line);
      continue;
    }
    const secret = mapAt(item, "valueFrom", "secretKeyRef");
    if (secret !== undefined) {
      const report = namesHost(key) ? "warning" : "info";
      findings[report](
        `${key} of ${name} comes from the secret ${textAt(secret, "name") ?? "?"} (key ${textAt(secret, "key") ?? "?"}), which is not read: add a link if it names a component`,
        item.line,
      );
    }
    const written = textAt(item, "value");
    if (written === undefined) continue;
    // Kubernetes replaces $(NAME) by variables defined before.
    const value = written.replace(/\$\(([A-Za-z_]\w{0,99})\)/g, (whole, other: string) => values.get(other) ?? whole);
    values.set(key, value.slice(0, 10_000));
    variables.push({ key, value, line: valueAt(item, "value")?.line ?? item.line });
  }
  for (const source of itemsOf(listAt(container, "envFrom"))) {
    const secret = textAt(source, "secretRef", "name");
    if (secret === undefined) continue;
    findings.info(
      `${name} takes variables from the secret ${secret}, which is not read: add a link if one names a component`,
      source.line,
    );
  }
  return variables;
}

function configMapsOf(container: Located): KubernetesWorkload["configMaps"] {
  const whole = itemsOf(listAt(container, "envFrom")).map((item) => mapAt(item, "configMapRef"));
  const single = itemsOf(listAt(container, "env")).map((item) => mapAt(item, "valueFrom", "configMapKeyRef"));
  return [...whole, ...single].flatMap((reference) => {
    const name = textAt(reference, "name");
    return reference === undefined || name === undefined
      ? []
      : [{ name, key: textAt(reference, "key"), line: reference.line }];
  });
}

function mountedConfigMaps(spec: LocatedMap): KubernetesWorkload["configMaps"] {
  return itemsOf(listAt(spec, "volumes")).flatMap((volume) => {
    const name = textAt(volume, "configMap", "name");
    return name === undefined ? [] : [{ name, key: undefined, line: volume.line }];
  });
}
