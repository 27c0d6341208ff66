/**
 * Where a model settles at given rates of its workloads: a fixed point of two passes over its components.
 *
 * Forwards, callers first: how often each is called (calls per request, balancer weights, hits, errors, sequential calls
 * that stop at the first failure, retries) and how irregularly (QNA's merging, splitting and departures; Whitt 1983).
 * Backwards, callees first: how long a slot is held, since a caller holds its own while it waits for the answers; from
 * that the wait, and from the wait what times out. Time-outs and sheddings change the rates, so both are repeated until
 * nothing moves, beginning without any failure: of several balances it finds the good one, before a storm.
 */

import type { Model, ModelComponent } from "../model.ts";
import { callState, limitsCalls, networkTime, timeOf } from "./call-attempts.ts";
import { type CallTime, type LinkState, noCall, timeOfCalls } from "./call-time.ts";
import { componentWait, type InstanceGroup, type WaitGiven } from "./component-wait.ts";
import { priorityRatio } from "./priority-waits.ts";
import { noTime, type RandomTime } from "./random-time.ts";
import { sharedCores, sharesCores } from "./shared-cores.ts";
import type { Mix } from "./work-mix.ts";

const mostRounds = 300;
const settled = 1e-10;

export interface ComponentState {
  arrivalsPerSecond: number;
  arrivalScv: number;
  /** 1 or above: saturated. */
  offered: number;
  shedRatio: number;
  /** Of the requests that are not shed. */
  wait: RandomTime;
  /** Per call: the wait that its full callers have instead of itself. */
  movedMs: number;
  /** What a slot is held for. */
  hold: RandomTime;
  /** From the slot to the answer: what a slot is held for, and calls that are made without one. */
  inside: RandomTime;
  /** Shed or answered badly, of all that arrive. */
  failureRatio: number;
}

export interface OperatingPoint {
  readonly components: readonly ComponentState[];
  readonly links: readonly LinkState[];
  readonly isSettled: boolean;
}

export interface Drive {
  /** Per workload. */
  readonly ratesPerSecond: readonly number[];
  readonly arrivalScvs: readonly number[];
  /** Per client: how many requests it can have under way; Infinity for open workloads. */
  readonly callersOfClient: ReadonlyMap<number, number>;
  /** At the limit callers' slots are all taken, so they go round like users. */
  readonly areCallersFull?: boolean;
  /** Waits known from elsewhere, by component. */
  readonly waitsMs?: ReadonlyMap<number, number>;
  /** Whose requests reach each component; absent: they are all alike. */
  readonly mixes?: readonly Mix[];
}

export function settle(model: Model, drive: Drive): OperatingPoint {
  const components = model.components.map(
    (): ComponentState => ({
      arrivalsPerSecond: 0,
      arrivalScv: 1,
      offered: 0,
      shedRatio: 0,
      wait: noTime,
      movedMs: 0,
      hold: noTime,
      inside: noTime,
      failureRatio: 0,
    }),
  );
  const links = model.links.map((): LinkState => ({ ...noCall }));
  const linkRates = new Float64Array(model.links.length);
  const callers = boundCallers(model, drive);
  let previous = Number.NaN;
  let isSettled = false;
  for (let round = 0; round < mostRounds && !isSettled; round++) {
    passForwards(model, drive, components, links, linkRates);
    passBackwards(model, drive, components, { links, linkRates, callers });
    const sum = components.reduce(
      (total, one) => total + one.arrivalsPerSecond + one.inside.meanMs + one.wait.meanMs + one.arrivalScv,
      0,
    );
    isSettled = sum === previous || Math.abs(sum - previous) <= settled * Math.abs(sum);
    previous = sum;
  }
  return { components, links, isSettled };
}

/** How many requests can be in each component at once: what its callers' slots and connections allow. */
function boundCallers(model: Model, { callersOfClient }: Pick<Drive, "callersOfClient">): number[] {
  const callers = model.components.map(({ index }) => callersOfClient.get(index) ?? 0);
  for (const index of model.callOrder) {
    const component = model.components[index] as ModelComponent;
    const slots = component.isClient || !component.holdsSlot ? Infinity : component.instances * component.concurrency;
    const active = Math.min(slots, callers[index] as number);
    for (const link of component.links) {
      if (link.callsPerRequest === 0 || active === 0) continue;
      const atOnce = component.isParallel ? Math.ceil(link.callsPerRequest) : 1;
      const isBounded = link.isAwaited && link.timeoutMs === 0;
      const connections = link.maxConnections === 0 ? Infinity : component.instances * link.maxConnections;
      callers[link.to] = (callers[link.to] as number) + (isBounded ? Math.min(active * atOnce, connections) : Infinity);
    }
  }
  return callers;
}

