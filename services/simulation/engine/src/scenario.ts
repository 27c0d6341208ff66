/**
 * Short notation for architectures in tests: what is not said is the simplest there is (one slot, endless queue, no
 * work, no delay, no failures).
 */
import type { Architecture, Component, Distribution, Link, Workload } from "./architecture.ts";
import { compileModel } from "./model.ts";
import type { ComponentResults, Results } from "./results.ts";
import { Simulation, type SimulationOptions } from "./simulation.ts";

export const constant = (meanMs: number): Distribution => ({ kind: "constant", meanMs, cv: 0 });
export const exponential = (meanMs: number): Distribution => ({ kind: "exponential", meanMs, cv: 1 });

export function component(id: string, kind: Component["kind"], given: Partial<Component> = {}): Component {
  const simplest = { instances: 1, concurrency: 1, serviceTime: constant(0), queueCapacity: 1_000_000 };
  return { id, name: id, kind, errorRatio: 0, hitRatio: 0, fanOut: "sequential", image: "", ...simplest, ...given };
}

export function link(from: string, to: string, given: Partial<Link> = {}): Link {
  const patience = { timeoutMs: 0, retries: 0, retryBackoffMs: 0 };
  const calls = { callsPerRequest: 1, weight: 1, asynchronous: false };
  return { id: `${from}-${to}`, from, to, latency: constant(0), ...patience, ...calls, ...given };
}

export function poisson(client: string, ratePerSecond: number): Workload {
  return { id: `${client}-load`, component: client, kind: "poisson", ratePerSecond, users: 1, thinkTimeMs: 0 };
}

export function constantRate(client: string, ratePerSecond: number): Workload {
  return { ...poisson(client, ratePerSecond), kind: "constant" };
}

export function closed(client: string, users: number, thinkTimeMs: number): Workload {
  return { ...poisson(client, 0), kind: "closed", users, thinkTimeMs };
}

/** A client that sends poisson requests straight to one station. */
export function singleStation(ratePerSecond: number, station: Partial<Component>): Architecture {
  return {
    components: [component("client", "client"), component("station", "service", station)],
    links: [link("client", "station")],
    workloads: [poisson("client", ratePerSecond)],
  };
}

/** Runs to the end; seed 1 unless said otherwise. */
export function simulate(
  architecture: Architecture,
  options: Omit<SimulationOptions, "seed"> & { seed?: number },
): Simulation {
  const simulation = new Simulation(compileModel(architecture), { seed: 1, ...options });
  simulation.runUntil(options.durationMs);
  return simulation;
}

export function resultsOfComponent(results: Results, id: string): ComponentResults {
  const found = results.components.find((one) => one.id === id);
  if (found === undefined) throw new Error(`the results have no component "${id}"`);
  return found;
}
