import { type Architecture, compileModel, type Results, Simulation } from "@weft/simulator";
import { component, constant, exponential, link, poisson } from "@weft/simulator/testing";
import { processorMs } from "./measuring.ts";

/*
 * The model whose speed counts: a load balancer, ten instances of a service, a cache and a database behind a pool of
 * connections, with network delays, timeouts and retries on every link; the engine keeps its histograms of all of them.
 * At load 1 nothing is saturated. `scale` multiplies the rate and every capacity, so that it stays the same system.
 */
export function fullModel(scale: number): Architecture {
  const wire = { latency: constant(0.5), timeoutMs: 1000 };
  return {
    components: [
      component("client", "client"),
      component("balancer", "load_balancer", {
        ...{ concurrency: Math.min(10_000, 1000 * scale), queueCapacity: 1000 * scale },
      }),
      component("app", "service", {
        ...{ instances: 10, concurrency: 16 * scale, queueCapacity: 100 * scale },
        serviceTime: exponential(8),
      }),
      component("cache", "cache", { concurrency: 100 * scale, serviceTime: exponential(0.5), hitRatio: 0.8 }),
      component("pool", "service", { concurrency: 8 * scale, queueCapacity: 200 * scale }),
      component("database", "database", {
        concurrency: 8 * scale,
        serviceTime: { kind: "lognormal", meanMs: 10, cv: 1 },
      }),
    ],
    links: [
      link("client", "balancer", wire),
      link("balancer", "app", { ...wire, retries: 1, retryBackoffMs: 20 }),
      link("app", "cache", wire),
      link("cache", "pool", { ...wire, retries: 1, retryBackoffMs: 20 }),
      link("pool", "database", wire),
    ],
    workloads: [poisson("client", 2000 * scale)],
  };
}

export interface Pending {
  readonly all: number;
  /** Without those of constant delay, which the engine keeps in lanes beside its heap. */
  readonly random: number;
}

/**
 * Mean numbers of scheduled events by Little's law: a timeout stands for as long as the patience lasts, whether or not
 * the answer has come; a delay and a piece of work for as long as they take; the next arrival always.
 */
export function pendingEvents(architecture: Architecture, results: Results): Pending {
  const seconds = (results.simulatedMs - results.warmupMs) / 1000;
  const of = (id: string) => results.components.find((one) => one.id === id);
  let inLanes = 0;
  for (const { to, timeoutMs, latency } of architecture.links) {
    inLanes += ((of(to)?.arrivals ?? 0) / seconds) * ((timeoutMs + latency.meanMs) / 1000);
  }
  let random = architecture.workloads.length;
  for (const { id, kind, instances, concurrency } of architecture.components) {
    if (kind !== "client") random += (of(id)?.workUtilization ?? 0) * instances * concurrency;
  }
  return { all: Math.round(inLanes + random), random: Math.round(random) };
}

export interface EngineRun {
  readonly results: Results;
  readonly eventsPerSecond: number;
  readonly requestsPerSecond: number;
}

/** Simulates for about this long of processor time, after a simulated second of warm-up. */
export function measureEngine(architecture: Architecture, measureMs: number, seed: number): EngineRun {
  const week = 7 * 24 * 3_600_000;
  const simulation = new Simulation(compileModel(architecture), { seed, durationMs: week, warmupMs: 1000 });
  simulation.runUntil(1000);
  const before = simulation.results();
  const startedMs = processorMs();
  while (processorMs() - startedMs < measureMs) simulation.runUntil(week, 50_000);
  const seconds = (processorMs() - startedMs) / 1000;
  const results = simulation.results();
  return {
    results,
    eventsPerSecond: (results.events - before.events) / seconds,
    requestsPerSecond: (results.completed - before.completed) / seconds,
  };
}
