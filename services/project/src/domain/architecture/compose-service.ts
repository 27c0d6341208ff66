import type { Findings } from "./import-result.ts";
import { interpolateCompose } from "./interpolate-compose.ts";
import { entriesOf, entryOf, itemsOf, listAt, mapAt, textAt, valueAt, wholeNumberFrom } from "./located-access.ts";
import type { Located, LocatedMap } from "./located-yaml.ts";

/**
 * Reads one service of a compose file into plain facts.
 *
 * A service may stand on others by `extends`; `layers` are the mappings from the farthest base to the service itself.
 * Variables and single values of later layers win, lists add up. Variables in values are replaced here, by their
 * defaults, so that nothing after this meets a `${…}`.
 */
export interface ComposeService {
  name: string;
  line: number;
  image: string;
  variables: { key: string; value: string; line: number }[];
  dependencies: { service: string; line: number; endsFirst: boolean }[];
  links: { service: string; alias: string; line: number }[];
  externalLinks: { host: string; line: number }[];
  /** Command and entrypoint, each as one text. */
  commands: { key: string; text: string; line: number }[];
  publishedLine: number | undefined;
  /** Whether it opens ports to its neighbours. */
  exposes: boolean;
  replicas: { count: number; line: number } | undefined;
  profiles: string[];
  networks: string[];
  /** Other names under which the network knows it. */
  aliases: string[];
  jobMode: boolean;
  labels: ReadonlyMap<string, string>;
  /** `restart`, as written; undefined: not said, which means "no" as well, but by nobody's choice. */
  restart: string | undefined;
  cpuLimitLine: number | undefined;
  weft: LocatedMap | undefined;
}

/** More than this of one service's variables is not configuration. */
const MAX_VARIABLES = 2000;

/** Keys that Compose knows; those without effect on a model are here too, so that a misspelt one stands out. */
const KNOWN_KEYS = new Set(
  (
    "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name " +
    "cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec " +
    "depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname driver_opts entrypoint " +
    "env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init " +
    "ipc isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness " +
    "memswap_limit models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports " +
    "post_start pre_stop privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale " +
    "secrets security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits " +
    "use_api_socket user userns_mode uts volumes volumes_from working_dir"
  ).split(" "),
);

/** One service from its layers; whatever cannot be read is a finding and left out. */
export function readComposeService(
  name: string,
  line: number,
  layers: readonly LocatedMap[],
  findings: Findings,
): ComposeService {
  const text = (node: Located): string | undefined =>
    node.type === "scalar" && node.value !== null
      ? interpolateCompose(node.text, (variable) => {
          findings.warning(`\${${variable}} has no default in the file; it is read as empty`, node.line);
        })
      : undefined;
  const last = (...path: string[]): Located | undefined =>
    layers.map((layer) => valueAt(layer, ...path)).findLast((value) => value !== undefined);
  const all = (...path: string[]): Located[] =>
    layers.map((layer) => valueAt(layer, ...path)).filter((value) => value !== undefined);

  for (const layer of layers) reportKeys(name, layer, findings);
  const image = last("image");
  const service: ComposeService = {
    name,
    line,
    image: (image && text(image)) ?? "",
    variables: readVariables(name, all("environment"), text, findings),
    dependencies: all("depends_on").flatMap((node) => readDependencies(name, node, findings)),
    links: all("links").flatMap((node) => itemsOf(node).flatMap((item) => readServiceLink(item, text))),
    externalLinks: all("external_links").flatMap((node) =>
      itemsOf(node).flatMap((item) => {
        const host = text(item)?.split(":")[0];
        return host ? [{ host, line: item.line }] : [];
      }),
    ),
    commands: ["entrypoint", "command"].flatMap((key) => {
      const node = last(key);
      if (node === undefined) return [];
      const words = node.type === "list" ? node.items.map((item) => text(item) ?? "") : [text(node) ?? ""];
      return [{ key, text: words.join(" "), line: node.line }];
    }),
    publishedLine: all("ports").find((node) => itemsOf(node).length > 0)?.line,
    exposes: all("expose").some((node) => itemsOf(node).length > 0),
    replicas: readReplicas(last("scale") ?? last("deploy", "replicas"), text, name, findings),
    profiles: all("profiles").flatMap((node) => itemsOf(node).flatMap((item) => text(item) ?? [])),
    networks: all("networks").flatMap((node) =>
      node.type === "map" ? [...node.entries.keys()] : itemsOf(node).flatMap((item) => text(item) ?? []),
    ),
    aliases: readAliases(layers, text),
    jobMode: (textAt(last("deploy"), "mode") ?? "").endsWith("-job"),
    labels: readLabels([...all("labels"), ...all("deploy", "labels")], text),
    restart: textAt(last("restart")),
    cpuLimitLine: (last("deploy", "resources", "limits", "cpus") ?? last("cpus"))?.line,
    weft: mapAt(layers.at(-1), "x-weft"),
  };
  if (textAt(last("deploy"), "mode") === "global") {
    findings.info(`${name} runs once per machine; it is imported with one instance`, last("deploy")?.line);
  }
  return service;
}

