/**
 * How far the system is from an overload that keeps itself alive (Bronson et al., Metastable Failures, 2021), by formulas
 * alone: no run is long enough to see what has not happened.
 *
 * For every component behind a timeout: how much a storm multiplies its visits (storm-paths.ts); the rate of end-to-end
 * requests above which a storm, once begun, never ends, capacity ÷ (visits × amplification); today's rate as a share of it; and
 * how long it takes after an outage of 10 s until answers are in time again, as a fluid (amplification.ts). A queue so short
 * that whoever gets in is answered in time, and one that serves the newest first, cannot hold a storm; nor can one that
 * drops what is older than the callers' patience, whose rate limit is below its capacity, that breakers protect, or whose
 * abandoned work is cancelled. Without timeouts nobody gives up, so there is nothing to say.
 */
import { recoveryMs, spontaneousStormPerSecond, stormBoundaryPerSecond } from "../analytic/amplification.ts";
import { sharesCores } from "../analytic/shared-cores.ts";
import { momentsOf } from "../distribution-moments.ts";
import type { Model, ModelComponent, ModelWorkload } from "../model.ts";
import { stormPathsTo } from "./storm-paths.ts";
import { unloadedRequest, withHitRatios } from "./unloaded.ts";
import { number, percent } from "./wording.ts";

const outageMs = 10_000;

export interface ComponentMargin {
  readonly component: string;
  readonly name: string;
  /** Visits in a storm ÷ visits without any failure, at least 1. */
  readonly amplification: number;
  /** Visits per second that its slots can do, with nothing waiting behind it. */
  readonly capacityPerSecond: number;
  /** The shortest patience on the way to it. */
  readonly timeoutMs: number;
  /** End-to-end requests per second of all open workloads, above which a storm here never ends. */
  readonly boundaryPerSecond: number;
  /** Today's rate ÷ boundary; above 1 a storm keeps itself up. */
  readonly loadToBoundary: number;
  /** After an outage of 10 s, until answers are in time again; absent when never. */
  readonly recoveryMs?: number;
  /** One exponential slot: the rate at which a storm begins by itself, at the latest. */
  readonly spontaneousPerSecond?: number;
  readonly message: string;
}

export type StabilityMargin =
  | { readonly kind: "not applicable"; readonly reason: string }
  | {
      readonly kind: "margins";
      readonly requestsPerSecond: number;
      /** Nearest to its boundary first. */
      readonly components: readonly ComponentMargin[];
      /** Components behind a timeout that cannot hold a storm, with the reason. */
      readonly immune: readonly { readonly component: string; readonly reason: string }[];
      readonly assumptions: readonly string[];
    };

/** At the load of the model. Pure; nothing is simulated. */
export function stabilityMargin(model: Model): StabilityMargin {
  const notApplicable = (reason: string): StabilityMargin => ({ kind: "not applicable", reason });
  if (model.links.every(({ timeoutMs }) => timeoutMs === 0)) {
    const retrying = model.links.filter(({ retries }) => retries > 0).length;
    return notApplicable(
      `0 of ${model.links.length} links have a timeout${retrying > 0 ? ` (${retrying} retry, on failed answers only)` : ""}: ` +
        "nobody gives up on slow work, so an overload ends when its queue is empty",
    );
  }
  const open = model.workloads.filter(({ kind }) => kind !== "closed");
  const rates = open.map((workload) => meanRatePerSecond(workload) * model.load);
  const requestsPerSecond = rates.reduce((sum, rate) => sum + rate, 0);
  if (requestsPerSecond === 0) {
    return notApplicable(
      "0 requests/s come from open workloads: closed users wait, and send no more than there are users",
    );
  }
  const warm = withHitRatios(model);
  const normal = open.map((workload) => unloadedRequest(warm, workload));
  const components: ComponentMargin[] = [];
  const immune: { component: string; reason: string }[] = [];
  for (const component of warm.components) {
    if (component.isClient) continue;
    const paths = stormPathsTo(warm, component.index);
    let stormVisits = 0;
    let visits = 0;
    let workMs = 0;
    let timeoutMs = Number.POSITIVE_INFINITY;
    let longestDeadlineMs = 0;
    let isCancelled = false;
    const stoppedBy = new Set<string>();
    for (const [position, { client }] of open.entries()) {
      const share = (rates[position] as number) / requestsPerSecond;
      const perRequest = normal[position]?.visits[component.index] ?? 0;
      const path = paths[client];
      if (share === 0 || perRequest === 0 || path === undefined) continue;
      visits += share * perRequest;
      stormVisits += share * path.visits;
      workMs += share * perRequest * (normal[position]?.holdMs[component.index] ?? 0);
      timeoutMs = Math.min(timeoutMs, path.timeoutMs);
      longestDeadlineMs = Math.max(longestDeadlineMs, open[position]?.deadlineMs || Number.POSITIVE_INFINITY);
      for (const reason of path.stoppedBy) stoppedBy.add(reason);
      isCancelled ||= path.isCancelled;
    }
    if (timeoutMs === Number.POSITIVE_INFINITY || workMs === 0) continue;
    const holdMs = workMs / visits;
    // A path that is stopped brings no storm, unless it is by cancelling work that takes as long as the patience.
    const isStopped = stoppedBy.size > 0 && stormVisits === 0 && !(isCancelled && holdMs > timeoutMs / 2);
    const reason = isStopped
      ? `${component.name}: ${[...stoppedBy].join(", ")}`
      : immunity(model, component, { holdMs, timeoutMs, longestDeadlineMs });
    if (reason !== undefined) {
      immune.push({ component: component.id, reason });
      continue;
    }
    const amplification = Math.max(1, stormVisits / visits);
    components.push(marginOf(component, { visits, holdMs, timeoutMs, amplification, requestsPerSecond }));
  }
  if (components.length === 0) {
    return notApplicable(
      immune.length === 0
        ? "0 components with work are behind a link with a timeout"
        : `of ${immune.length} components behind a timeout none can hold a storm: ${immune.map(({ reason }) => reason).join("; ")}`,
    );
  }
  components.sort((a, b) => b.loadToBoundary - a.loadToBoundary);
  return { kind: "margins", requestsPerSecond, components, immune, assumptions: assumptionsOf(model) };
}

