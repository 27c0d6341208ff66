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

/** Which instance gets a request, and which link of a load balancer (balancing.ts). */
export type Balancing =
  | "power_of_two"
  | "random"
  | "round_robin"
  | "least_connections"
  | "weighted"
  | "consistent_hash";

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
  /**
   * Which of its instances gets a request; "power_of_two" when absent. For a load balancer: which of its links does, each
   * by `Link.weight` ("weighted", at random, when absent); its own instances are then chosen by power of two.
   */
  readonly balancing?: Balancing;
  /** balancing "power_of_two": the least loaded of how many, drawn at random, gets a request, 2 to 16; 2 when absent. */
  readonly choices?: number;
  /** balancing "weighted": shares of the instances in the order of their numbers; those it does not name weigh 1. */
  readonly instanceWeights?: readonly number[];
  /** Who gets a free slot: the oldest, the newest ("lifo"), or by `Workload.priority` and then age. "fifo" when absent. */
  readonly discipline?: "fifo" | "lifo" | "priority";
  /**
   * Processor cores per instance, which the requests that work share equally, none getting more than one core; 0.01 to 1000.
   * With slots for everybody this is processor sharing. Absent: every slot has a core of its own.
   */
  readonly cpus?: number;
  /** Who is shed when the queue is full: the newcomer, or who has waited longest. "newest" when absent. */
  readonly shed?: "newest" | "oldest";
  /**
   * Whether a request keeps its slot while its downstream calls are under way, as a thread does that waits; an event loop does
   * not. True when absent.
   */
  readonly holdsSlot?: boolean;
  /** Whether a request whose deadline has passed is refused when its turn comes. False when absent: nobody looks. */
  readonly dropsExpired?: boolean;
  readonly rateLimit?: RateLimit;
  readonly autoscaler?: Autoscaler;
  /** Databases: writes go to the first instance (the primary), reads to the others. False when absent; needs 2 instances. */
  readonly readWriteSplit?: boolean;
  /** Rows that requests lock for themselves while they are worked on; over all instances. */
  readonly locks?: Locks;
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

/** A token bucket in front of all instances of a component. */
export interface RateLimit {
  /** Above 0, at most 10 000 000. */
  readonly perSecond: number;
  /** Requests that may come at once after a quiet time; at least 1. */
  readonly burst: number;
  /** Whether what exceeds it is shed, or waits for its token. "reject" when absent. */
  readonly whenExceeded?: "reject" | "wait";
}

/**
 * Adds and removes instances, as the Kubernetes horizontal autoscaler does: every interval it wants
 * ⌈instances × utilization ÷ target⌉ of them. `Component.instances` is where it begins.
 */
export interface Autoscaler {
  readonly minInstances: number;
  readonly maxInstances: number;
  /** Of the cores where there are `cpus`, else of the slots; above 0 to 1. */
  readonly targetUtilization: number;
  /** 15 000 when absent. */
  readonly intervalMs?: number;
  /** From the decision until a new instance takes requests; 30 000 when absent. */
  readonly startDelayMs?: number;
  /** How long fewer must have been enough before one goes; 300 000 when absent. One that goes ends what it has. */
  readonly scaleDownDelayMs?: number;
}

/** A share of the requests locks one row each, from getting a slot until the end; who finds it locked waits in its slot. */
export interface Locks {
  /** How many rows, 1 to 10 000 000. */
  readonly keys: number;
  /** Exponent of Zipf's law by which rows are wanted, 0 to 5. */
  readonly skew: number;
  /** Share of requests that lock, 0 to 1; with `Workload.writeShare`, of the writes alone. */
  readonly share: number;
}

/** A circuit breaker, one in each calling instance. */
export interface Breaker {
  /** Failures in a row that open it, 1 to 1000. */
  readonly failures: number;
  /** How long calls are refused before probes are let through. */
  readonly openMs: number;
  /** Probes at once while it is half open, of which one that succeeds closes it and one that fails opens it; 1 when absent. */
  readonly probes?: number;
}

/** Limits retries to a share of the calls, by a bucket of tokens: a call puts `ratio` in, a retry takes one out. */
export interface RetryBudget {
  /** 0 to 10. */
  readonly ratio: number;
  /** Most tokens the bucket holds, and what it begins with; 10 when absent. */
  readonly burst?: number;
  /** Who shares a bucket: the calls of one calling instance on this link, or of all instances and links of the caller. */
  readonly scope: "client" | "tier";
}

/** Calls from one component to another. */
export interface Link {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** The network's round trip; half of each draw is spent each way. */
  readonly latency: Distribution;
  /** 0: the caller waits for ever. */
  readonly timeoutMs: number;
  /**
   * Whether giving up on an attempt (a timeout, a hedge that lost, a caller that was itself cancelled) ends the work
   * behind it, one way's delay later. False when absent: the work goes on for nobody.
   */
  readonly timeoutCancels?: boolean;
  /** Further attempts after the first; with a queue's links, redeliveries before a message is a dead letter. */
  readonly retries: number;
  /** Upper end of the first random delay before a retry; doubled for each further one. */
  readonly retryBackoffMs: number;
  /** "full": anything up to the backoff. "none": the backoff itself. "full" when absent. */
  readonly retryJitter?: "full" | "none";
  /** Absent: every call has its `retries` for itself. */
  readonly retryBudget?: RetryBudget;
  readonly breaker?: Breaker;
  /** A second attempt is sent when the first has no answer after this; the first good answer counts. Absent or 0: none. */
  readonly hedgeAfterMs?: number;
  /** Calls under way at once per calling instance: its connection pool, or a queue's consumers. Absent or 0: no limit. */
  readonly maxConnections?: number;
  /** Calls that may wait for a connection, per calling instance; one more fails. 10 000 when absent, from queues 1 000 000. */
  readonly connectionQueue?: number;
  /** How long an attempt waits for a connection before it fails; absent or 0: as long as it takes. */
  readonly connectionTimeoutMs?: number;
  /** Share of messages lost, each way, 0 to 1. */
  readonly lossRatio?: number;
  /**
   * A lost message is sent again after this, doubled each time. Absent or 0: it stays lost if the call has a timeout, else
   * it is sent again after 200 ms, because a call without timeout would be lost for ever.
   */
  readonly retransmitMs?: number;
  /** What all calls of the link share, each way, first come first served; absent or 0: no limit. */
  readonly bandwidthMbps?: number;
  /** Sizes in kilobytes (1000 bytes), which matter with `bandwidthMbps`; 1 when absent. */
  readonly requestKb?: number;
  readonly answerKb?: number;
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
  /** 0 (served first) to 9, where a component serves by priority; 0 when absent. */
  readonly priority?: number;
  /** An answer that takes longer is worth nothing to who asked (`goodput`); absent or 0: every answer counts. */
  readonly deadlineMs?: number;
  /** Share of its requests that write; 0 when absent. */
  readonly writeShare?: number;
  /** Multiplies the own work of its requests everywhere; 1 when absent. */
  readonly workFactor?: number;
  /** Different sessions its requests belong to, which consistent hashing tells apart; 10 000 when absent. */
  readonly sessions?: number;
  /** Exponent of Zipf's law by which sessions send requests, 0 (all alike, when absent) to 5. */
  readonly sessionSkew?: number;
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
