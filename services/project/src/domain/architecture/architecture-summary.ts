import type { Architecture, Component, ComponentKind, Link } from "./architecture.ts";
import { COMPONENT_KINDS } from "./architecture.ts";
import { callGraph } from "./call-graph.ts";
import { longRunRatePerSecond } from "./workload-rules.ts";

/** One component under the offered load; all numbers are means of the undisturbed system. */
export interface ComponentLoad {
  id: string;
  /** Requests that arrive in a second. */
  ratePerSecond: number;
  /** Mean requests at this component for one request of a client. */
  visitRatio: number;
  /** Share of its slots that its own work takes. */
  workUtilization: number;
  /**
   * Share of its slots that are held, by own work and, where they are held meanwhile, by waiting for the calls it makes; or of
   * its cores that work, where requests share them and that is more. 1 and above cannot be served. Queueing, failures and
   * retries are not in it, so it is the least that a simulation will show.
   */
  utilization: number;
}

/** What can be said about an architecture without simulating it. */
export interface ArchitectureSummary {
  componentCount: number;
  linkCount: number;
  workloadCount: number;
  countByKind: Record<ComponentKind, number>;
  /** Links on the longest path of calls. */
  depth: number;
  /** Components that clients call; without clients, those that nobody calls. */
  entryPoints: string[];
  /** Components with one instance that every workload waits for. External systems are not counted: their inside is unknown. */
  singlePointsOfFailure: string[];
  /** Requests that clients send in a second; a closed workload counts as what its users reach at best. */
  offeredRatePerSecond: number;
  /** In the order of the components. */
  loads: ComponentLoad[];
  /** The component with the highest utilization; undefined without load. */
  bottleneck: string | undefined;
  /** How many times the offered load would fill the bottleneck; undefined without load. */
  headroom: number | undefined;
}

/**
 * Analyses a valid architecture by operational laws: visit ratios from the links give each component's rate, rate ×
 * time a slot is held ÷ slots gives its utilization (the utilization law). Throws nothing; needs an acyclic graph.
 */
export function analyseArchitecture(architecture: Architecture): ArchitectureSummary {
  const { components, links, workloads } = architecture;
  const graph = callGraph(architecture);
  const offered = offeredRates(architecture, graph.holdMs);
  const rates = new Map<string, number>();
  for (const [client, rate] of offered) rates.set(client, rate);
  for (const id of graph.callersFirst) {
    const rate = rates.get(id) ?? 0;
    for (const { link, calls } of graph.callsOf(id)) rates.set(link.to, (rates.get(link.to) ?? 0) + rate * calls);
  }
  const offeredRatePerSecond = [...offered.values()].reduce((sum, rate) => sum + rate, 0);
  const loads = components.map((component) => loadOf(component, rates, graph.holdMs, offeredRatePerSecond));
  const busiest = components
    .map((component, index) => ({ component, load: loads[index] as ComponentLoad }))
    .filter(({ component, load }) => component.kind !== "client" && load.utilization > 0)
    .sort((a, b) => b.load.utilization - a.load.utilization)[0]?.load;
  return {
    componentCount: components.length,
    linkCount: links.length,
    workloadCount: workloads.length,
    countByKind: countByKind(components),
    depth: depthOf(graph.callersFirst, links),
    entryPoints: entryPoints(components, links),
    singlePointsOfFailure: singlePointsOfFailure(architecture, graph.waitsFor),
    offeredRatePerSecond,
    loads,
    bottleneck: busiest?.id,
    headroom: busiest && 1 / busiest.utilization,
  };
}

function loadOf(
  component: Component,
  rates: ReadonlyMap<string, number>,
  holdMs: ReadonlyMap<string, number>,
  offeredRatePerSecond: number,
): ComponentLoad {
  const { id, kind, instances, concurrency, serviceTime, cpus, holdsSlot } = component;
  const ratePerSecond = rates.get(id) ?? 0;
  const slots = kind === "client" ? Number.POSITIVE_INFINITY : instances * concurrency;
  const working = (ratePerSecond / 1000) * serviceTime.meanMs;
  const held = holdsSlot === false ? working : (ratePerSecond / 1000) * (holdMs.get(id) ?? 0);
  const ofCores = cpus === undefined ? 0 : working / (instances * cpus);
  return {
    id,
    ratePerSecond,
    visitRatio: offeredRatePerSecond === 0 ? 0 : ratePerSecond / offeredRatePerSecond,
    workUtilization: Math.max(working / slots, ofCores),
    utilization: Math.max(held / slots, ofCores),
  };
}

/** Rate by client. By Little's law, N users who think Z and wait R send at most N ÷ (Z + R). */
function offeredRates({ workloads }: Architecture, holdMs: ReadonlyMap<string, number>): Map<string, number> {
  const rates = new Map<string, number>();
  for (const workload of workloads) {
    const { component, kind, users, thinkTimeMs } = workload;
    // A cycle of less than a microsecond is no workload but a missing number; it must not give an infinite rate.
    const cycleMs = Math.max(thinkTimeMs + (holdMs.get(component) ?? 0), 0.001);
    const rate = kind === "closed" ? (users / cycleMs) * 1000 : longRunRatePerSecond(workload);
    rates.set(component, (rates.get(component) ?? 0) + rate);
  }
  return rates;
}

function countByKind(components: readonly Component[]): Record<ComponentKind, number> {
  const counts = Object.fromEntries(COMPONENT_KINDS.map((kind) => [kind, 0])) as Record<ComponentKind, number>;
  for (const { kind } of components) counts[kind]++;
  return counts;
}

function depthOf(callersFirst: readonly string[], links: readonly Link[]): number {
  const targets = Map.groupBy(links, (link) => link.from);
  const depths = new Map<string, number>();
  for (const id of callersFirst.toReversed()) {
    const below = (targets.get(id) ?? []).map((link) => 1 + (depths.get(link.to) ?? 0));
    depths.set(
      id,
      below.reduce((a, b) => Math.max(a, b), 0),
    );
  }
  return [...depths.values()].reduce((a, b) => Math.max(a, b), 0);
}

function entryPoints(components: readonly Component[], links: readonly Link[]): string[] {
  const clients = new Set(components.filter(({ kind }) => kind === "client").map(({ id }) => id));
  const calledByClients = new Set(links.filter(({ from }) => clients.has(from)).map(({ to }) => to));
  const called = new Set(links.map(({ to }) => to));
  return components
    .filter(({ id, kind }) => (clients.size > 0 ? calledByClients.has(id) : kind !== "client" && !called.has(id)))
    .map(({ id }) => id);
}

function singlePointsOfFailure(
  { components, workloads }: Architecture,
  waitsFor: (id: string) => ReadonlySet<string>,
): string[] {
  if (workloads.length === 0) return [];
  const paths = [...new Set(workloads.map(({ component }) => component))].map((client) => waitsFor(client));
  return components
    .filter(({ kind, instances }) => kind !== "client" && kind !== "external" && instances === 1)
    .filter(({ id }) => paths.every((path) => path.has(id)))
    .map(({ id }) => id);
}
