/**
 * A distributed system as people model it: components, the calls between them, and the load on them.
 *
 * These are the project domain's own types. They hold complete architectures, with every number present;
 * `PartialArchitecture` is what people and files give, and `completeArchitecture` turns one into the other. The limits
 * are data here, so that validation, importers and error messages read the same numbers.
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
export const DISTRIBUTION_KINDS = ["constant", "exponential", "gamma", "lognormal"] as const;
export const FAN_OUTS = ["sequential", "parallel"] as const;
export const WORKLOAD_KINDS = ["poisson", "constant", "closed"] as const;

export type ComponentKind = (typeof COMPONENT_KINDS)[number];
export type DistributionKind = (typeof DISTRIBUTION_KINDS)[number];
export type FanOut = (typeof FAN_OUTS)[number];
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/** A distribution of durations; `cv` (standard deviation ÷ mean) shapes gamma and lognormal. */
export interface Distribution {
  kind: DistributionKind;
  meanMs: number;
  cv: number;
}

/**
 * A part of the system. A slot (`instances` × `concurrency` of them) is held for the component's own work and, except
 * in queues, for the calls it waits for.
 */
export interface Component {
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
export interface Link {
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

/** Load that a client offers: a rate (poisson, constant), or users who wait for each answer and think (closed). */
export interface Workload {
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
}

/** A component as given: the kind decides what the absent fields become. */
export interface PartialComponent {
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
export interface PartialLink {
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
export interface PartialWorkload {
  id?: string | undefined;
  component: string;
  kind?: string | undefined;
  ratePerSecond?: number | undefined;
  users?: number | undefined;
  thinkTimeMs?: number | undefined;
}

export interface PartialArchitecture {
  components?: readonly PartialComponent[] | undefined;
  links?: readonly PartialLink[] | undefined;
  workloads?: readonly PartialWorkload[] | undefined;
}

/** What one number may be: both ends included. */
export interface NumberLimit {
  min: number;
  max: number;
  integer: boolean;
}

const count = (min: number, max: number): NumberLimit => ({ min, max, integer: true });
const real = (min: number, max: number): NumberLimit => ({ min, max, integer: false });

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
export const SERVICE_TIME_LIMIT = real(0, 600_000);
export const LATENCY_LIMIT = real(0, 60_000);
export const CV_LIMIT = real(0, 100);
