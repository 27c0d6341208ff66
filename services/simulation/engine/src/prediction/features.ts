/**
 * What the emulator sees of an architecture: numbers that do not depend on how many components there are, what they are
 * called or how fast they are, so that it can be asked about topologies it has never met. Times appear as ratios only.
 *
 * "Worst" is the component whose waits add most to the mean latency; where nobody waits, the busiest. The order of the
 * names is the order of the numbers, and part of a trained model: another order needs another schema version.
 */
import type { Analysis, ComponentAnalysis } from "../analytic/network.ts";
import { momentsOf } from "../distribution-moments.ts";
import type { Model, ModelComponent } from "../model.ts";
import type { AnalyticLatency } from "./analytic-latency.ts";

export const featureNames = [
  /** Offered load of the busiest component, and of the second, 0 to 1. */
  "busiest",
  "secondBusiest",
  /** Waits ÷ mean latency: all, those of the worst component, and of those that are behind slots held for them. */
  "waitShare",
  "worstWaitShare",
  "heldWaitShare",
  /** ln of p99 and p50 ÷ mean, and squared variation, of the latency by theory. */
  "p99ToMean",
  "p50ToMean",
  "latencyScv",
  /** Squared variation of slot times: of the worst, over all by their waits, and of the busiest component's own work. */
  "worstHoldScv",
  "meanHoldScv",
  "busiestWorkScv",
  /** Of the worst: offered load, ln of its slots per instance and of its instances, share that waits, ln(1 + wait ÷ slot time). */
  "worstOffered",
  "worstSlots",
  "worstInstances",
  "worstWaiting",
  "worstWaitToHold",
  /** 1 where each instance has its own arrivals; 1 where two choices are made among more than two. Weighted by waits. */
  "separateQueues",
  "twoChoices",
  /** Squared variation of the gaps between requests. */
  "arrivalScv",
  /** Longest chain of awaited calls, components, most calls of one request at one moment (ln), parallel callers ÷ callers. */
  "depth",
  "components",
  "fanOut",
  "parallelShare",
  /** Components whose slots are held during calls: share of all, highest offered load, ln of the least spare callers' slots. */
  "heldShare",
  "heldOffered",
  "callerSlots",
  /** Requests that arrive together through parallel calls: ln(1 + extra wait they cause ÷ mean latency), weighted size. */
  "batchWait",
  "batchSize",
  /** Waits that theory saves because it takes arrivals for regular ÷ mean latency: all, and where requests come back. */
  "savedWait",
  "savedRepeatedWait",
  /** Visits of the worst per request (ln), and of a request's calls one after the other to the same place. */
  "worstVisits",
  "repeatedCalls",
  /** Highest hit ratio, work ÷ mean latency, share of the mean that is spent at and behind the worst (ln). */
  "hits",
  "workShare",
  "worstLatency",
] as const;

interface Place {
  readonly component: ModelComponent;
  readonly own: ComponentAnalysis;
  /** Per request. */
  readonly visits: number;
  readonly holdMs: number;
  /** Waits ÷ mean latency. */
  readonly share: number;
  readonly waiting: number;
  readonly holdScv: number;
  readonly batch: number;
}

