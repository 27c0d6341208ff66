/**
 * What queueing theory says about a model, beside what a simulation of it shows: rates, utilizations, waits, latencies and
 * the load at which it saturates. It is a decomposition (Jackson 1957; QNA, Whitt 1983): every component a station of its
 * own, joined by means and variances. What that leaves out is said in `assumptions`, and figures that suffer are not valid.
 *
 * A saturated component with an endless queue has no steady state: its wait and every latency that includes it are
 * Infinity. Nothing is ever NaN.
 */
import type { Model, ModelComponent } from "../model.ts";
import { assumptionsOf } from "./assumptions.ts";
import { lruHitRatio, zipfPopularity } from "./cache.ts";
import { settleWorkloads } from "./closed-rates.ts";
import { type ComponentState, type Drive, type OperatingPoint, settle } from "./operating-point.ts";
import { waitsByPriority } from "./priority-waits.ts";
import { sharesCores } from "./shared-cores.ts";
import { mixesOf, withMixedWork } from "./work-mix.ts";

export interface Figure {
  readonly value: number;
  /** False where the model does what the theory does not cover; see the assumptions. */
  readonly valid: boolean;
}

export interface ComponentAnalysis {
  readonly id: string;
  /** The formula, in words. */
  readonly station: string;
  /** Everything that is sent to it, retries included. */
  readonly arrivalsPerSecond: Figure;
  /** Mean share of the slots held, at most 1. */
  readonly utilization: Figure;
  /** What arrives ÷ what it can do; 1 and above is saturated. */
  readonly offeredLoad: Figure;
  readonly shedRatio: Figure;
  readonly waitMeanMs: Figure;
  /** Where requests are served by priority, the most important (0) first. */
  readonly waitsByPriority?: readonly { readonly priority: number; readonly waitMeanMs: Figure }[];
  /** From arrival to answer of those that were not shed: wait, work and calls. */
  readonly latencyMeanMs: Figure;
  readonly isSaturated: boolean;
}

export interface Analysis {
  readonly components: readonly ComponentAnalysis[];
  /** Requests answered well. */
  readonly throughputPerSecond: Figure;
  readonly latencyMeanMs: Figure;
  /** Failed ÷ answered. */
  readonly errorRatio: Figure;
  /** By how much today's request rates can be multiplied before something saturates; Infinity if nothing ever does. */
  readonly maximumLoad: Figure;
  readonly maximumRatePerSecond: Figure;
  /** What saturates then; absent if nothing does. */
  readonly limitingComponent?: string;
  readonly assumptions: readonly string[];
}

const mostLoad = 2 ** 60;
const mostCacheKeys = 100_000;

