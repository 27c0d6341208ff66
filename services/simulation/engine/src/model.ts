/**
 * The architecture made ready to run: ids turned into indices, kinds into flags, milliseconds kept.
 *
 * A model is immutable plain data and knows nothing of a run: several simulations may share one. Whatever is refused is
 * refused here, with every issue at once, so that the engine never meets an impossible value.
 */
import type { Architecture, Balancing, Component, Distribution, KeyedCacheOptions } from "./architecture.ts";
import { orderByCalls } from "./call-order.ts";
import { checkArchitecture } from "./check-architecture.ts";
import { ModelError } from "./model-error.ts";
import { type ResolvedWorkload, resolveWorkload } from "./workloads/resolve-workload.ts";

/** A component and the links that leave it, in the order of the architecture. */
export interface ModelComponent {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly kind: Component["kind"];
  readonly isClient: boolean;
  readonly isQueue: boolean;
  readonly isCache: boolean;
  readonly isBalancer: boolean;
  readonly isParallel: boolean;
  readonly isLastInFirstOut: boolean;
  readonly shedsOldest: boolean;
  readonly holdsSlot: boolean;
  readonly balancing: Balancing;
  readonly instances: number;
  readonly concurrency: number;
  readonly queueCapacity: number;
  readonly serviceTime: Distribution;
  readonly errorRatio: number;
  /** 0 for everything but caches. */
  readonly hitRatio: number;
  /** Caches with keys, which have no fixed hit ratio. */
  readonly cache: KeyedCacheOptions | undefined;
  readonly links: readonly ModelLink[];
}

/** A link; `isAwaited` says whether the caller waits for the answer. */
export interface ModelLink {
  readonly index: number;
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly latency: Distribution;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryBackoffMs: number;
  /** Load balancers: the probability of this link. Others: the mean number of calls. */
  readonly callsPerRequest: number;
  readonly isAwaited: boolean;
}

/** A workload at load 1; `client` is the component that sends its requests. */
export interface ModelWorkload extends ResolvedWorkload {
  readonly index: number;
  readonly client: number;
}

export interface Model {
  readonly components: readonly ModelComponent[];
  readonly links: readonly ModelLink[];
  readonly workloads: readonly ModelWorkload[];
  /** Indices of the components, callers before callees. */
  readonly callOrder: readonly number[];
  /** Multiplies rates and users from the start of the run. */
  readonly load: number;
}

/** Checks and compiles an architecture; throws ModelError with everything that is wrong. */
export function compileModel(architecture: Architecture, options: { load?: number } = {}): Model {
  const load = options.load ?? 1;
  const issues = checkArchitecture(architecture, load);
  if (issues.length > 0) throw new ModelError(issues);
  const indexOf = new Map(architecture.components.map((component, index) => [component.id, index]));
  const kindOf = (index: number) => architecture.components[index]?.kind;
  const weightOf = new Map<number, number>();
  const edges = architecture.links.map((link) => {
    const from = indexOf.get(link.from) as number;
    weightOf.set(from, (weightOf.get(from) ?? 0) + link.weight);
    return { from, to: indexOf.get(link.to) as number };
  });
  const links = architecture.links.map((link, index): ModelLink => {
    const { from, to } = edges[index] as (typeof edges)[number];
    const { id, latency, timeoutMs, retries, retryBackoffMs, weight } = link;
    const callsPerRequest =
      kindOf(from) === "load_balancer" ? weight / (weightOf.get(from) as number) : link.callsPerRequest;
    const isAwaited = !link.asynchronous && kindOf(from) !== "queue";
    return { index, id, from, to, latency, timeoutMs, retries, retryBackoffMs, callsPerRequest, isAwaited };
  });
  const ordered = orderByCalls(architecture.components.length, edges);
  if ("cycle" in ordered) throw cycleError(ordered.cycle.map((index) => architecture.components[index]?.id ?? ""));
  return {
    components: architecture.components.map((component, index) => modelComponent(component, index, links)),
    links,
    workloads: architecture.workloads.map((workload, index) => {
      return { ...resolveWorkload(workload), index, client: indexOf.get(workload.component) as number };
    }),
    callOrder: ordered.order,
    load,
  };
}

function modelComponent(component: Component, index: number, links: readonly ModelLink[]): ModelComponent {
  const { id, name, kind, instances, concurrency, queueCapacity, serviceTime, errorRatio } = component;
  return {
    index,
    id,
    name,
    kind,
    isClient: kind === "client",
    isQueue: kind === "queue",
    isCache: kind === "cache",
    isBalancer: kind === "load_balancer",
    isParallel: component.fanOut === "parallel",
    isLastInFirstOut: component.discipline === "lifo",
    shedsOldest: component.shed === "oldest",
    holdsSlot: component.holdsSlot ?? true,
    balancing: component.balancing ?? "power_of_two",
    instances,
    concurrency,
    queueCapacity,
    serviceTime,
    errorRatio,
    hitRatio: kind === "cache" ? component.hitRatio : 0,
    cache: component.cache,
    links: links.filter((link) => link.from === index),
  };
}

function cycleError(ids: readonly string[]): ModelError {
  const path = [...ids, ids[0]].join(" → ");
  return new ModelError([
    { component: ids[0] ?? "", field: "links", message: `calls form a cycle, which would never end: ${path}` },
  ]);
}
