import type { ComponentOptions, Given, LinkOptions, WorkloadOptions } from "./architecture-options.ts";

/**
 * A distributed system as people model it: components, the calls between them, and the load on them.
 *
 * These are the project domain's own types. They hold complete architectures, with every number present;
 * `PartialArchitecture` is what people and files give, and `completeArchitecture` turns one into the other. What only some
 * models say is in `architecture-options.ts`. The limits are data here, so that validation, importers and error messages read the same numbers.
 */
export const COMPONENT_KINDS = [
  "client",
  "load_balancer",
  "service",
  "cache",
  "database",
  "queue",
  "external",
] as const;
export const DISTRIBUTION_KINDS = [
  "constant",
  "exponential",
  "erlang",
  "gamma",
  "lognormal",
  "hyperexponential",
  "pareto",
  "empirical",
] as const;
export const FAN_OUTS = ["sequential", "parallel"] as const;
export const WORKLOAD_KINDS = [
  "poisson",
  "constant",
  "closed",
  "bursty",
  "diurnal",
  "ramp",
  "spike",
  "batch",
  "replay",
] as const;

export type ComponentKind = (typeof COMPONENT_KINDS)[number];
export type DistributionKind = (typeof DISTRIBUTION_KINDS)[number];
export type FanOut = (typeof FAN_OUTS)[number];
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/**
 * A distribution of durations; `cv` (standard deviation ÷ mean) shapes erlang (at most 1), gamma, lognormal and
 * hyperexponential (at least 1). Fields that the kind does not use are kept and mean nothing.
 */
export interface Distribution {
  kind: DistributionKind;
  /** Empirical: follows from the points. */
  meanMs: number;
  cv: number;
  /** Pareto: the exponent of its tail; smaller is heavier. Present in every pareto. */
  tailIndex?: number;
  /** Pareto: no duration is longer; the lower end follows from the mean. Present in every pareto. */
  maxMs?: number;
  /** Empirical: a histogram, ascending; its bins touch and the first begins at 0. */
  points?: DistributionPoint[];
}

/** The upper end of a bin, and how much falls into it: a count or a share. */
export interface DistributionPoint {
  upToMs: number;
  weight: number;
}

/**
 * A part of the system. A slot (`instances` × `concurrency` of them) is held for the component's own work and, except
 * in queues, for the calls it waits for.
 */
export interface Component extends ComponentOptions {
  id: string;
  name: string;
  kind: ComponentKind;
  instances: number;
  concurrency: number;
  serviceTime: Distribution;
  queueCapacity: number;
  errorRatio: number;
  hitRatio: number;
  fanOut: FanOut;
  image: string;
}

/** Calls from one component to another; `latency` is the network's round trip, `timeoutMs` 0 waits for ever. */
export interface Link extends LinkOptions {
  id: string;
  from: string;
  to: string;
  latency: Distribution;
  timeoutMs: number;
  retries: number;
  retryBackoffMs: number;
  callsPerRequest: number;
  weight: number;
  asynchronous: boolean;
}

/**
 * How a rate varies; each kind of workload has its own fields, which are present in every workload of that kind. Fields
 * that the kind does not use are kept and mean nothing.
 */
export interface WorkloadShape {
  /** Bursty: the rate in a burst ÷ the mean rate. */
  burstFactor?: number;
  /** Bursty: mean length of a burst (exponential). */
  burstMs?: number;
  /** Bursty: share of the time that is burst; burstFactor × burstShare is at most 1. */
  burstShare?: number;
  /** Diurnal: the rate is mean × (1 + amplitude × sin(2πt ÷ period)). */
  amplitude?: number;
  periodMs?: number;
  /** Ramp: the rate at its end, kept from there on. */
  toRatePerSecond?: number;
  /** Ramp and spike: when it begins, and how long it takes. */
  startMs?: number;
  lengthMs?: number;
  /** Spike: the rate in it ÷ the rate outside. */
  spikeFactor?: number;
  /** Batch: requests that arrive at one instant. */
  batchSize?: number;
  /** Replay: when each request arrives, from the start of a run, ascending; at least one. */
  arrivalsMs?: number[];
}

/**
 * Load that a client offers: users who wait for each answer and think (closed), recorded arrivals (replay), or a rate that
 * is the mean of every other kind but ramp, where it is the rate at the start, and spike, where it is the rate outside.
 */
export interface Workload extends WorkloadShape, WorkloadOptions {
  id: string;
  component: string;
  kind: WorkloadKind;
  ratePerSecond: number;
  users: number;
  thinkTimeMs: number;
}

export interface Architecture {
  components: Component[];
  links: Link[];
  workloads: Workload[];
}

/** Every field optional and every name an unchecked string: what arrives from outside. */
export interface PartialDistribution {
  kind?: string | undefined;
  meanMs?: number | undefined;
  cv?: number | undefined;
  tailIndex?: number | undefined;
  maxMs?: number | undefined;
  points?: readonly DistributionPoint[] | undefined;
}

