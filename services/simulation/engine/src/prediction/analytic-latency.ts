/**
 * The whole distribution of the latency that theory expects, of which `analyze` gives the mean: p50, p95 and p99.
 *
 * Every component is put together callees first: work, then calls (one after the other, or the slowest, or one of them),
 * before that the wait, each a distribution on a grid (time-grid.ts). A share of the requests waits as Erlang's C says,
 * and those for a geometric number of remaining slot times, stretched to the mean wait of the analysis. Waits in different
 * places count as independent, which is what the emulator later corrects.
 *
 * Two rounds: a short grid finds where p99 lies, a longer one of twice that reach gives the figures.
 */
import { erlangC } from "../analytic/erlang.ts";
import type { Analysis, ComponentAnalysis } from "../analytic/network.ts";
import type { Model, ModelComponent } from "../model.ts";
import { limitedMeanOf } from "./limited-mean.ts";
import { atOnce, type Masses, mixtureOf, onGrid, quantileSteps, scvOf, slowestOf, sumOf, waitOf } from "./time-grid.ts";

export interface AnalyticLatency {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Squared coefficient of variation. */
  readonly scv: number;
  /** By component index: squared variation of the time a slot is held, and the share of requests that wait. */
  readonly holdScv: Float64Array;
  readonly waitingShare: Float64Array;
}

const shortSteps = 160;
const longSteps = 600;
const shortReach = 24;
const longReach = 2;
const mostWidenings = 12;

/** `undefined` where there is no steady state, or nothing that takes time. */
export function analyticLatency(model: Model, analysis: Analysis): AnalyticLatency | undefined {
  const meanMs = analysis.latencyMeanMs.value;
  if (!(meanMs > 0 && meanMs < Infinity)) return undefined;
  if (analysis.components.some(({ waitMeanMs }) => !(waitMeanMs.value < Infinity))) return undefined;
  let reachMs = meanMs * shortReach;
  for (let widening = 0; widening < mostWidenings; widening++) {
    const rough = onGridOf(model, analysis, shortSteps, reachMs);
    if (rough.p99Ms !== undefined) {
      const isTooWide = rough.p99Ms < (reachMs / shortSteps) * 8;
      if (!isTooWide) return finished(onGridOf(model, analysis, longSteps, rough.p99Ms * longReach), meanMs);
      reachMs = Math.max(rough.p99Ms * 4, reachMs / 8);
    } else reachMs *= 3;
  }
  return undefined;
}

type Rough = Omit<AnalyticLatency, "meanMs" | "p50Ms" | "p95Ms" | "p99Ms"> & {
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
};

function finished({ p50Ms, p95Ms, p99Ms, ...rest }: Rough, meanMs: number): AnalyticLatency | undefined {
  if (p50Ms === undefined || p95Ms === undefined || p99Ms === undefined) return undefined;
  return { meanMs, p50Ms, p95Ms, p99Ms, ...rest };
}

function onGridOf(model: Model, analysis: Analysis, steps: number, reachMs: number): Rough {
  const step = reachMs / steps;
  const analyses = new Map(analysis.components.map((one) => [one.id, one]));
  const visits: Masses[] = [];
  const holdScv = new Float64Array(model.components.length);
  const waitingShare = new Float64Array(model.components.length);
  for (let position = model.callOrder.length - 1; position >= 0; position--) {
    const index = model.callOrder[position] as number;
    const component = model.components[index] as ModelComponent;
    const calls = callsOf(component, visits, steps, step);
    if (component.isClient) {
      visits[index] = calls;
      continue;
    }
    const own = analyses.get(component.id) as ComponentAnalysis;
    const work = onGrid(limitedMeanOf(component.serviceTime), steps, step);
    const inside = sumOf(work, mixtureOf(missShare(model, component, analyses), calls, atOnce(steps)));
    const held = component.holdsSlot ? inside : work;
    holdScv[index] = scvOf(held);
    const share = shareOfWaiting(component, own.offeredLoad.value);
    waitingShare[index] = share;
    const waitMeanMs = own.waitMeanMs.value;
    if (share < 1e-9 || waitMeanMs < 1e-6 * step) {
      visits[index] = inside;
      continue;
    }
    const wait = waitOf(held, busyOf(component, own.offeredLoad.value), waitMeanMs / share / step);
    visits[index] = sumOf(mixtureOf(share, wait, atOnce(steps)), inside);
  }
  const seen = latencyOfClients(model, visits, steps);
  const quantileMs = (share: number) => {
    const found = quantileSteps(seen, share);
    return found === undefined ? undefined : found * step;
  };
  const [p50Ms, p95Ms, p99Ms] = [quantileMs(0.5), quantileMs(0.95), quantileMs(0.99)];
  return { p50Ms, p95Ms, p99Ms, scv: scvOf(seen), holdScv, waitingShare };
}