function marginOf(
  component: ModelComponent,
  given: {
    readonly visits: number;
    readonly holdMs: number;
    readonly timeoutMs: number;
    readonly amplification: number;
    readonly requestsPerSecond: number;
  },
): ComponentMargin {
  const { visits, holdMs, timeoutMs, amplification, requestsPerSecond } = given;
  const { id, name, instances, concurrency, serviceTime } = component;
  const capacityPerSecond = capacityOf(component, holdMs);
  const storm = { capacityPerSecond, retries: amplification - 1, timeoutMs };
  const boundaryPerSecond = stormBoundaryPerSecond(storm) / visits;
  const loadToBoundary = requestsPerSecond / boundaryPerSecond;
  const recovery = recoveryMs(storm, requestsPerSecond * visits, outageMs);
  const isOneSlot = instances * concurrency === 1 && serviceTime.kind === "exponential" && amplification > 1;
  const ends =
    recovery === Number.POSITIVE_INFINITY
      ? `a storm there never ends by itself: ${number(requestsPerSecond)} requests/s are ${percent(loadToBoundary)} of the boundary`
      : `${number(requestsPerSecond)} requests/s are ${percent(loadToBoundary)} of the boundary, and an outage of ` +
        `${number(outageMs / 1000)} s is over ${number(recovery / 1000)} s after its end`;
  const message =
    `${name}: callers give up after ${number(timeoutMs)} ms and a storm brings ${number(amplification)} times the visits; ` +
    `with ${number(capacityPerSecond)} visits/s of capacity it feeds itself above ${number(boundaryPerSecond)} requests/s; ${ends}`;
  return {
    component: id,
    name,
    amplification,
    capacityPerSecond,
    timeoutMs,
    boundaryPerSecond,
    loadToBoundary,
    ...(recovery === Number.POSITIVE_INFINITY ? {} : { recoveryMs: recovery }),
    ...(isOneSlot ? { spontaneousPerSecond: spontaneousStormPerSecond(storm) / visits } : {}),
    message,
  };
}