/** A component as given: the kind decides what the absent fields become. */
export interface PartialComponent extends Given<ComponentOptions> {
  id: string;
  kind: string;
  name?: string | undefined;
  instances?: number | undefined;
  concurrency?: number | undefined;
  serviceTime?: PartialDistribution | undefined;
  queueCapacity?: number | undefined;
  errorRatio?: number | undefined;
  hitRatio?: number | undefined;
  fanOut?: string | undefined;
  image?: string | undefined;
}

/** A link as given. */
export interface PartialLink extends Given<LinkOptions> {
  id?: string | undefined;
  from: string;
  to: string;
  latency?: PartialDistribution | undefined;
  timeoutMs?: number | undefined;
  retries?: number | undefined;
  retryBackoffMs?: number | undefined;
  callsPerRequest?: number | undefined;
  weight?: number | undefined;
  asynchronous?: boolean | undefined;
}

/** A workload as given. */
export interface PartialWorkload extends Given<WorkloadOptions> {
  id?: string | undefined;
  component: string;
  kind?: string | undefined;
  ratePerSecond?: number | undefined;
  users?: number | undefined;
  thinkTimeMs?: number | undefined;
  burstFactor?: number | undefined;
  burstMs?: number | undefined;
  burstShare?: number | undefined;
  amplitude?: number | undefined;
  periodMs?: number | undefined;
  toRatePerSecond?: number | undefined;
  startMs?: number | undefined;
  lengthMs?: number | undefined;
  spikeFactor?: number | undefined;
  batchSize?: number | undefined;
  arrivalsMs?: readonly number[] | undefined;
}

export interface PartialArchitecture {
  components?: readonly PartialComponent[] | undefined;
  links?: readonly PartialLink[] | undefined;
  workloads?: readonly PartialWorkload[] | undefined;
}

/** What one number may be: both ends included, unless `aboveMin` leaves the lower one out; `orZero` allows 0 too. */
export interface NumberLimit {
  min: number;
  max: number;
  integer: boolean;
  aboveMin?: boolean;
  orZero?: boolean;
}

export const count = (min: number, max: number): NumberLimit => ({ min, max, integer: true });
export const real = (min: number, max: number): NumberLimit => ({ min, max, integer: false });

export const COMPONENT_ID_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** How many of each an architecture may have. */
export const MAX_COMPONENTS = 500;
export const MAX_LINKS = 2000;
export const MAX_WORKLOADS = 100;

/** Longest texts, in characters. */
export const TEXT_LIMITS = { name: 100, image: 500, linkId: 160, workloadId: 63 } as const;

/** Limits of every number, by the field's name; distributions are named by what they belong to. */
export const COMPONENT_LIMITS = {
  instances: count(1, 1000),
  concurrency: count(1, 10_000),
  queueCapacity: count(0, 1_000_000),
  errorRatio: real(0, 1),
  hitRatio: real(0, 1),
} as const;
export const LINK_LIMITS = {
  timeoutMs: count(0, 600_000),
  retries: count(0, 10),
  retryBackoffMs: count(0, 60_000),
  callsPerRequest: real(0, 100),
  weight: real(0, 1000),
} as const;
export const WORKLOAD_LIMITS = {
  ratePerSecond: real(0, 1_000_000),
  users: count(1, 100_000),
  thinkTimeMs: real(0, 3_600_000),
} as const;
const WEEK_MS = 604_800_000;
const YEAR_MS = 31_536_000_000;
/** Of the fields that only some kinds of workload have. A run lasts a week at most; a period or a record, a year. */
export const WORKLOAD_SHAPE_LIMITS = {
  burstFactor: real(1, 1000),
  burstMs: real(1, 86_400_000),
  burstShare: real(0.0001, 0.9999),
  amplitude: real(0, 1),
  periodMs: real(1, YEAR_MS),
  toRatePerSecond: real(0, 1_000_000),
  startMs: real(0, WEEK_MS),
  lengthMs: real(1, WEEK_MS),
  spikeFactor: real(0, 1000),
  batchSize: count(1, 10_000),
} as const;
export const ARRIVAL_LIMIT = real(0, YEAR_MS);
/** Of all workloads together: they are stored with every version of a project. */
export const MAX_ARRIVALS = 100_000;
export const SERVICE_TIME_LIMIT = real(0, 600_000);
export const LATENCY_LIMIT = real(0, 60_000);
export const CV_LIMIT = real(0, 100);
export const TAIL_INDEX_LIMIT = real(0.1, 100);
/** Longest single duration: 1000 times the longest mean, a week. */
export const MAX_MS_LIMIT = real(0, 600_000_000);
export const POINT_WEIGHT_LIMIT = real(0, 1e12);
export const MAX_POINTS = 1000;
