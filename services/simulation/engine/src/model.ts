/**
 * The architecture made ready to run: ids turned into indices, kinds into flags, milliseconds kept.
 *
 * A model is immutable plain data and knows nothing of a run: several simulations may share one. Whatever is refused is
 * refused here, with every issue at once, so that the engine never meets an impossible value.
 */
import type {
  Architecture,
  Autoscaler,
  Balancing,
  Breaker,
  Component,
  Distribution,
  KeyedCacheOptions,
  Link,
  Locks,
  RateLimit,
  RetryBudget,
} from "./architecture.ts";
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
  readonly discipline: "fifo" | "lifo" | "priority";
  readonly shedsOldest: boolean;
  readonly holdsSlot: boolean;
  readonly dropsExpired: boolean;
  readonly splitsReads: boolean;
  /** Which of its instances gets a request. */
  readonly balancing: Balancing;
  /** Load balancers: which of its links does. */
  readonly linkBalancing: Balancing;
  /** Among how many of its instances, and of its links, "power_of_two" chooses. */
  readonly choices: number;
  readonly linkChoices: number;
  /** Empty when none is given. */
  readonly instanceWeights: readonly number[];
  /** At the start of the run, and the most there may be in it. */
  readonly instances: number;
  readonly maxInstances: number;
  readonly concurrency: number;
  readonly queueCapacity: number;
  readonly serviceTime: Distribution;
  readonly errorRatio: number;
  /** 0 for everything but caches. */
  readonly hitRatio: number;
  /** Caches with keys, which have no fixed hit ratio. */
  readonly cache: KeyedCacheOptions | undefined;
  /** Cores per instance; 0: every slot has its own. */
  readonly cpus: number;
  readonly rateLimit: Required<RateLimit> | undefined;
  readonly autoscaler: Required<Autoscaler> | undefined;
  readonly locks: Locks | undefined;
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
  readonly retryJitter: "full" | "none";
  readonly retryBudget: Required<RetryBudget> | undefined;
  readonly breaker: Required<Breaker> | undefined;
  readonly timeoutCancels: boolean;
  /** For these, 0 is none or no limit, as in `Link`. */
  readonly hedgeAfterMs: number;
  readonly maxConnections: number;
  readonly connectionQueue: number;
  readonly connectionTimeoutMs: number;
  readonly lossRatio: number;
  readonly retransmitMs: number;
  readonly bandwidthMbps: number;
  readonly requestKb: number;
  readonly answerKb: number;
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
    const isBalanced = kindOf(from) === "load_balancer";
    const callsPerRequest = isBalanced ? link.weight / (weightOf.get(from) as number) : link.callsPerRequest;
    const isFromQueue = kindOf(from) === "queue";
    return { ...modelLink(link, isFromQueue), index, from, to, callsPerRequest };
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

function modelLink(link: Link, isFromQueue: boolean): Omit<ModelLink, "index" | "from" | "to" | "callsPerRequest"> {
  const { id, latency, timeoutMs, retries, retryBackoffMs, retryBudget, breaker } = link;
  return {
    id,
    latency,
    timeoutMs,
    retries,
    retryBackoffMs,
    retryJitter: link.retryJitter ?? "full",
    retryBudget: retryBudget && { ...retryBudget, burst: retryBudget.burst ?? 10 },
    breaker: breaker && { ...breaker, probes: breaker.probes ?? 1 },
    timeoutCancels: link.timeoutCancels ?? false,
    hedgeAfterMs: link.hedgeAfterMs ?? 0,
    maxConnections: link.maxConnections ?? 0,
    connectionQueue: link.connectionQueue ?? (isFromQueue ? 1_000_000 : 10_000),
    connectionTimeoutMs: link.connectionTimeoutMs ?? 0,
    lossRatio: link.lossRatio ?? 0,
    retransmitMs: link.retransmitMs ?? 0,
    bandwidthMbps: link.bandwidthMbps ?? 0,
    requestKb: link.requestKb ?? 1,
    answerKb: link.answerKb ?? 1,
    isAwaited: !link.asynchronous && !isFromQueue,
  };
}

function modelComponent(component: Component, index: number, links: readonly ModelLink[]): ModelComponent {
  const { id, name, kind, concurrency, queueCapacity, serviceTime, errorRatio, rateLimit, autoscaler } = component;
  const isClient = kind === "client";
  const isBalancer = kind === "load_balancer";
  const instances = isClient ? 1 : component.instances;
  return {
    index,
    id,
    name,
    kind,
    isClient,
    isQueue: kind === "queue",
    isCache: kind === "cache",
    isBalancer,
    isParallel: component.fanOut === "parallel",
    discipline: component.discipline ?? "fifo",
    shedsOldest: component.shed === "oldest",
    holdsSlot: component.holdsSlot ?? true,
    dropsExpired: component.dropsExpired ?? false,
    splitsReads: component.readWriteSplit ?? false,
    balancing: isBalancer ? "power_of_two" : (component.balancing ?? "power_of_two"),
    linkBalancing: component.balancing ?? "weighted",
    choices: isBalancer ? 2 : (component.choices ?? 2),
    linkChoices: component.choices ?? 2,
    instanceWeights: component.balancing === "weighted" ? (component.instanceWeights ?? []) : [],
    instances,
    maxInstances: Math.max(instances, autoscaler?.maxInstances ?? 0),
    concurrency,
    queueCapacity,
    serviceTime,
    errorRatio,
    hitRatio: kind === "cache" ? component.hitRatio : 0,
    cache: component.cache,
    cpus: component.cpus ?? 0,
    rateLimit: rateLimit && { ...rateLimit, whenExceeded: rateLimit.whenExceeded ?? "reject" },
    autoscaler: autoscaler && {
      ...autoscaler,
      intervalMs: autoscaler.intervalMs ?? 15_000,
      startDelayMs: autoscaler.startDelayMs ?? 30_000,
      scaleDownDelayMs: autoscaler.scaleDownDelayMs ?? 300_000,
    },
    locks: component.locks,
    links: links.filter((link) => link.from === index),
  };
}

function cycleError(ids: readonly string[]): ModelError {
  const path = [...ids, ids[0]].join(" → ");
  return new ModelError([
    { component: ids[0] ?? "", field: "links", message: `calls form a cycle, which would never end: ${path}` },
  ]);
}