function reportKeys(name: string, layer: LocatedMap, findings: Findings): void {
  for (const { key, line } of layer.entries.values()) {
    if (KNOWN_KEYS.has(key) || key.startsWith("x-")) continue;
    findings.warning(`${key.slice(0, 80)} of ${name} is not a key that Compose knows; it is ignored`, line);
  }
  const envFile = layer.entries.get("env_file");
  if (envFile !== undefined) {
    findings.warning(
      `env_file of ${name} names another file, which is not read: references in it are missing from the model`,
      envFile.line,
    );
  }
  const networkMode = textAt(layer, "network_mode");
  if (networkMode?.startsWith("service:")) {
    findings.info(
      `${name} shares the network of ${networkMode.slice(8)}; calls over localhost are not seen`,
      entryOf(layer, "network_mode")?.line,
    );
  }
}

type ReadText = (node: Located) => string | undefined;

function readVariables(
  name: string,
  nodes: readonly Located[],
  text: ReadText,
  findings: Findings,
): ComposeService["variables"] {
  const variables = new Map<string, { key: string; value: string; line: number }>();
  let omitted = 0;
  const set = (key: string, value: string | undefined, line: number) => {
    if (variables.size >= MAX_VARIABLES && !variables.has(key)) {
      omitted++;
      return;
    }
    if (value === undefined) {
      findings.info(`${key.slice(0, 100)} of ${name} comes from the shell; its value is not in the file`, line);
    }
    variables.set(key, { key, value: value ?? "", line });
  };
  for (const node of nodes) {
    if (node.type === "scalar") {
      if (node.value !== null) {
        findings.error(`environment of ${name} must be a mapping or a list; it is left out`, node.line);
      }
      continue;
    }
    for (const { key, line, value } of entriesOf(node)) set(key, text(value), line);
    for (const item of itemsOf(node)) {
      const assignment = text(item);
      if (assignment === undefined) {
        findings.error(`environment of ${name} has an item that is not NAME=value; it is left out`, item.line);
        continue;
      }
      const equals = assignment.indexOf("=");
      if (equals === -1) set(assignment, undefined, item.line);
      else set(assignment.slice(0, equals), assignment.slice(equals + 1), item.line);
    }
  }
  if (omitted > 0) {
    findings.warning(
      `${name} has more than ${MAX_VARIABLES} variables; ${omitted} of them are not read`,
      nodes.at(-1)?.line,
    );
  }
  return [...variables.values()];
}

/** A mapping, or a list of NAME=value. */
function readLabels(nodes: readonly Located[], text: ReadText): Map<string, string> {
  const labels = new Map<string, string>();
  for (const node of nodes) {
    for (const { key, value } of entriesOf(node)) labels.set(key, text(value) ?? "");
    for (const item of itemsOf(node)) {
      const [key = "", ...value] = (text(item) ?? "").split("=");
      labels.set(key, value.join("="));
    }
  }
  return labels;
}

function readDependencies(name: string, node: Located, findings: Findings): ComposeService["dependencies"] {
  if (node.type === "map") {
    return entriesOf(node).map(({ key, line, value }) => ({
      service: key,
      line,
      endsFirst: textAt(value, "condition") === "service_completed_successfully",
    }));
  }
  if (node.type === "list") {
    return node.items.flatMap((item) => {
      const service = textAt(item);
      if (service !== undefined) return [{ service, line: item.line, endsFirst: false }];
      findings.error(`depends_on of ${name} has an item that is not a service's name; it is left out`, item.line);
      return [];
    });
  }
  if (node.value !== null) findings.error(`depends_on of ${name} must be a list or mapping; it is left out`, node.line);
  return [];
}

function readServiceLink(item: Located, text: ReadText): ComposeService["links"] {
  const [service, alias] = (text(item) ?? "").split(":");
  return service ? [{ service, alias: alias || service, line: item.line }] : [];
}

function readReplicas(
  node: Located | undefined,
  text: ReadText,
  name: string,
  findings: Findings,
): ComposeService["replicas"] {
  if (node === undefined) return undefined;
  const written = text(node);
  const count = wholeNumberFrom(written);
  if (count === undefined) {
    if (written) findings.error(`the replicas of ${name} must be a whole number; one instance is imported`, node.line);
    return undefined;
  }
  return { count, line: node.line };
}

function readAliases(layers: readonly LocatedMap[], text: ReadText): string[] {
  const aliases: string[] = [];
  for (const layer of layers) {
    for (const key of ["container_name", "hostname"]) {
      const node = valueAt(layer, key);
      const alias = node && text(node);
      if (alias) aliases.push(alias);
    }
    for (const { value } of entriesOf(mapAt(layer, "networks"))) {
      for (const item of itemsOf(listAt(value, "aliases"))) aliases.push(text(item) ?? "");
    }
  }
  return aliases.filter((alias) => alias !== "");
}