/** Why a storm cannot last here, if it cannot. */
function immunity(
  model: Model,
  component: ModelComponent,
  { holdMs, timeoutMs, longestDeadlineMs }: Record<"holdMs" | "timeoutMs" | "longestDeadlineMs", number>,
): string | undefined {
  const { name, queueCapacity, concurrency, instances, discipline, dropsExpired, rateLimit } = component;
  const before = `before the timeout of ${number(timeoutMs)} ms`;
  if (discipline === "lifo") return `${name} serves the newest first, in ${number(holdMs)} ms`;
  if (dropsExpired && longestDeadlineMs + holdMs < timeoutMs) {
    return `${name} refuses what is older than ${number(longestDeadlineMs)} ms, ${before}`;
  }
  const capacityPerSecond = capacityOf(component, holdMs);
  if (rateLimit?.whenExceeded === "reject" && rateLimit.perSecond < capacityPerSecond) {
    const drainMs = recoveryMs({ capacityPerSecond, retries: 0, timeoutMs }, rateLimit.perSecond, outageMs);
    return (
      `${name} lets ${number(rateLimit.perSecond)}/s in and can do ${number(capacityPerSecond)}/s, so that a storm after ` +
      `${number(outageMs / 1000)} s without service is over ${number(drainMs / 1000)} s later at the latest`
    );
  }
  // With so many inside an instance, one that has just come leaves after them.
  const longestWith = (inside: number) => Math.max(holdMs, (1000 * inside * instances) / capacityPerSecond);
  const longestMs = longestWith(queueCapacity + concurrency);
  if (longestMs < timeoutMs) {
    return (
      `whoever gets into the queue of ${name} (${queueCapacity} places per instance) is answered within ` +
      `${number(longestMs)} ms, ${before}`
    );
  }
  const connections = connectionsTo(model, component);
  const pooledMs = longestWith(connections / instances);
  if (pooledMs >= timeoutMs) return undefined;
  return `${connections} connections to ${name} at most are answered within ${number(pooledMs)} ms, ${before}`;
}

/** Visits per second: what its slots can do, or its cores where it shares them. */
function capacityOf(component: ModelComponent, holdMs: number): number {
  const { instances, concurrency, cpus, serviceTime } = component;
  const ofSlots = (1000 * instances * concurrency) / holdMs;
  const workMs = momentsOf(serviceTime).meanMs;
  if (!sharesCores(component) || workMs === 0) return ofSlots;
  return Math.min(ofSlots, (1000 * instances * cpus) / workMs);
}

/** How many calls to it can be under way at once; Infinity unless all its callers have pools. */
function connectionsTo({ links, components }: Model, { index }: ModelComponent): number {
  let connections = 0;
  for (const { from, to, maxConnections } of links) {
    if (to !== index) continue;
    connections +=
      maxConnections === 0 ? Number.POSITIVE_INFINITY : maxConnections * (components[from]?.instances ?? 1);
  }
  return connections;
}

function meanRatePerSecond({ kind, ratePerSecond, arrivalsMs }: ModelWorkload): number {
  if (kind !== "replay") return ratePerSecond;
  const lastMs = arrivalsMs.at(-1) ?? 0;
  return lastMs === 0 ? 0 : (1000 * arrivalsMs.length) / lastMs;
}

function assumptionsOf({ workloads, links, components }: Model): string[] {
  const sentences = [
    "The work of an expired attempt goes on (Bronson et al. 2021): capacity is spent on answers nobody waits for.",
    "In a storm every attempt over a link with a timeout fails, and every retry is made that a budget allows.",
    "Recovery is a fluid: the backlog of 10 s without service, drained by the capacity that the attempts leave.",
    "Capacity is slots ÷ the mean time a slot is held with nothing waiting behind; balancing is taken as even.",
  ];
  const withPause = links.filter(({ retries, retryBackoffMs }) => retries > 0 && retryBackoffMs > 0).length;
  if (withPause > 0)
    sentences.push(
      `Retries count as immediate; the pause before them on ${withPause} of ${links.length} links delays a storm but not its rate.`,
    );
  for (const { id, retryBudget } of links) {
    if (retryBudget === undefined) continue;
    sentences.push(
      `link "${id}": its budget bounds attempts at ${number(1 + retryBudget.ratio)} per call in the long run` +
        `${retryBudget.scope === "tier" ? " (of all calls of its caller)" : ""}; a full bucket allows ${retryBudget.burst} more at first.`,
    );
  }
  for (const { id, autoscaler, instances } of components) {
    if (autoscaler === undefined) continue;
    sentences.push(`component "${id}": its autoscaler is left out; capacity is that of ${instances} instances.`);
  }
  for (const { id, kind, ratePerSecond } of workloads) {
    if (kind === "closed") sentences.push(`workload "${id}" is closed and left out of the rate: its users wait.`);
    else if (kind !== "poisson" && kind !== "constant" && kind !== "replay") {
      sentences.push(
        `workload "${id}" is ${kind}: counted with its mean of ${number(ratePerSecond)}/s, also at its peak.`,
      );
    }
  }
  return sentences;
}
