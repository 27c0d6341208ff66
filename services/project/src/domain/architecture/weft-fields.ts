import {
  COMPONENT_ID_PATTERN,
  CV_LIMIT,
  DISTRIBUTION_KINDS,
  type DistributionPoint,
  MAX_MS_LIMIT,
  MAX_POINTS,
  type NumberLimit,
  type PartialDistribution,
  type PartialWorkload,
  POINT_WEIGHT_LIMIT,
  TAIL_INDEX_LIMIT,
  WORKLOAD_SHAPE_LIMITS,
} from "./architecture.ts";
import { shapeProblem } from "./distribution-rules.ts";
import type { Findings } from "./import-result.ts";
import type { Located, LocatedMap } from "./located-yaml.ts";
import { numberProblem, numbersProblem } from "./value-problems.ts";
import { arrivalsProblem, workloadProblem } from "./workload-rules.ts";

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

  /** All of them or none, as in every list: what follows a hole would have another place. */
  numbers(key: string, limit: NumberLimit, most: number): number[] | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type !== "list") return this.#bad(key, node, "must be a list of numbers");
    const values = node.items.map((item) => (item.type === "scalar" ? item.value : item.type));
    const problem = numbersProblem(values, limit, most);
    return problem === undefined ? values.map((value) => (value as number) + 0) : this.#bad(key, node, problem);
  }

  boolean(key: string): boolean | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "scalar" && typeof node.value === "boolean") return node.value;
    return this.#bad(key, node, "must be true or false");
  }

  /**
   * A mapping of kind, meanMs, cv and what else the kind has, or just the mean in milliseconds. An empirical one without
   * usable points loses its kind with them, because nothing can stand in for points. For the mean of another kind a default
   * can, but who wrote a kind had a time in mind, so it is said.
   */
  distribution(key: string, mean: NumberLimit): PartialDistribution | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "scalar" && typeof node.value === "number") {
      const problem = numberProblem(node.value, mean);
      return problem === undefined ? { meanMs: node.value + 0 } : this.#bad(key, node, problem);
    }
    if (node.type !== "map") return this.#bad(key, node, "must be a mapping of kind, meanMs and cv, or a mean in ms");
    const fields = new WeftFields(node, `${this.#path}.${key}`, this.#findings);
    const distribution: PartialDistribution = {
      kind: fields.oneOf("kind", DISTRIBUTION_KINDS),
      meanMs: fields.number("meanMs", mean),
      cv: fields.number("cv", CV_LIMIT),
      tailIndex: fields.number("tailIndex", TAIL_INDEX_LIMIT),
      maxMs: fields.number("maxMs", MAX_MS_LIMIT),
      points: fields.#points("points"),
    };
    fields.reportUnknown();
    const isFromPoints = distribution.kind === "empirical" || distribution.points !== undefined;
    if (distribution.kind !== undefined && !isFromPoints && !fields.#has("meanMs")) {
      const where = `${this.#path}.${key}.meanMs`;
      this.#findings.warning(
        `${where} is missing; a default mean stands in for that of ${distribution.kind}`,
        node.line,
      );
    }
    const misfit = shapeProblem(distribution, mean);
    if (misfit === undefined) return distribution;
    const { field, problem } = misfit;
    if (distribution[field] !== undefined) fields.refuse(field, problem);
    if (field !== "points") return { ...distribution, [field]: undefined };
    fields.refuse("kind", "must come with points that can be used when it is empirical, not without");
    return { ...distribution, kind: undefined, points: undefined };
  }

  /** All of them or none: a histogram with a hole would be another one. */
  #points(key: string): DistributionPoint[] | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type !== "list" || node.items.length > MAX_POINTS) {
      return this.#bad(key, node, `must be a list of at most ${MAX_POINTS} points`);
    }
    const points: DistributionPoint[] = [];
    for (const [index, item] of node.items.entries()) {
      const path = `${this.#path}.${key}[${index}]`;
      const fields = item.type === "map" ? new WeftFields(item, path, this.#findings) : undefined;
      const upToMs = fields?.number("upToMs", MAX_MS_LIMIT);
      const weight = fields?.number("weight", POINT_WEIGHT_LIMIT);
      fields?.reportUnknown();
      if (upToMs === undefined || weight === undefined) {
        return this.#bad(key, node, `must be points with upToMs and weight, but ${index} is none`);
      }
      points.push({ upToMs, weight });
    }
    return points;
  }

  /**
   * What only some kinds of workload have. Bursts that hold more than all requests lose factor and share, and a replay
   * without usable arrivals its kind, because nothing can stand in for them.
   */
  workloadShape(): Omit<PartialWorkload, "id" | "component"> {
    const shape: Omit<PartialWorkload, "id" | "component"> = { arrivalsMs: this.#arrivals("arrivalsMs") };
    for (const field of Object.keys(WORKLOAD_SHAPE_LIMITS) as (keyof typeof WORKLOAD_SHAPE_LIMITS)[]) {
      shape[field] = this.number(field, WORKLOAD_SHAPE_LIMITS[field]);
    }
    const kind = this.#map.entries.get("kind")?.value;
    const misfit = workloadProblem({ component: "", kind: kind?.type === "scalar" ? kind.text : undefined, ...shape });
    if (misfit?.field === "burstShare" || misfit?.field === "burstFactor") {
      this.refuse(misfit.field, misfit.problem);
      return { ...shape, burstFactor: undefined, burstShare: undefined };
    }
    if (misfit?.field !== "arrivalsMs") return shape;
    this.refuse("kind", "must come with arrivals that can be used when it is replay, not without");
    return { ...shape, kind: undefined, arrivalsMs: undefined };
  }

  /** All of them or none: a record with a hole would be another one. */
  #arrivals(key: string): number[] | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type !== "list") return this.#bad(key, node, "must be a list of times in milliseconds");
    const arrivals = node.items.map((item) => (item.type === "scalar" ? item.value : item.type));
    const problem = arrivalsProblem(arrivals);
    return problem === undefined ? arrivals.map((value) => (value as number) + 0) : this.#bad(key, node, problem);
  }

  /** The fields of a mapping in this one; call its `reportUnknown` too. */
  group(key: string, fields: readonly string[]): WeftFields | undefined {
    const node = this.#take(key);
    if (node === undefined) return undefined;
    if (node.type === "map") return new WeftFields(node, `${this.#path}.${key}`, this.#findings);
    return this.#bad(key, node, `must be a mapping of ${fields.join(", ")}`);
  }

  /** Call after the last field was taken. */
  reportUnknown(alsoKnown: readonly string[] = []): void {
    for (const { key, line } of this.#map.entries.values()) {
      if (this.#known.has(key) || alsoKnown.includes(key)) continue;
      this.#findings.warning(`${this.#path}.${key.slice(0, 80)} is not a field that Weft knows; it is ignored`, line);
    }
  }

  #has(key: string): boolean {
    return this.#take(key) !== undefined;
  }

  #take(key: string): Located | undefined {
    this.#known.add(key);
    const value = this.#map.entries.get(key)?.value;
    return value?.type === "scalar" && value.value === null ? undefined : value;
  }

  /** For a value that was read and does not fit the others. */
  refuse(key: string, problem: string): undefined {
    const node = this.#map.entries.get(key)?.value;
    if (node !== undefined) this.#bad(key, node, problem);
  }

  #bad(key: string, node: Located, problem: string): undefined {
    const shown = problem.includes(", not ") || node.type !== "scalar" ? "" : `, not "${node.text.slice(0, 80)}"`;
    this.#findings.error(`${this.#path}.${key} ${problem}${shown}; it counts as absent`, node.line);
    return undefined;
  }
}
