import {
  COMPONENT_KINDS,
  COMPONENT_LIMITS,
  FAN_OUTS,
  LATENCY_LIMIT,
  LINK_LIMITS,
  type PartialComponent,
  type PartialLink,
  type PartialWorkload,
  SERVICE_TIME_LIMIT,
  TEXT_LIMITS,
  WORKLOAD_KINDS,
  WORKLOAD_LIMITS,
} from "./architecture.ts";
import type { ComponentOptions, Given, LinkOptions, WorkloadOptions } from "./architecture-options.ts";
import type { Findings } from "./import-result.ts";
import type { Located } from "./located-yaml.ts";
import { COMPONENT_OPTIONS, LINK_OPTIONS, WORKLOAD_OPTIONS } from "./option-rules.ts";
import { readOptions } from "./read-options.ts";
import { WeftFields } from "./weft-fields.ts";

/** A component's fields but for id and kind, which stand elsewhere in some formats. */
export function readComponentFields(fields: WeftFields): Omit<PartialComponent, "id" | "kind"> {
  return {
    name: fields.text("name", 1, TEXT_LIMITS.name),
    instances: fields.number("instances", COMPONENT_LIMITS.instances),
    concurrency: fields.number("concurrency", COMPONENT_LIMITS.concurrency),
    serviceTime: fields.distribution("serviceTime", SERVICE_TIME_LIMIT),
    queueCapacity: fields.number("queueCapacity", COMPONENT_LIMITS.queueCapacity),
    errorRatio: fields.number("errorRatio", COMPONENT_LIMITS.errorRatio),
    hitRatio: fields.number("hitRatio", COMPONENT_LIMITS.hitRatio),
    fanOut: fields.oneOf("fanOut", FAN_OUTS),
    image: fields.text("image", 0, TEXT_LIMITS.image),
    ...readOptions<Given<ComponentOptions>>(fields, COMPONENT_OPTIONS),
  };
}

/** One whole component; undefined, with a finding, when it has no usable id or kind. */
export function readComponent(node: Located, path: string, findings: Findings): PartialComponent | undefined {
  if (node.type !== "map") return unreadable(node, path, "must be a mapping", findings);
  const fields = new WeftFields(node, path, findings);
  const id = fields.id("id");
  const kind = fields.oneOf("kind", COMPONENT_KINDS);
  const rest = readComponentFields(fields);
  fields.reportUnknown();
  if (id === undefined || kind === undefined) return unreadable(node, path, "needs an id and a kind", findings);
  return { id, kind, ...rest };
}

/** One link; `from` may be given by where the link stands. */
export function readLink(
  node: Located,
  path: string,
  findings: Findings,
  from?: string,
): (PartialLink & { line: number }) | undefined {
  if (node.type !== "map") return unreadable(node, path, "must be a mapping", findings);
  const fields = new WeftFields(node, path, findings);
  const source = fields.id("from") ?? from;
  const to = fields.id("to");
  const link = {
    id: fields.text("id", 1, TEXT_LIMITS.linkId),
    latency: fields.distribution("latency", LATENCY_LIMIT),
    timeoutMs: fields.number("timeoutMs", LINK_LIMITS.timeoutMs),
    retries: fields.number("retries", LINK_LIMITS.retries),
    retryBackoffMs: fields.number("retryBackoffMs", LINK_LIMITS.retryBackoffMs),
    callsPerRequest: fields.number("callsPerRequest", LINK_LIMITS.callsPerRequest),
    weight: fields.number("weight", LINK_LIMITS.weight),
    asynchronous: fields.boolean("asynchronous"),
    ...readOptions<Given<LinkOptions>>(fields, LINK_OPTIONS),
  };
  fields.reportUnknown();
  if (source === undefined || to === undefined) return unreadable(node, path, "needs from and to", findings);
  return { from: source, to, ...link, line: node.line };
}

/** One workload; `component` may be given by where the workload stands. */
export function readWorkload(
  node: Located,
  path: string,
  findings: Findings,
  component?: string,
): (PartialWorkload & { line: number }) | undefined {
  if (node.type !== "map") return unreadable(node, path, "must be a mapping", findings);
  const fields = new WeftFields(node, path, findings);
  const client = fields.id("component") ?? component;
  const workload = {
    id: fields.text("id", 1, TEXT_LIMITS.workloadId),
    kind: fields.oneOf("kind", WORKLOAD_KINDS),
    ratePerSecond: fields.number("ratePerSecond", WORKLOAD_LIMITS.ratePerSecond),
    users: fields.number("users", WORKLOAD_LIMITS.users),
    thinkTimeMs: fields.number("thinkTimeMs", WORKLOAD_LIMITS.thinkTimeMs),
    ...fields.workloadShape(),
    ...readOptions<Given<WorkloadOptions>>(fields, WORKLOAD_OPTIONS),
  };
  fields.reportUnknown();
  if (client === undefined) return unreadable(node, path, "needs the component that offers it", findings);
  return { component: client, ...workload, line: node.line };
}

function unreadable(node: Located, path: string, why: string, findings: Findings): undefined {
  findings.error(`${path} ${why}; it is left out`, node.line);
  return undefined;
}