export function analyze(given: Model): Analysis {
  const unmixed = withHitRatios(given);
  const mixes = mixesOf(unmixed, likelyRates(unmixed));
  const model = withMixedWork(unmixed, mixes);
  const drive = { ...driveOf(model), mixes };
  const { point, ratesPerSecond, isExactMva } = settleWorkloads(model, drive);
  const { sentences, waits, capacities, isEverything } = assumptionsOf(model, point, mixes);
  const assumptions = [...sentences];
  const hasClosed = model.workloads.some(({ kind }) => kind === "closed");
  if (hasClosed && !isExactMva) {
    assumptions.push(
      "Closed workloads: the rate at which users go round is a fixed point of their response time; approximate unless there is one station.",
    );
  }
  const doubtful = doubtfulLatencies(model, waits);
  const figure = (value: number, valid: boolean): Figure => ({ value, valid: valid && !isEverything });
  const components = model.components
    .filter(({ isClient }) => !isClient)
    .map((component): ComponentAnalysis => {
      const { index, id } = component;
      const state = point.components[index] as ComponentState;
      const byPriority = waitsByPriority(
        component,
        { arrivalsPerSecond: state.arrivalsPerSecond, meanMs: state.wait.meanMs, offered: state.offered },
        mixes[index],
      );
      return {
        id,
        station: stationName(component, isExactMva),
        arrivalsPerSecond: figure(state.arrivalsPerSecond, true),
        utilization: figure(heldShare(component, state), !doubtful.has(index) || !component.holdsSlot),
        offeredLoad: figure(state.offered, !capacities.has(index)),
        shedRatio: figure(state.shedRatio, !waits.has(index)),
        waitMeanMs: figure(state.wait.meanMs, !doubtful.has(index)),
        ...(byPriority === undefined
          ? {}
          : {
              waitsByPriority: byPriority.map(({ priority, waitMeanMs }) => {
                return { priority, waitMeanMs: figure(waitMeanMs, !doubtful.has(index)) };
              }),
            }),
        latencyMeanMs: figure(state.wait.meanMs + state.inside.meanMs, !doubtful.has(index)),
        isSaturated: state.offered >= 1,
      };
    });
  const total = ratesPerSecond.reduce((sum, rate) => sum + rate, 0);
  const mean = (read: (state: ComponentState) => number) =>
    total === 0
      ? 0
      : model.workloads.reduce((sum, { client, index }) => {
          const rate = ratesPerSecond[index] as number;
          return rate === 0 ? sum : sum + (rate / total) * read(point.components[client] as ComponentState);
        }, 0);
  const latencyValid = model.workloads.every(({ client }) => !doubtful.has(client));
  const errorRatio = mean(({ failureRatio }) => failureRatio);
  const limit = findLimit(model, ratesPerSecond, drive);
  const isLoadValid = limit.component === undefined || !doubtful.has(limit.component);
  const limitingId = limit.component === undefined ? undefined : model.components[limit.component]?.id;
  return {
    components,
    throughputPerSecond: figure(throughput(model, point, total, errorRatio), true),
    latencyMeanMs: figure(
      mean(({ inside }) => inside.meanMs),
      latencyValid,
    ),
    errorRatio: figure(errorRatio, true),
    maximumLoad: figure(limit.load, isLoadValid),
    maximumRatePerSecond: figure(total === 0 ? 0 : limit.load * total, isLoadValid),
    ...(limitingId === undefined ? {} : { limitingComponent: limitingId }),
    assumptions,
  };
}

/** Of the slots; of all of them once nothing keeps up. */
function heldShare({ instances, concurrency }: ModelComponent, state: ComponentState): number {
  const { arrivalsPerSecond, shedRatio, hold, offered } = state;
  if (arrivalsPerSecond === 0) return 0;
  if (hold.meanMs === Infinity) return Math.min(1, offered);
  return Math.min(1, (arrivalsPerSecond * (1 - shedRatio) * hold.meanMs) / 1000 / (instances * concurrency));
}

/** What is answered well; with a queue that grows without end, what its most saturated component lets through. */
function throughput(model: Model, point: OperatingPoint, total: number, errorRatio: number): number {
  let passing = 1;
  for (const { index, isClient } of model.components) {
    const { offered, wait } = point.components[index] as ComponentState;
    if (!isClient && wait.meanMs === Infinity && offered < Infinity) passing = Math.min(passing, 1 / offered);
  }
  return total * passing * (1 - errorRatio);
}

function driveOf(model: Model): Drive {
  const callersOfClient = new Map<number, number>();
  for (const { client, kind, users } of model.workloads) {
    const more = kind === "closed" ? Math.round(users * model.load) : Infinity;
    callersOfClient.set(client, (callersOfClient.get(client) ?? 0) + more);
  }
  return {
    ratesPerSecond: model.workloads.map(({ kind, ratePerSecond }) =>
      kind === "closed" ? 0 : ratePerSecond * model.load,
    ),
    arrivalScvs: model.workloads.map(({ kind }) => (kind === "constant" ? 0 : 1)),
    callersOfClient,
  };
}

/** For the mix of workloads: closed users go round as fast as they can think. */
function likelyRates({ workloads, load }: Model): number[] {
  return workloads.map(({ kind, ratePerSecond, users, thinkTimeMs }) =>
    kind === "closed" ? (1000 * users * load) / Math.max(1, thinkTimeMs) : ratePerSecond * load,
  );
}

