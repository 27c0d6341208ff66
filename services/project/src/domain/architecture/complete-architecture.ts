import type {
  Architecture,
  Component,
  ComponentKind,
  Distribution,
  DistributionKind,
  Link,
  PartialArchitecture,
  PartialComponent,
  PartialDistribution,
  PartialLink,
  PartialWorkload,
  Workload,
  WorkloadShape,
} from "./architecture.ts";
import { COMPONENT_KINDS, WORKLOAD_SHAPE_LIMITS } from "./architecture.ts";
import {
  COMPONENT_DEFAULTS,
  LINK_DEFAULTS,
  NATURAL_CV,
  PARETO_MAX_PER_MEAN,
  PARETO_TAIL_INDEX,
  WORKLOAD_DEFAULTS,
  WORKLOAD_SHAPE_DEFAULTS,
} from "./architecture-defaults.ts";
import type { ComponentOptions, LinkOptions, WorkloadOptions } from "./architecture-options.ts";
import { completeOptions } from "./complete-options.ts";
import { pointsMeanMs } from "./distribution-rules.ts";
import { COMPONENT_OPTIONS, LINK_OPTIONS, WORKLOAD_OPTIONS } from "./option-rules.ts";
import { type ArchitectureProblem, validateArchitecture } from "./validate-architecture.ts";

/**
 * Fills what is absent from the table of defaults, then checks everything against the limits. Absent means undefined,
 * and for names also the empty string. A given value is never changed, not even a bad one: it is kept and reported, so
 * the architecture may be used only when `problems` is empty. Options (`architecture-options.ts`) stay absent.
 */
export function completeArchitecture(partial: PartialArchitecture): {
  architecture: Architecture;
  problems: ArchitectureProblem[];
} {
  const components = (partial.components ?? []).map(completeComponent);
  const links = completeLinks(partial.links ?? []);
  const workloads = completeWorkloads(partial.workloads ?? []);
  const architecture: Architecture = { components, links, workloads };
  return { architecture, problems: validateArchitecture(architecture) };
}

/** A component with the defaults of its kind; an unknown kind takes those of a service and is reported elsewhere. */
function completeComponent(given: PartialComponent): Component {
  const kind = given.kind as ComponentKind;
  const defaults = COMPONENT_DEFAULTS[COMPONENT_KINDS.includes(kind) ? kind : "service"];
  return {
    id: given.id,
    name: given.name || given.id,
    kind,
    instances: given.instances ?? defaults.instances,
    concurrency: given.concurrency ?? defaults.concurrency,
    serviceTime: completeDistribution(given.serviceTime, defaults.serviceTime),
    queueCapacity: given.queueCapacity ?? defaults.queueCapacity,
    errorRatio: given.errorRatio ?? defaults.errorRatio,
    hitRatio: given.hitRatio ?? defaults.hitRatio,
    fanOut: (given.fanOut || defaults.fanOut) as Component["fanOut"],
    image: given.image ?? "",
    ...completeOptions<ComponentOptions>(given, COMPONENT_OPTIONS),
  };
}

function completeLinks(given: readonly PartialLink[]): Link[] {
  const taken = new Set(given.map((link) => link.id).filter((id) => id));
  return given.map((link) => {
    const id = link.id || freeId(`${link.from}->${link.to}`, taken, (base, n) => (n === 1 ? base : `${base}#${n}`));
    taken.add(id);
    return {
      id,
      from: link.from,
      to: link.to,
      latency: completeDistribution(link.latency, LINK_DEFAULTS.latency),
      timeoutMs: link.timeoutMs ?? LINK_DEFAULTS.timeoutMs,
      retries: link.retries ?? LINK_DEFAULTS.retries,
      retryBackoffMs: link.retryBackoffMs ?? LINK_DEFAULTS.retryBackoffMs,
      callsPerRequest: link.callsPerRequest ?? LINK_DEFAULTS.callsPerRequest,
      weight: link.weight ?? LINK_DEFAULTS.weight,
      asynchronous: link.asynchronous ?? LINK_DEFAULTS.asynchronous,
      ...completeOptions<LinkOptions>(link, LINK_OPTIONS),
    };
  });
}

