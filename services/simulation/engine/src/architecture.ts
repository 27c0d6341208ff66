/**
 * The system to simulate, as its owner describes it: components, links between them, and the workloads that drive them.
 *
 * This is the domain's own type; callers convert into it. Every field is present: defaults are filled in by whoever owns
 * the architecture. What the fields make the engine do is decided in `simulation.ts`, their limits in
 * `check-architecture.ts`.
 */
export type ComponentKind = "client" | "load_balancer" | "service" | "cache" | "database" | "queue" | "external";
export type DistributionKind =
  | "constant"
  | "exponential"
  | "erlang"
  | "gamma"
  | "lognormal"
  | "hyperexponential"
  | "pareto"
  | "empirical";

/**
 * A duration drawn at random, with the given mean. `cv`, the coefficient of variation, shapes
 * - erlang: 1/√k for a whole number k of stages; the nearest k is taken,
 * - gamma and lognormal: any,
 * - hyperexponential: at least 1; two exponentials with balanced means.
 * The others do not read it; what mean and cv are in the end is what `momentsOf` says.
 */
export interface Distribution {
  readonly kind: DistributionKind;
  /** Derived from the points when the kind is empirical. */
  readonly meanMs: number;
  readonly cv: number;
  /** pareto: the exponent of its tail, 0.1 to 100; smaller is heavier. 1.5 when absent. */
  readonly tailIndex?: number;
  /** pareto: no draw is longer; 1000 times the mean when absent. The lower end follows from the mean. */
  readonly maxMs?: number;
  /** empirical: values with their weights; between two neighbours draws are uniform (a histogram's bins). */
  readonly points?: readonly DistributionPoint[];
}

/** The upper end of a bin of an empirical distribution, and how much falls into it; bins touch, the first begins at 0. */
export interface DistributionPoint {
  readonly upToMs: number;
  readonly weight: number;
}

/** Which instance gets a request (balancing.ts). */
export type Balancing = "power_of_two" | "random" | "round_robin" | "least_connections";

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
  /** "power_of_two" when absent. */
  readonly balancing?: Balancing;
  /** Who gets a free slot: the oldest, or the newest ("lifo"). "fifo" when absent. */
  readonly discipline?: "fifo" | "lifo";
  /** Who is shed when the queue is full: the newcomer, or who has waited longest. "newest" when absent. */
  readonly shed?: "newest" | "oldest";
  /**
   * Whether a request keeps its slot while its downstream calls are under way, as a thread does that waits; an event loop does
   * not. True when absent.
   */
  readonly holdsSlot?: boolean;
  readonly image: string;
  /** Caches: keys instead of the fixed `hitRatio`, which is then ignored; absent means the fixed ratio. */
  readonly cache?: KeyedCacheOptions;
}

/**
 * A cache that holds entries by key, in each of its instances. A request asks for one key, the k-th most wanted with a
 * probability proportional to 1 / k^skew, and on a miss that was answered well behind the cache the key is held.
 */
export interface KeyedCacheOptions {
  /** How many different keys are asked for, 1 to 10 000 000. */
  readonly keys: number;
  /** Exponent of Zipf's law, 0 (all alike) to 5; 0.6 to 1.2 is usual. */
  readonly skew: number;
  /** Entries per instance, 1 to 10 000 000; 10 000 000 over all instances. */
  readonly capacity: number;
  /** Which entry goes when there is no room: least recently used, least frequently used, or first to expire. */
  readonly policy: "lru" | "lfu" | "ttl";
  /** Life of an entry from when it was written; 0: it never expires. Above 0 for ttl. */
  readonly ttlMs: number;
  /** ttl: whether each hit begins a new life (a sliding expiry); false when absent. */
  readonly ttlResetsOnHit?: boolean;
  /** Whether misses of a key that is being fetched wait for that fetch instead of calling downstream themselves. */
  readonly singleFlight: boolean;
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

export type WorkloadKind =
  | "poisson"
  | "constant"
  | "closed"
  | "bursty"
  | "diurnal"
  | "ramp"
  | "spike"
  | "batch"
  | "replay";

/**
 * Who sends requests into a client, and how often. `ratePerSecond` is the mean rate of every kind but closed and replay;
 * the load of a run multiplies it (for replay: the speed at which the arrivals are played).
 */
export interface Workload {
  readonly id: string;
  readonly component: string;
  readonly kind: WorkloadKind;
  /** ramp: the rate at the start. spike: the rate outside it. */
  readonly ratePerSecond: number;
  readonly users: number;
  readonly thinkTimeMs: number;
  /** bursty: a Markov-modulated Poisson process; the rate in a burst ÷ the mean rate, at least 1; 5 when absent. */
  readonly burstFactor?: number;
  /** bursty: mean length of a burst, exponential; 1000 when absent. */
  readonly burstMs?: number;
  /** bursty: share of the time that is burst, with burstFactor × burstShare at most 1; 0.1 when absent. */
  readonly burstShare?: number;
  /** diurnal: rate(t) = mean × (1 + amplitude × sin(2πt ÷ period)), 0 to 1; 0.5 when absent. */
  readonly amplitude?: number;
  /** diurnal: 86 400 000 (a day) when absent. */
  readonly periodMs?: number;
  /** ramp, required there: the rate at its end, kept from there on. */
  readonly toRatePerSecond?: number;
  /** ramp and spike: when it begins; 0 when absent. */
  readonly startMs?: number;
  /** ramp and spike: how long it takes; 60 000 when absent. */
  readonly lengthMs?: number;
  /** spike: the rate in it ÷ the rate outside; 3 when absent. */
  readonly spikeFactor?: number;
  /** batch: requests that arrive at one instant, at Poisson times; 10 when absent. */
  readonly batchSize?: number;
  /** replay: when each request arrives, from the start of the run, ascending; 1 to 1 000 000 of them. */
  readonly arrivalsMs?: readonly number[];
}

export interface Architecture {
  readonly components: readonly Component[];
  readonly links: readonly Link[];
  readonly workloads: readonly Workload[];
}