/** Caches with keys get the share of hits that theory gives a warm one. */
function withHitRatios(model: Model): Model {
  if (!model.components.some(({ cache }) => cache !== undefined)) return model;
  const components = model.components.map((component) => {
    const { cache } = component;
    if (cache === undefined) return component;
    // Many keys are taken for fewer with the same skew, the cache shrunk alike.
    const keys = Math.min(cache.keys, mostCacheKeys);
    const capacity = Math.max(1, Math.round((cache.capacity * keys) / cache.keys));
    return { ...component, hitRatio: lruHitRatio(zipfPopularity(keys, cache.skew), capacity) };
  });
  return { ...model, components };
}

/** Components whose latency includes a doubtful wait, their own or that of a call they await. */
function doubtfulLatencies(model: Model, waits: ReadonlySet<number>): Set<number> {
  const doubtful = new Set(waits);
  for (let position = model.callOrder.length - 1; position >= 0; position--) {
    const component = model.components[model.callOrder[position] as number] as ModelComponent;
    if (component.links.some((link) => link.isAwaited && link.callsPerRequest > 0 && doubtful.has(link.to))) {
      doubtful.add(component.index);
    }
  }
  return doubtful;
}

/** The multiple of these rates at which the first component saturates, and which. Users are as many as it takes. */
function findLimit(
  model: Model,
  ratesPerSecond: readonly number[],
  drive: Drive,
): { load: number; component?: number } {
  const callersOfClient = new Map([...drive.callersOfClient.keys()].map((client) => [client, Infinity]));
  const saturated = (load: number): number | undefined => {
    const rates = ratesPerSecond.map((rate) => rate * load);
    const settled = settle(model, { ...drive, callersOfClient, ratesPerSecond: rates, areCallersFull: true });
    const isFull = (index: number) => (settled.components[index] as ComponentState).offered >= 1;
    // Callers of a saturated component saturate with it: the last in the order of calls is the cause.
    const cause = model.callOrder.findLast(isFull);
    const [link] = model.links.filter((one) => isLinkFull(settled, one));
    return link === undefined || (cause !== undefined && isFull(link.to)) ? cause : link.to;
  };
  let high = 1;
  while (high < mostLoad && saturated(high) === undefined) high *= 2;
  if (high >= mostLoad) return { load: Infinity };
  let low = high === 1 ? 0 : high / 2;
  for (let step = 0; step < 50 && high - low > 1e-9 * high; step++) {
    const middle = (low + high) / 2;
    if (saturated(middle) === undefined) low = middle;
    else high = middle;
  }
  const component = saturated(high);
  return component === undefined ? { load: high } : { load: high, component };
}

/** Its connections or its bandwidth are all used: who is called through it gets no more. */
function isLinkFull({ links }: OperatingPoint, { index }: { readonly index: number }): boolean {
  const { poolOffered, bandwidthOffered } = links[index] as OperatingPoint["links"][number];
  return poolOffered >= 1 || bandwidthOffered >= 1;
}

function stationName(component: ModelComponent, isExactMva: boolean): string {
  const { instances, concurrency, balancing, choices, cpus } = component;
  if (isExactMva) return "mean value analysis, one slot";
  if (sharesCores(component)) {
    const cores = `${cpus} shared ${cpus === 1 ? "core" : "cores"} for ${concurrency} slots`;
    return instances === 1 ? `one station of ${cores}` : `${instances} stations of ${cores}`;
  }
  if (instances === 1) return `one station of ${concurrency} ${concurrency === 1 ? "slot" : "slots"}`;
  if (component.splitsReads) return `a primary and ${instances - 1} replicas of ${concurrency}`;
  if (balancing === "random" || balancing === "round_robin") return `${instances} separate stations of ${concurrency}`;
  if (balancing === "weighted" && !component.isBalancer) return `${instances} weighted stations of ${concurrency}`;
  const isPooled = instances <= choices || balancing === "least_connections";
  return isPooled
    ? `one pooled station of ${instances * concurrency} slots`
    : `${instances} stations of ${concurrency}, ${choices === 2 ? "two" : choices} choices`;
}