/** One number for each of `featureNames`, all finite. */
export function featuresOf(model: Model, analysis: Analysis, latency: AnalyticLatency): Float64Array {
  const places = placesOf(model, analysis, latency);
  const byOffered = places.toSorted((one, other) => other.own.offeredLoad.value - one.own.offeredLoad.value);
  const busiest = byOffered[0] as Place;
  const worst = places.reduce((most, one) => (one.share > most.share ? one : most), busiest);
  const waitShare = sum(places, ({ share }) => share);
  const byWaits = (read: (place: Place) => number) =>
    waitShare > 0 ? sum(places, (one) => one.share * read(one)) / waitShare : read(worst);
  const callers = model.components.filter(({ links }) => links.length > 1 || (links[0]?.callsPerRequest ?? 0) > 1);
  const held = places.filter(({ component }) => isHeldForCalls(component));
  const behindHeld = new Set(held.flatMap(({ component }) => component.links.map(({ to }) => to)));
  const meanMs = latency.meanMs;
  const values: Record<(typeof featureNames)[number], number> = {
    busiest: busiest.own.offeredLoad.value,
    secondBusiest: byOffered[1]?.own.offeredLoad.value ?? 0,
    waitShare,
    worstWaitShare: worst.share,
    heldWaitShare: sum(places, ({ component, share }) => (behindHeld.has(component.index) ? share : 0)),
    p99ToMean: Math.log(latency.p99Ms / meanMs),
    p50ToMean: Math.log(latency.p50Ms / meanMs),
    latencyScv: latency.scv,
    worstHoldScv: latency.holdScv[worst.component.index] as number,
    meanHoldScv: byWaits(({ component }) => latency.holdScv[component.index] as number),
    busiestWorkScv: momentsOf(busiest.component.serviceTime).cv ** 2,
    worstOffered: worst.own.offeredLoad.value,
    worstSlots: Math.log(worst.component.concurrency),
    worstInstances: Math.log(worst.component.instances),
    worstWaiting: latency.waitingShare[worst.component.index] as number,
    worstWaitToHold: Math.log1p(worst.own.waitMeanMs.value / (worst.holdMs || 1)),
    separateQueues: byWaits(({ component }) => (component.instances > 1 && hasSeparateQueues(component) ? 1 : 0)),
    twoChoices: byWaits(({ component }) => (component.instances > 2 && component.balancing === "power_of_two" ? 1 : 0)),
    arrivalScv: model.workloads.every(({ kind }) => kind === "constant") ? 0 : 1,
    depth: depthOf(model),
    components: places.length,
    fanOut: Math.log(Math.max(1, ...model.components.map(callsAtOnce))),
    parallelShare: callers.length === 0 ? 0 : callers.filter(isParallelCaller).length / callers.length,
    heldShare: held.length / places.length,
    heldOffered: Math.max(0, ...held.map(({ own }) => own.offeredLoad.value)),
    callerSlots: callerSlotsOf(model, worst.component),
    batchWait: Math.log1p(sum(places, (place) => extraBatchMs(place)) / meanMs),
    batchSize: byWaits(({ batch }) => batch),
    savedWait: Math.max(-2, sum(places, savedMs) / meanMs),
    savedRepeatedWait: Math.max(-2, sum(places, (place) => (place.visits > 1.01 ? savedMs(place) : 0)) / meanMs),
    worstVisits: Math.log(Math.max(1e-3, worst.visits)),
    repeatedCalls: byWaits(({ component }) => repeatedCallsOf(model, component)),
    hits: Math.max(0, ...model.components.map(({ hitRatio }) => hitRatio)),
    workShare: Math.min(
      5,
      sum(places, ({ component, visits }) => visits * momentsOf(component.serviceTime).meanMs) / meanMs,
    ),
    worstLatency: Math.log(Math.max(1e-3, (worst.visits * worst.own.latencyMeanMs.value) / meanMs)),
  };
  return Float64Array.from(featureNames, (name) => values[name]);
}

function placesOf(model: Model, analysis: Analysis, latency: AnalyticLatency): Place[] {
  const requestsPerSecond = model.workloads.reduce((total, one) => total + one.ratePerSecond * model.load, 0);
  return analysis.components.flatMap((own) => {
    const component = model.components.find(({ id }) => id === own.id) as ModelComponent;
    const perSecond = own.arrivalsPerSecond.value;
    if (perSecond === 0 || requestsPerSecond === 0) return [];
    const visits = perSecond / requestsPerSecond;
    const slots = component.instances * component.concurrency;
    return [
      {
        component,
        own,
        visits,
        holdMs: (1000 * own.offeredLoad.value * slots) / perSecond,
        share: (visits * own.waitMeanMs.value) / latency.meanMs,
        waiting: latency.waitingShare[component.index] as number,
        holdScv: latency.holdScv[component.index] as number,
        batch: batchOf(model, component),
      },
    ];
  });
}