/** What requests of a component wait for after its own work. */
function callsOf(component: ModelComponent, visits: readonly Masses[], steps: number, step: number): Masses {
  const legs = component.links
    .filter(({ isAwaited, callsPerRequest }) => isAwaited && callsPerRequest > 0)
    .map(({ latency, to, callsPerRequest }) => ({
      masses: sumOf(onGrid(limitedMeanOf(latency), steps, step), visits[to] as Masses),
      count: callsPerRequest,
    }));
  if (component.isQueue || legs.length === 0) return atOnce(steps);
  if (component.isBalancer) {
    const chosen = new Float64Array(steps);
    for (const { masses, count } of legs) {
      for (let k = 0; k < steps; k++) chosen[k] = (chosen[k] as number) + count * (masses[k] as number);
    }
    return chosen;
  }
  if (component.isParallel) return slowestOf(legs);
  let sum = atOnce(steps);
  for (const { masses, count } of legs) {
    for (let call = 1; call <= count; call++) sum = sumOf(sum, masses);
    const rest = count - Math.floor(count);
    if (rest > 0) sum = sumOf(sum, mixtureOf(rest, masses, atOnce(steps)));
  }
  return sum;
}

/** The share of a component's requests that go on to call: for caches, what the rates of the analysis show. */
function missShare(model: Model, component: ModelComponent, analyses: ReadonlyMap<string, ComponentAnalysis>): number {
  if (component.cache === undefined) return 1 - component.hitRatio;
  const link = component.links.find(({ callsPerRequest }) => callsPerRequest > 0);
  const behind = link === undefined ? undefined : analyses.get(model.components[link.to]?.id ?? "");
  const arrivals = (analyses.get(component.id)?.arrivalsPerSecond.value ?? 0) * (link?.callsPerRequest ?? 0);
  return behind === undefined || arrivals === 0 ? 1 : Math.min(1, behind.arrivalsPerSecond.value / arrivals);
}

/** How many wait at all: Erlang's C of the slots that share a queue; its d-th power where all of d choices are full (many). */
function shareOfWaiting({ instances, concurrency, balancing, choices }: ModelComponent, offered: number): number {
  if (offered <= 0) return 0;
  const own = erlangC(concurrency, offered * concurrency);
  if (instances === 1 || balancing === "random" || balancing === "round_robin") return own;
  const pooled = erlangC(concurrency * instances, offered * concurrency * instances);
  if (instances <= choices || balancing === "least_connections") return pooled;
  const many = 1 - choices / instances;
  return (1 - many) * pooled + many * own ** choices;
}

/** How long the queue's tail is; choices among many shorten it. */
function busyOf({ instances, balancing, choices }: ModelComponent, offered: number): number {
  const busy = Math.min(offered, 0.999);
  return instances > choices && balancing === "power_of_two" ? busy ** (1 + choices * (1 - choices / instances)) : busy;
}

/** Over all clients, by their rates. */
function latencyOfClients(model: Model, visits: readonly Masses[], steps: number): Masses {
  const seen = new Float64Array(steps);
  let total = 0;
  for (const { ratePerSecond } of model.workloads) total += ratePerSecond;
  for (const { client, ratePerSecond } of model.workloads) {
    const share = total === 0 ? 1 / model.workloads.length : ratePerSecond / total;
    const masses = visits[client] as Masses;
    for (let k = 0; k < steps; k++) seen[k] = (seen[k] as number) + share * (masses[k] as number);
  }
  return seen;
}
