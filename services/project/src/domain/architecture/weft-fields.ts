import {
  COMPONENT_ID_PATTERN,
  COMPONENT_KINDS,
  COMPONENT_LIMITS,
  CV_LIMIT,
  DISTRIBUTION_KINDS,
  FAN_OUTS,
  LATENCY_LIMIT,
  LINK_LIMITS,
  type NumberLimit,
  type PartialComponent,
  type PartialDistribution,
  type PartialLink,
  type PartialWorkload,
  SERVICE_TIME_LIMIT,
  TEXT_LIMITS,
  WORKLOAD_KINDS,
  WORKLOAD_LIMITS,
} from "./architecture.ts";
import type { Findings } from "./import-result.ts";
import type { Located, LocatedMap } from "./located-yaml.ts";
import { numberProblem } from "./validate-architecture.ts";

/**
 * Reads components, links and workloads written in Weft's own field names, wherever they stand: in a Weft file, under
 * `x-weft` in a compose file, in a `weft.dev/…` annotation. A field with a bad value is an ERROR finding and counts as
 * absent; a field that is not ours is a WARNING. Only the fields that nothing can stand in for make the whole entry
 * unreadable, and then the answer is undefined.
 */
export class WeftFields {
  readonly #map: LocatedMap;
  readonly #path: string;
  readonly #findings: Findings;
  readonly #known = new Set<string>();

  constructor(map: LocatedMap, path: string, findings: Findings) {
    this.#map = map;
    this.#path = path;
    this.#findings = findings;
  }

  text(key: string, min: number, max: number): string | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "scalar" && node.text.length >= min && node.text.length <= max) return node.text;
    return this.#bad(key, node, `must be a text of ${min} to ${max} characters`);
  }

  id(key: string): string | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "scalar" && COMPONENT_ID_PATTERN.test(node.text)) return node.text;
    return this.#bad(key, node, `must be a component's id (${COMPONENT_ID_PATTERN.source})`);
  }

  oneOf(key: string, allowed: readonly string[]): string | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "scalar" && allowed.includes(node.text)) return node.text;
    return this.#bad(key, node, `must be one of ${allowed.join(", ")}`);
  }

  number(key: string, limit: NumberLimit): number | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    const value = node.type === "scalar" ? node.value : Number.NaN;
    const problem = numberProblem(value, limit);
    // JSON has no -0 and no arithmetic here needs one.
    return problem === undefined ? (value as number) + 0 : this.#bad(key, node, problem);
  }

  boolean(key: string): boolean | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "scalar" && typeof node.value === "boolean") return node.value;
    return this.#bad(key, node, "must be true or false");
  }

  /** A mapping of kind, meanMs and cv, or just the mean in milliseconds. */
  distribution(key: string, mean: NumberLimit): PartialDistribution | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "scalar" && typeof node.value === "number") {
      const problem = numberProblem(node.value, mean);
      return problem === undefined ? { meanMs: node.value + 0 } : this.#bad(key, node, problem);
    }
    if (node.type !== "map") return this.#bad(key, node, "must be a mapping of kind, meanMs and cv, or a mean in ms");
    const fields = new WeftFields(node, `${this.#path}.${key}`, this.#findings);
    const distribution = {
      kind: fields.oneOf("kind", DISTRIBUTION_KINDS),
      meanMs: fields.number("meanMs", mean),
      cv: fields.number("cv", CV_LIMIT),
    };
    fields.reportUnknown();
    return distribution;
  }

  /** Call after the last field was taken. */
  reportUnknown(alsoKnown: readonly string[] = []): void {
    for (const { key, line } of this.#map.entries.values()) {
      if (this.#known.has(key) || alsoKnown.includes(key)) continue;
      this.#findings.warning(`${this.#path}.${key.slice(0, 80)} is not a field that Weft knows; it is ignored`, line);
    }
  }

  #take(key: string): Located | undefined {
    this.#known.add(key);
    const value = this.#map.entries.get(key)?.value;
    return value?.type === "scalar" && value.value === null ? undefined : value;
  }

  #bad(key: string, node: Located, problem: string): undefined {
    const shown = problem.includes(", not ") || node.type !== "scalar" ? "" : `, not "${node.text.slice(0, 80)}"`;
    this.#findings.error(`${this.#path}.${key} ${problem}${shown}; it counts as absent`, node.line);
    return undefined;
  }
}

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
  };
  fields.reportUnknown();
  if (client === undefined) return unreadable(node, path, "needs the component that offers it", findings);
  return { component: client, ...workload, line: node.line };
}

function unreadable(node: Located, path: string, why: string, findings: Findings): undefined {
  findings.error(`${path} ${why}; it is left out`, node.line);
  return undefined;
}