function passForwards(
  model: Model,
  drive: Drive,
  components: ComponentState[],
  links: readonly LinkState[],
  linkRates: Float64Array,
): void {
  const rates = new Float64Array(components.length);
  const irregular = new Float64Array(components.length);
  const add = (component: number, rate: number, scv: number) => {
    rates[component] = (rates[component] as number) + rate;
    irregular[component] = (irregular[component] as number) + rate * scv;
  };
  for (const { index, client } of model.workloads) {
    add(client, drive.ratesPerSecond[index] as number, drive.arrivalScvs[index] as number);
  }
  for (const index of model.callOrder) {
    const component = model.components[index] as ModelComponent;
    const state = components[index] as ComponentState;
    const rate = rates[index] as number;
    state.arrivalsPerSecond = rate;
    state.arrivalScv = rate === 0 ? 1 : (irregular[index] as number) / rate;
    const departureScv = component.isClient ? state.arrivalScv : departuresScv(component, state);
    const calling = rate * (1 - state.shedRatio) * callingShare(component);
    for (const { link, perRequest } of timeOfCalls(component, links).made) {
      const linkRate = calling * perRequest * (links[link.index] as LinkState).attempts;
      const split = rate === 0 ? 0 : Math.min(1, linkRate / rate);
      linkRates[link.index] = linkRate;
      add(link.to, linkRate, split * departureScv + 1 - split);
    }
  }
}

/** Whitt's departure process of a station. */
function departuresScv(component: ModelComponent, { arrivalScv, offered, hold }: ComponentState): number {
  const busy = Math.min(1, offered) ** 2;
  const scv = hold.meanMs === 0 || hold.meanMs === Infinity ? 1 : hold.varianceMs2 / hold.meanMs ** 2;
  const slots = component.instances * component.concurrency;
  return 1 + (1 - busy) * (arrivalScv - 1) + (busy * (Math.max(scv, 0.2) - 1)) / Math.sqrt(slots);
}

/** The share of the requests in a slot that go on to make calls. */
function callingShare({ isClient, errorRatio, hitRatio }: ModelComponent): number {
  return isClient ? 1 : (1 - errorRatio) * (1 - hitRatio);
}

function passBackwards(
  model: Model,
  drive: Drive,
  components: readonly ComponentState[],
  { links, linkRates, callers }: { links: LinkState[]; linkRates: Float64Array; callers: readonly number[] },
): void {
  let users = 0;
  for (const count of drive.callersOfClient.values()) users += count;
  for (let position = model.callOrder.length - 1; position >= 0; position--) {
    const index = model.callOrder[position] as number;
    const component = model.components[index] as ModelComponent;
    const state = components[index] as ComponentState;
    for (const link of component.links) {
      const attemptsPerSecond = linkRates[link.index] as number;
      links[link.index] = callState(link, components[link.to] as ComponentState, {
        caller: component,
        attemptsPerSecond,
      });
    }
    const calls = timeOfCalls(component, links);
    const share = callingShare(component);
    const failing = (component.isClient ? 0 : component.errorRatio) + share * calls.failureRatio;
    if (component.isClient) {
      state.inside = calls.time;
      state.hold = calls.time;
      state.failureRatio = failing;
      continue;
    }
    const bound = callers[index] as number;
    const areUsers = drive.areCallersFull === true || bound === users;
    const { instances, concurrency, queueCapacity, choices } = component;
    const { arrivalsPerSecond, arrivalScv } = state;
    const figures = stationFigures(
      component,
      state,
      { calls, share },
      {
        ...{ instances, concurrency, queueCapacity, arrivalsPerSecond, arrivalScv, areUsers },
        balancing: component.isBalancer ? "power_of_two" : component.balancing,
        choices,
        callers: bound,
        callersElsewhere: areUsers ? 0 : workOfCallers(model, index, components, linkRates),
        groups: groupsOf(component, drive.mixes?.[index]),
      },
    );
    const ratio = priorityRatio(component, state.arrivalsPerSecond, drive.mixes?.[index]);
    if (ratio !== 1)
      figures.wait = { meanMs: figures.wait.meanMs * ratio, varianceMs2: figures.wait.varianceMs2 * ratio ** 2 };
    let movedMs = 0;
    for (const { link, perRequest } of component.holdsSlot ? calls.made : []) {
      if (!link.isAwaited || limitsCalls(link, component)) continue;
      movedMs += share * perRequest * (components[link.to] as ComponentState).movedMs;
    }
    state.offered = figures.offered;
    state.shedRatio = figures.shedRatio;
    const knownMs = drive.waitsMs?.get(index);
    state.movedMs = figures.movedMs;
    // Its own formula knows nothing of slots that are all held by one queue behind it; that queue sets the least wait.
    const ownWait = figures.wait.meanMs < movedMs ? { meanMs: movedMs, varianceMs2: movedMs ** 2 } : figures.wait;
    state.wait = knownMs === undefined ? ownWait : { meanMs: knownMs, varianceMs2: knownMs ** 2 };
    state.failureRatio = state.shedRatio + (1 - state.shedRatio) * failing;
  }
}

