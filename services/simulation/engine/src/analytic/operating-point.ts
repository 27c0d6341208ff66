/**
 * Where a model settles at given rates of its workloads: a fixed point of two passes over its components.
 *
 * Forwards, callers first: how often each is called (calls per request, balancer weights, hits, errors, sequential calls
 * that stop at the first failure, retries) and how irregularly (QNA's merging, splitting and departures; Whitt 1983).
 * Backwards, callees first: how long a slot is held, since a caller holds its own while it waits for the answers; from
 * that the wait, and from the wait what times out. Time-outs and sheddings change the rates, so both are repeated until
 * nothing moves, beginning without any failure: of several balances it finds the good one, before a storm.
 */

import type { Distribution } from "../architecture.ts";
import { momentsOf } from "../distribution-moments.ts";
import type { Model, ModelComponent, ModelLink } from "../model.ts";
import { attemptsPerCall, callFailureRatio } from "./amplification.ts";
import { type CallTime, type LinkState, noCall, timeOfCalls } from "./call-time.ts";
import { componentWait } from "./component-wait.ts";
import { limitedMeanMs, noTime, type RandomTime, tailAbove } from "./random-time.ts";

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
  const callers = boundCallers(model, drive);
  let previous = Number.NaN;
  let isSettled = false;
  for (let round = 0; round < mostRounds && !isSettled; round++) {
    passForwards(model, drive, components, links);
    passBackwards(model, drive, components, links, callers);
    const sum = components.reduce(
      (total, one) => total + one.arrivalsPerSecond + one.inside.meanMs + one.wait.meanMs + one.arrivalScv,
      0,
    );
    isSettled = sum === previous || Math.abs(sum - previous) <= settled * Math.abs(sum);
    previous = sum;
  }
  return { components, links, isSettled };
}

/** Mean and variance of a distribution. */
export function timeOf(distribution: Distribution): RandomTime {
  const { meanMs, cv } = momentsOf(distribution);
  return { meanMs, varianceMs2: (meanMs * cv) ** 2 };
}

/** How many requests can be in each component at once: what its callers' slots allow. */
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
      callers[link.to] = (callers[link.to] as number) + (isBounded ? active * atOnce : Infinity);
    }
  }
  return callers;
}

function passForwards(model: Model, drive: Drive, components: ComponentState[], links: readonly LinkState[]): void {
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
  links: LinkState[],
  callers: readonly number[],
): void {
  let users = 0;
  for (const count of drive.callersOfClient.values()) users += count;
  for (let position = model.callOrder.length - 1; position >= 0; position--) {
    const index = model.callOrder[position] as number;
    const component = model.components[index] as ModelComponent;
    const state = components[index] as ComponentState;
    for (const link of component.links) links[link.index] = callState(link, components[link.to] as ComponentState);
    const calls = timeOfCalls(component, links);
    const share = callingShare(component);
    const failing = (component.isClient ? 0 : component.errorRatio) + share * calls.failureRatio;
    const work = timeOf(component.serviceTime);
    state.inside = component.isClient ? calls.time : withCalls(work, calls, share);
    state.hold = component.isClient || component.holdsSlot ? state.inside : work;
    if (component.isClient) {
      state.failureRatio = failing;
      continue;
    }
    const { arrivalsPerSecond, arrivalScv, hold } = state;
    const { instances, concurrency, queueCapacity, balancing } = component;
    const given = { instances, concurrency, queueCapacity, balancing, arrivalsPerSecond, arrivalScv, hold };
    const bound = callers[index] as number;
    const areUsers = drive.areCallersFull === true || bound === users;
    const callersElsewhere = areUsers ? 0 : workOfCallers(model, index, components);
    const figures = componentWait({ ...given, callers: bound, callersElsewhere, areUsers });
    let movedMs = 0;
    for (const { link, perRequest } of component.holdsSlot ? calls.made : []) {
      if (link.isAwaited) movedMs += share * perRequest * (components[link.to] as ComponentState).movedMs;
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

/** Slots of its callers that are busy with their own work. */
function workOfCallers(model: Model, index: number, components: readonly ComponentState[]): number {
  let slots = 0;
  for (const { from, to } of model.links) {
    const caller = model.components[from] as ModelComponent;
    if (to !== index || caller.isClient) continue;
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

/** A call over a link to a component in that state: its attempts, how it ends, how long it takes with its pauses. */
function callState(link: ModelLink, callee: ComponentState): LinkState {
  const network = timeOf(link.latency);
  const served = 1 - callee.shedRatio;
  const visitMs = callee.wait.meanMs + callee.inside.meanMs;
  const meanMs = network.meanMs + (served === 0 ? 0 : served * visitMs);
  const visitVariance = callee.wait.varianceMs2 + callee.inside.varianceMs2 + callee.shedRatio * visitMs ** 2;
  const attempt = { meanMs, varianceMs2: network.varianceMs2 + (meanMs === Infinity ? 0 : served * visitVariance) };
  const lateRatio = link.timeoutMs === 0 ? 0 : tailAbove(attempt, link.timeoutMs);
  const failing = 1 - (1 - callee.failureRatio) * (1 - lateRatio);
  const attempts = attemptsPerCall(failing, link.retries);
  const attemptMs = link.timeoutMs === 0 ? meanMs : limitedMeanMs(attempt, link.timeoutMs);
  let pausesMs = 0;
  let variance =
    attempts * attempt.varianceMs2 * (meanMs === Infinity ? 0 : Math.min(1, attemptMs / (meanMs || 1)) ** 2);
  let attemptsSquare = 0;
  for (let made = 0; made <= link.retries; made++) {
    const reached = failing ** made;
    attemptsSquare += (2 * made + 1) * reached;
    if (made === 0) continue;
    const pauseMs = (link.retryBackoffMs * 2 ** (made - 1)) / 2;
    pausesMs += reached * pauseMs;
    variance += (reached * pauseMs ** 2 * 4) / 3 - (reached * pauseMs) ** 2;
  }
  const again = attemptsSquare - attempts ** 2;
  if (again > 0 && attemptMs < Infinity) variance += again * attemptMs ** 2;
  return {
    attempts,
    lateRatio,
    failureRatio: callFailureRatio(failing, link.retries),
    time: { meanMs: attempts * attemptMs + pausesMs, varianceMs2: variance },
  };
}