function completeWorkloads(given: readonly PartialWorkload[]): Workload[] {
  const taken = new Set(given.map((workload) => workload.id).filter((id) => id));
  return given.map((workload) => {
    // The number must fit behind a component id of full length.
    const id = workload.id || freeId(workload.component.slice(0, 57), taken, (base, n) => `${base}-${n}`);
    taken.add(id);
    const kind = (workload.kind || WORKLOAD_DEFAULTS.kind) as Workload["kind"];
    const ratePerSecond = workload.ratePerSecond ?? WORKLOAD_DEFAULTS.ratePerSecond;
    return {
      id,
      component: workload.component,
      kind,
      ratePerSecond,
      users: workload.users ?? WORKLOAD_DEFAULTS.users,
      thinkTimeMs: workload.thinkTimeMs ?? WORKLOAD_DEFAULTS.thinkTimeMs,
      ...completeShape(workload, kind, ratePerSecond),
      ...completeOptions<WorkloadOptions>(workload, WORKLOAD_OPTIONS),
    };
  });
}

/** Only what is given or belongs to the kind becomes present, so that simple workloads stay simple in a file. */
function completeShape(given: PartialWorkload, kind: Workload["kind"], ratePerSecond: number): WorkloadShape {
  const defaults: WorkloadShape = { ...WORKLOAD_SHAPE_DEFAULTS[kind] };
  const { max } = WORKLOAD_SHAPE_LIMITS.toRatePerSecond;
  if (kind === "ramp") defaults.toRatePerSecond = Math.min(2 * ratePerSecond, max);
  const shape: WorkloadShape = {};
  for (const field of Object.keys(WORKLOAD_SHAPE_LIMITS) as (keyof typeof WORKLOAD_SHAPE_LIMITS)[]) {
    const value = given[field] ?? defaults[field];
    if (value !== undefined) shape[field] = value;
  }
  if (given.arrivalsMs !== undefined) shape.arrivalsMs = [...given.arrivalsMs];
  return shape;
}

/**
 * The cv of the default belongs to the default's kind: a kind that is given alone takes its own natural cv. The mean of an
 * empirical distribution is no choice but a result, so the points' mean replaces whatever is given.
 */
function completeDistribution(given: PartialDistribution | undefined, defaults: Distribution): Distribution {
  const kind = (given?.kind || defaults.kind) as DistributionKind;
  const naturalCv = kind === defaults.kind ? defaults.cv : (NATURAL_CV[kind] ?? 1);
  const points = (given?.points ?? []).map(({ upToMs, weight }) => ({ upToMs, weight }));
  const meanMs = kind === "empirical" ? pointsMeanMs(points) : (given?.meanMs ?? defaults.meanMs);
  const pareto = kind === "pareto" ? { tailIndex: PARETO_TAIL_INDEX, maxMs: meanMs * PARETO_MAX_PER_MEAN } : undefined;
  const tailIndex = given?.tailIndex ?? pareto?.tailIndex;
  const maxMs = given?.maxMs ?? pareto?.maxMs;
  return {
    kind,
    meanMs,
    cv: given?.cv ?? naturalCv,
    ...(tailIndex === undefined ? {} : { tailIndex }),
    ...(maxMs === undefined ? {} : { maxMs }),
    ...(points.length === 0 ? {} : { points }),
  };
}

function freeId(
  base: string,
  taken: ReadonlySet<string | undefined>,
  numbered: (base: string, n: number) => string,
): string {
  for (let n = 1; ; n++) {
    const id = numbered(base, n);
    if (!taken.has(id)) return id;
  }
}