/** Sets how long a slot is held and a request is inside, and answers the wait for it. */
function stationFigures(
  component: ModelComponent,
  state: ComponentState,
  { calls, share }: { readonly calls: CallTime; readonly share: number },
  given: Omit<WaitGiven, "hold">,
): { offered: number; shedRatio: number; wait: RandomTime; movedMs: number } {
  const work = timeOf(component.serviceTime);
  const shared = sharesCores(component) ? sharedCores({ ...given, hold: work }, component.cpus) : undefined;
  state.inside = withCalls(shared?.work ?? work, calls, share);
  state.hold = component.holdsSlot ? state.inside : (shared?.work ?? work);
  if (shared === undefined) return { ...componentWait({ ...given, hold: state.hold }) };
  const { offered, shedRatio, wait } = shared;
  const isHeldForCalls = component.holdsSlot && share * calls.time.meanMs > 0;
  if (!isHeldForCalls || offered >= 1) return { offered, shedRatio, wait, movedMs: 0 };
  const forSlots = componentWait({ ...given, hold: state.hold });
  return { ...forSlots, offered: Math.max(offered, forSlots.offered) };
}

/** Of instances that get shares of their own: by weight, or the primary that takes all writes. */
function groupsOf(component: ModelComponent, mix: Mix | undefined): InstanceGroup[] | undefined {
  const { instances, balancing, instanceWeights, splitsReads, isBalancer } = component;
  if (splitsReads) {
    const writes = mix?.writeShare ?? 0;
    return [
      { instances: 1, share: writes, count: 1 },
      { instances: instances - 1, share: 1 - writes, count: 1 },
    ];
  }
  if (balancing !== "weighted" || isBalancer || instances === 1) return undefined;
  const weights = Array.from({ length: instances }, (_, index) => instanceWeights[index] ?? 1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return [...new Set(weights)].map((weight) => {
    return { instances: 1, share: weight / total, count: weights.filter((one) => one === weight).length };
  });
}

/** Of the slots or connections that bound it, those that are busy with something else: own work, or the network. */
function workOfCallers(
  model: Model,
  index: number,
  components: readonly ComponentState[],
  linkRates: Float64Array,
): number {
  let slots = 0;
  for (const link of model.links) {
    const { from, to } = link;
    const caller = model.components[from] as ModelComponent;
    if (to !== index) continue;
    if (limitsCalls(link, caller)) {
      const perSecond = linkRates[link.index] as number;
      const networkMs = networkTime(link, perSecond).meanMs;
      slots += networkMs === Infinity ? 0 : (perSecond * networkMs) / 1000;
      continue;
    }
    if (caller.isClient) continue;
    slots += ((components[from] as ComponentState).arrivalsPerSecond * timeOf(caller.serviceTime).meanMs) / 1000;
  }
  return slots;
}

/** Work, and for a share of the requests the calls after it. */
function withCalls(work: RandomTime, { time }: CallTime, share: number): RandomTime {
  if (share === 0) return work;
  const meanMs = share * time.meanMs;
  const varianceMs2 = meanMs === Infinity ? 0 : share * (time.varianceMs2 + time.meanMs ** 2) - meanMs ** 2;
  return { meanMs: work.meanMs + meanMs, varianceMs2: work.varianceMs2 + varianceMs2 };
}
