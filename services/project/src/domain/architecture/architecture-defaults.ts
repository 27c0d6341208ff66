import type {
  Component,
  ComponentKind,
  DistributionKind,
  Link,
  Workload,
  WorkloadKind,
  WorkloadShape,
} from "./architecture.ts";

/**
 * The one table of what an absent number becomes. The numbers are those of an ordinary, unremarkable part, so that an
 * imported file gives a model that runs and whose surprises come from its shape. They are a start: measured numbers
 * beat all of them.
 */
export type ComponentDefaults = Omit<Component, "id" | "name" | "kind" | "image">;

const part: ComponentDefaults = {
  instances: 1,
  // Requests at once in one ordinary process: a common size of a thread or connection pool.
  concurrency: 16,
  // Own work of a request handler. Gamma with cv 1 is as irregular as an exponential and can be made calmer by cv alone.
  serviceTime: { kind: "gamma", meanMs: 10, cv: 1 },
  // Waiting room of one instance: about the listen backlog people leave as it is.
  queueCapacity: 1000,
  errorRatio: 0,
  hitRatio: 0,
  // Code that awaits one call after the other is the rule.
  fanOut: "sequential",
};

export const COMPONENT_DEFAULTS: Record<ComponentKind, ComponentDefaults> = {
  // Originates requests only: no work, no queue. One "instance" stands for all people.
  client: {
    ...part,
    concurrency: 1,
    serviceTime: { kind: "constant", meanMs: 0, cv: 0 },
    queueCapacity: 0,
  },
  // An event loop: many requests in flight, a fraction of a millisecond of work each.
  load_balancer: {
    ...part,
    concurrency: 1024,
    serviceTime: { kind: "constant", meanMs: 0.3, cv: 0 },
    queueCapacity: 4096,
  },
  service: part,
  // In-memory store behind one event loop that overlaps network and lookups; 0.9 is what a working set that fits gives.
  cache: {
    ...part,
    concurrency: 64,
    serviceTime: { kind: "gamma", meanMs: 1, cv: 0.5 },
    queueCapacity: 10_000,
    hitRatio: 0.9,
  },
  // 20 busy connections of indexed queries; a few slow ones among many fast ones.
  database: {
    ...part,
    concurrency: 20,
    serviceTime: { kind: "gamma", meanMs: 5, cv: 1 },
  },
  // Appending a message and acknowledging it, with room for a long backlog.
  queue: {
    ...part,
    concurrency: 64,
    serviceTime: { kind: "gamma", meanMs: 2, cv: 0.5 },
    queueCapacity: 100_000,
  },
  // Somebody else's system: slow with a long tail, and its capacity is not ours to run out of soon.
  external: {
    ...part,
    concurrency: 1000,
    serviceTime: { kind: "lognormal", meanMs: 50, cv: 1 },
    queueCapacity: 10_000,
  },
};

export const LINK_DEFAULTS: Omit<Link, "id" | "from" | "to"> = {
  // A round trip inside one data centre, kernel and network together.
  latency: { kind: "constant", meanMs: 0.5, cv: 0 },
  // Long beside every default service time, short beside a person's patience.
  timeoutMs: 1000,
  // Retries multiply load, so they are asked for, never assumed.
  retries: 0,
  retryBackoffMs: 50,
  callsPerRequest: 1,
  weight: 1,
  asynchronous: false,
};

export const WORKLOAD_DEFAULTS: Omit<Workload, "id" | "component"> = {
  // Independent people are a Poisson process; 50 a second loads a default service of one instance to about a third.
  kind: "poisson",
  ratePerSecond: 50,
  // Closed workloads: ten people with a second between an answer and the next request.
  users: 10,
  thinkTimeMs: 1000,
};

/**
 * What makes a kind of workload that kind. A ramp leads to twice its rate when it is not said where to; nothing can stand
 * in for the arrivals of a replay.
 */
export const WORKLOAD_SHAPE_DEFAULTS: Partial<Record<WorkloadKind, WorkloadShape>> = {
  // A second at five times the mean, every ten seconds; half the mean in between.
  bursty: { burstFactor: 5, burstMs: 1000, burstShare: 0.1 },
  // Three times as many people by day as by night.
  diurnal: { amplitude: 0.5, periodMs: 86_400_000 },
  ramp: { startMs: 0, lengthMs: 60_000 },
  spike: { startMs: 0, lengthMs: 60_000, spikeFactor: 3 },
  batch: { batchSize: 10 },
};

/** The cv of a kind of distribution whose cv is not given; 1 where nothing is said. */
export const NATURAL_CV: Partial<Record<DistributionKind, number>> = {
  constant: 0,
  // Four stages: a few steps one after the other.
  erlang: 0.5,
  // A few slow requests among many fast ones; at 1 it would be an exponential.
  hyperexponential: 2,
};
/** Heavy: below 2 only the maximum bounds the variance. Files on the web are near 1.1 (Crovella and Bestavros 1997). */
export const PARETO_TAIL_INDEX = 1.5;
/** Longer than anybody waits, so that the tail is cut where nobody sees it. */
export const PARETO_MAX_PER_MEAN = 1000;
