/**
 * What can be done to a system while it runs: the steps that faults and experiments are made of.
 *
 * A change is plain data and takes effect at one moment of simulated time, planned (`SimulationOptions.changes`) or at once
 * (`Simulation.apply`). It sets something to a value and knows nothing of how it was before, so it is undone by the change that
 * sets it back. All factors multiply what the model says, and 1 is as the model says.
 */
import type { Breaker, Distribution } from "./architecture.ts";
import type { ErrorCode } from "./error-codes.ts";

export type Change =
  /** Multiplies every workload, instead of by what was before. */
  | { readonly kind: "load"; readonly load: number }
  /** Multiplies one workload, beside the load. */
  | { readonly kind: "workload"; readonly workload: string; readonly factor: number }
  /** So many requests of a workload at this moment. */
  | { readonly kind: "burst"; readonly workload: string; readonly requests: number }
  /** Own work takes so many times as long, everywhere or in one instance (from 0). */
  | { readonly kind: "work"; readonly component: string; readonly instance?: number; readonly factor: number }
  /**
   * Share of requests that fail after their own work with this code ("unavailable" when absent, whose share is `errorRatio`
   * otherwise), beside those that fail with another. error-codes.ts says what callers and breakers make of a code; whether
   * they try again is the code's own (only after "unavailable") when absent.
   */
  | {
      readonly kind: "errors";
      readonly component: string;
      readonly ratio: number;
      readonly code?: ErrorCode;
      readonly isRetryable?: boolean;
    }
  /**
   * Instances stop. What they hold fails ("fail") or is finished first ("finish"). Callers know and go elsewhere, or, when
   * they do not know (`isNoticed` false), are refused.
   */
  | {
      readonly kind: "down";
      readonly component: string;
      readonly instances: readonly number[];
      readonly inFlight: "fail" | "finish";
      readonly isNoticed: boolean;
    }
  /** Instances that are down take requests again, with empty caches. */
  | { readonly kind: "up"; readonly component: string; readonly instances: readonly number[] }
  /** Nothing is worked on for so long, in one instance or in all. */
  | { readonly kind: "pause"; readonly component: string; readonly instance?: number; readonly lengthMs: number }
  /** Slots per instance, instead of `concurrency`; a smaller number takes effect as slots are given back. */
  | { readonly kind: "slots"; readonly component: string; readonly slots: number }
  /** Caches: multiplies a fixed hit ratio. */
  | { readonly kind: "hits"; readonly component: string; readonly factor: number }
  /** Caches with keys: they hold nothing from now on. */
  | { readonly kind: "flush"; readonly component: string }
  /**
   * Caches with keys: another skew than the architecture's, when it is there, and one key that gets this share (0 when absent)
   * of all requests beside that.
   */
  | { readonly kind: "keys"; readonly component: string; readonly skew?: number; readonly hotShare?: number }
  /** The same of a workload's sessions, where components balance by consistent hashing. */
  | { readonly kind: "sessions"; readonly workload: string; readonly skew?: number; readonly hotShare?: number }
  /** Multiplies the rate; the burst is the limit's own when absent. */
  | { readonly kind: "rate_limit"; readonly component: string; readonly factor: number; readonly burst?: number }
  /** More delay on the way there, for a share of the calls; 0 for none. */
  | { readonly kind: "delay"; readonly link: string; readonly extra: Distribution; readonly share: number }
  /** Share of messages lost, instead of `lossRatio`; the first retransmission is the link's own when absent. */
  | { readonly kind: "loss"; readonly link: string; readonly ratio: number; readonly retransmitMs?: number }
  | { readonly kind: "cut"; readonly link: string; readonly how: "none" | "silent" | "reset" }
  /** Part of the bandwidth that is left, above 0. */
  | { readonly kind: "bandwidth"; readonly link: string; readonly factor: number }
  | {
      readonly kind: "retries";
      readonly link: string;
      readonly retries: number;
      readonly backoffMs: number;
      /** false: the budget, if there is one, does not count. */
      readonly keepsBudget: boolean;
      /** The link's own when absent. */
      readonly jitter?: "full" | "none";
    }
  /** A second attempt after so long, instead of `hedgeAfterMs`; 0 for none. */
  | { readonly kind: "hedge"; readonly link: string; readonly afterMs: number }
  /** Absent: no breaker. */
  | { readonly kind: "breaker"; readonly link: string; readonly breaker?: Breaker }
  /** Connections per calling instance; 0 for no limit. Only of links that have a limit. */
  | { readonly kind: "connections"; readonly link: string; readonly connections: number };

/** A change and when it takes effect, in simulated ms from the start. */
export interface PlannedChange {
  readonly atMs: number;
  readonly change: Change;
}
