/**
 * The system to simulate, as its owner describes it: components, links between them, and the workloads that drive them.
 *
 * This is the domain's own type; callers convert into it. Every field is present: defaults are filled in by whoever owns
 * the architecture. What the fields make the engine do is decided in `simulation.ts`, their limits in
 * `check-architecture.ts`.
 */
export type ComponentKind = "client" | "load_balancer" | "service" | "cache" | "database" | "queue" | "external";
export type DistributionKind = "constant" | "exponential" | "gamma" | "lognormal";

/** A duration drawn at random; `cv`, the coefficient of variation, is used by gamma and lognormal. */
export interface Distribution {
  readonly kind: DistributionKind;
  readonly meanMs: number;
  readonly cv: number;
}

/** One box of the diagram: `instances` replicas, each with its own queue and `concurrency` slots. */
export interface Component {
  readonly id: string;
  readonly name: string;
  readonly kind: ComponentKind;
  readonly instances: number;
  readonly concurrency: number;
  /** Own work per request, without downstream calls. Clients do none. */
  readonly serviceTime: Distribution;
  /** Requests that may wait per instance; one more is shed. */
  readonly queueCapacity: number;
  /** Share of requests that fail after their own work, before any downstream call. */
  readonly errorRatio: number;
  /** Caches: share of requests answered without calling what is behind. */
  readonly hitRatio: number;
  readonly fanOut: "sequential" | "parallel";
  readonly image: string;
}

/** Calls from one component to another. */
export interface Link {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** The network's round trip; half of each draw is spent each way. */
  readonly latency: Distribution;
  /** 0: the caller waits for ever. The work behind an expired call goes on. */
  readonly timeoutMs: number;
  readonly retries: number;
  /** Upper end of the first random delay before a retry; doubled for each further one. */
  readonly retryBackoffMs: number;
  /** Mean calls per request of `from`; the whole part always, one more with the rest's probability. */
  readonly callsPerRequest: number;
  /** Share of a load balancer's requests, relative to its other links. */
  readonly weight: number;
  readonly asynchronous: boolean;
}

/** Who sends requests into a client, and how often. */
export interface Workload {
  readonly id: string;
  readonly component: string;
  readonly kind: "poisson" | "constant" | "closed";
  readonly ratePerSecond: number;
  readonly users: number;
  readonly thinkTimeMs: number;
}

export interface Architecture {
  readonly components: readonly Component[];
  readonly links: readonly Link[];
  readonly workloads: readonly Workload[];
}