/** The mean number of requests that arrive together with one, itself included. */
function batchOf(model: Model, { index }: ModelComponent): number {
  let largest = 1;
  for (const { to, from, callsPerRequest } of model.links) {
    if (to !== index || !model.components[from]?.isParallel || model.components[from].isBalancer) continue;
    const whole = Math.floor(callsPerRequest);
    const rest = callsPerRequest - whole;
    const square = (1 - rest) * whole ** 2 + rest * (whole + 1) ** 2;
    if (callsPerRequest > 0) largest = Math.max(largest, square / callsPerRequest);
  }
  return largest;
}

/** Per request: batches of b make each other wait (b − 1)S ÷ 2c(1 − ρ), which the analysis does not know. */
function extraBatchMs({ component, own, visits, holdMs, batch }: Place): number {
  const slots = component.instances * component.concurrency;
  const ahead = Math.max(0, batch - 1) / 2;
  return (visits * holdMs * ahead) / slots / Math.max(0.05, 1 - own.offeredLoad.value);
}

/** Per request: what the wait would be for Poisson arrivals (Allen and Cunneen) less what the analysis says. */
function savedMs({ component, own, visits, holdMs, waiting, holdScv }: Place): number {
  const slots = hasSeparateQueues(component) ? component.concurrency : component.instances * component.concurrency;
  const spare = Math.max(0.02, 1 - own.offeredLoad.value) * slots;
  return visits * ((((waiting * holdMs) / spare) * (1 + holdScv)) / 2 - own.waitMeanMs.value);
}

function callsAtOnce({ isParallel, isBalancer, links }: ModelComponent): number {
  return isParallel && !isBalancer ? sum(links, ({ callsPerRequest }) => Math.ceil(callsPerRequest)) : 1;
}

function isParallelCaller({ isParallel, isBalancer }: ModelComponent): boolean {
  return isParallel && !isBalancer;
}

function isHeldForCalls({ isClient, holdsSlot, links }: ModelComponent): boolean {
  return !isClient && holdsSlot && links.some(({ isAwaited, callsPerRequest }) => isAwaited && callsPerRequest > 0);
}

function hasSeparateQueues({ balancing }: ModelComponent): boolean {
  return balancing === "random" || balancing === "round_robin";
}

/** ln of the callers' slots ÷ own slots, at most 5: few callers cannot fill a queue. */
function callerSlotsOf(model: Model, { index, instances, concurrency }: ModelComponent): number {
  let slots = 0;
  for (const { to, from } of model.links) {
    const caller = model.components[from] as ModelComponent;
    if (to !== index) continue;
    slots += isHeldForCalls(caller) ? caller.instances * caller.concurrency * callsAtOnce(caller) : Infinity;
  }
  return Math.max(-2, Math.min(5, Math.log(slots / (instances * concurrency))));
}

function repeatedCallsOf(model: Model, { index }: ModelComponent): number {
  const calls = model.links.filter(
    ({ to, from }) => to === index && !isParallelCaller(model.components[from] as ModelComponent),
  );
  return Math.max(1, ...calls.map(({ callsPerRequest }) => callsPerRequest));
}

function depthOf(model: Model): number {
  const depths = new Float64Array(model.components.length);
  for (let position = model.callOrder.length - 1; position >= 0; position--) {
    const { index, links } = model.components[model.callOrder[position] as number] as ModelComponent;
    depths[index] = Math.max(0, ...links.map(({ to, isAwaited }) => (isAwaited ? 1 + (depths[to] as number) : 0)));
  }
  return Math.max(...depths);
}

function sum<T>(items: readonly T[], read: (item: T) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}
