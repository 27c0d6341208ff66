/** A model in which everything that the engine knows happens at once, and the runs of it that properties look at. */
import type { Architecture } from "../../src/architecture.ts";
import { compileModel } from "../../src/model.ts";
import { closed, component, constant, constantRate, exponential, link, poisson } from "../../src/scenario.ts";
import { Simulation, type SimulationOptions } from "../../src/simulation.ts";

export const busyModel: Architecture = {
  components: [
    component("web", "client"),
    component("jobs", "client", { fanOut: "parallel" }),
    component("balancer", "load_balancer", { concurrency: 200 }),
    component("east", "service", { instances: 3, concurrency: 8, serviceTime: exponential(4), errorRatio: 0.01 }),
    component("west", "service", { instances: 2, concurrency: 8, serviceTime: exponential(5), fanOut: "parallel" }),
    component("cache", "cache", { concurrency: 50, serviceTime: constant(1), hitRatio: 0.7 }),
    component("database", "database", {
      ...{ concurrency: 4, queueCapacity: 40 },
      serviceTime: { kind: "lognormal", meanMs: 8, cv: 1.5 },
    }),
    component("events", "queue", { concurrency: 10, serviceTime: constant(1) }),
    component("worker", "service", {
      concurrency: 4,
      serviceTime: { kind: "gamma", meanMs: 6, cv: 0.5 },
      errorRatio: 0.1,
    }),
    component("mail", "external", { concurrency: 100, serviceTime: exponential(60) }),
  ],
  links: [
    link("web", "balancer", { latency: exponential(10), timeoutMs: 400 }),
    link("jobs", "west", { callsPerRequest: 1.5 }),
    link("jobs", "database"),
    link("balancer", "east", { weight: 3, timeoutMs: 60, retries: 2, retryBackoffMs: 20 }),
    link("balancer", "west", { timeoutMs: 60, retries: 1 }),
    link("east", "cache", { callsPerRequest: 1.5, latency: constant(1) }),
    link("west", "cache"),
    link("cache", "database", { timeoutMs: 50, retries: 1, latency: constant(1) }),
    link("east", "events", { callsPerRequest: 0.5, asynchronous: true }),
    link("events", "worker", { retries: 2, retryBackoffMs: 50 }),
    link("worker", "mail", { timeoutMs: 100, asynchronous: true }),
  ],
  workloads: [poisson("web", 250), closed("jobs", 20, 100), { ...constantRate("web", 30), id: "probe" }],
};

/** Runs the model to its end in slices; `visit` is called between them. Overloaded from a third of the run to two thirds. */
export function runBusy(
  options: SimulationOptions,
  sliceMs: number,
  visit: (simulation: Simulation) => void = () => {},
): Simulation {
  const simulation = new Simulation(compileModel(busyModel), options);
  const thirdMs = Math.floor(options.durationMs / 3);
  const loads = [3, 1];
  for (let untilMs = thirdMs; !simulation.done; untilMs += thirdMs) {
    while (simulation.nowMs < Math.min(untilMs, options.durationMs)) {
      simulation.runUntil(Math.min(simulation.nowMs + sliceMs, untilMs));
      visit(simulation);
    }
    const load = loads.shift();
    if (load !== undefined) simulation.setLoad(load);
  }
  return simulation;
}
