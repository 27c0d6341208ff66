/**
 * What a component, a link or a workload may say beside what all have. Absent means what each comment says, and stays
 * absent when an architecture is completed, so that simple models stay simple and old ones mean what they meant. The fields
 * of a group (`rateLimit`, `breaker`, …) are filled in once the group is there, but for those with a default of their own.
 */
export const BALANCINGS = [
  "power_of_two",
  "random",
  "round_robin",
  "least_connections",
  "weighted",
  "consistent_hash",
] as const;
export const DISCIPLINES = ["fifo", "lifo", "priority"] as const;
export const SHEDS = ["newest", "oldest"] as const;
export const CACHE_POLICIES = ["lru", "lfu", "ttl"] as const;
export const RATE_LIMIT_ANSWERS = ["reject", "wait"] as const;
export const RETRY_JITTERS = ["full", "none"] as const;
export const RETRY_BUDGET_SCOPES = ["client", "tier"] as const;

/** Fields of a component; clients, which nobody calls, have none of them. */
export interface ComponentOptions {
  /** Which instance gets a request ("power_of_two" when absent); of a load balancer, which link ("weighted" when absent). */
  balancing?: (typeof BALANCINGS)[number];
  /** With balancing "power_of_two": the least loaded of how many, drawn at random, gets a request; 2 when absent. */
  choices?: number;
  /** With balancing "weighted": shares of the instances by number; those it does not name weigh 1. Not of load balancers. */
  instanceWeights?: number[];
  /** Who gets a free slot: the oldest, the newest, or by the workload's priority and then age. "fifo" when absent. */
  discipline?: (typeof DISCIPLINES)[number];
  /** Cores per instance, shared by the requests that work; a core for every slot when absent. */
  cpus?: number;
  /** Who is refused when the queue is full: the newcomer, or who has waited longest. "newest" when absent. */
  shed?: (typeof SHEDS)[number];
  /** Whether a slot is held while downstream calls are under way; true when absent. */
  holdsSlot?: boolean;
  /** Whether a request whose deadline has passed is refused when its turn comes; false when absent. */
  dropsExpired?: boolean;
  rateLimit?: RateLimit;
  autoscaler?: Autoscaler;
  /** Databases: writes go to the first instance, reads to the others; needs 2 instances. False when absent. */
  readWriteSplit?: boolean;
  /** Databases: rows that requests lock while they are worked on. */
  locks?: Locks;
  /** Caches: keys instead of the hit ratio, which then means nothing. */
  cache?: KeyedCache;
}

/** A token bucket in front of all instances of a component. */
export interface RateLimit {
  perSecond: number;
  /** Requests that may come at once after a quiet time. */
  burst: number;
  /** "reject" when absent. */
  whenExceeded?: (typeof RATE_LIMIT_ANSWERS)[number];
}

/** Adds and removes instances, as the Kubernetes horizontal autoscaler does; it begins with `instances`. */
export interface Autoscaler {
  minInstances: number;
  maxInstances: number;
  /** Of the cores where there are `cpus`, else of the slots. */
  targetUtilization: number;
  /** 15 000 when absent. */
  intervalMs?: number;
  /** From the decision until a new instance takes requests; 30 000 when absent. */
  startDelayMs?: number;
  /** How long fewer must have been enough before one goes; 300 000 when absent. */
  scaleDownDelayMs?: number;
}

/** A share of the requests locks one row each; who finds it locked waits in its slot. */
export interface Locks {
  keys: number;
  /** Exponent of Zipf's law by which rows are wanted. */
  skew: number;
  /** Of the requests, or of the writes alone where a workload has a `writeShare`. */
  share: number;
}

/** The working set of a cache, and what it keeps of it. */
export interface KeyedCache {
  keys: number;
  /** Exponent of Zipf's law by which keys are asked for; 0 asks for all alike. */
  skew: number;
  /** Entries that one instance holds. */
  capacity: number;
  policy: (typeof CACHE_POLICIES)[number];
  /** How long an entry is good; 0 for ever, which "ttl" does not allow. */
  ttlMs: number;
  /** "ttl" only: a hit begins the time anew. False when absent. */
  ttlResetsOnHit?: boolean;
  /** Whether misses of a key that is being fetched wait for that fetch. */
  singleFlight: boolean;
}

/** Fields of a link. */
export interface LinkOptions {
  /** Whether giving up on an attempt ends the work behind it; false when absent. */
  timeoutCancels?: boolean;
  /** Whether a backoff is drawn up to its end or is that long; "full" when absent. */
  retryJitter?: (typeof RETRY_JITTERS)[number];
  /** Absent: every call has its retries for itself. */
  retryBudget?: RetryBudget;
  breaker?: Breaker;
  /** A second attempt is sent when the first has no answer after this; absent or 0: none. */
  hedgeAfterMs?: number;
  /** Calls under way at once per calling instance; absent or 0: no limit. */
  maxConnections?: number;
  /** Calls that may wait for a connection, per calling instance; 10 000 when absent, from queues 1 000 000. */
  connectionQueue?: number;
  /** Absent or 0: an attempt waits for a connection as long as it takes. */
  connectionTimeoutMs?: number;
  /** Share of messages lost, each way. */
  lossRatio?: number;
  /** A lost message is sent again after this, doubled each time; absent or 0: only where the call has no timeout. */
  retransmitMs?: number;
  /** What all calls of the link share, each way; absent or 0: no limit. */
  bandwidthMbps?: number;
  /** Sizes in kilobytes (1000 bytes), which matter with `bandwidthMbps`; 1 when absent. */
  requestKb?: number;
  answerKb?: number;
}

/** A circuit breaker, one in each calling instance. */
export interface Breaker {
  /** Failures in a row that open it. */
  failures: number;
  /** How long calls are refused before probes are let through. */
  openMs: number;
  /** Probes at once; 1 when absent. */
  probes?: number;
}

/** A bucket of tokens: a call puts `ratio` in, a retry takes one out. */
export interface RetryBudget {
  ratio: number;
  /** Most tokens it holds, and what it begins with; 10 when absent. */
  burst?: number;
  /** Who shares it: the calls of one calling instance on this link, or of all instances and links of the caller. */
  scope: (typeof RETRY_BUDGET_SCOPES)[number];
}

/** Fields of a workload of any kind. */
export interface WorkloadOptions {
  /** 0 (served first) to 9, where a component serves by priority; 0 when absent. */
  priority?: number;
  /** An answer that takes longer is worth nothing; absent or 0: every answer counts. */
  deadlineMs?: number;
  /** Share of its requests that write; 0 when absent. */
  writeShare?: number;
  /** Multiplies the own work of its requests everywhere; 1 when absent. */
  workFactor?: number;
  /** Different sessions its requests belong to, which consistent hashing tells apart; 10 000 when absent. */
  sessions?: number;
  /** Exponent of Zipf's law by which sessions send requests; 0, all alike, when absent. */
  sessionSkew?: number;
}

type GivenValue<T> = T extends string
  ? string
  : T extends number | boolean
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Item[]
      : Given<T>;

/** As it arrives from outside: every field optional, also in groups, and every choice an unchecked string. */
export type Given<T> = { [Field in keyof T]?: GivenValue<NonNullable<T[Field]>> | undefined };
