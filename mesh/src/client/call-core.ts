import type { ConnectError } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import type { DeadlineWheel } from "../deadline-wheel.ts";
import type { Random } from "../random.ts";
import type { Peer } from "./peer.ts";
import type { RetryPolicy } from "./retry.ts";
import type { RetryBudget } from "./retry-budget.ts";

/** What all unary calls of one peer share. */
export interface CallCore {
  readonly peer: Peer;
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: DeadlineWheel;
  readonly retry: RetryPolicy;
  readonly retryBudget: RetryBudget;
  readonly attempts: AttemptCounters;
  /** What the caller of a failed call gets. */
  asConnectError(error: unknown, method: string): ConnectError;
}

/** Attempts by what became of them. Added to directly; read at each scrape. */
export interface AttemptCounters {
  ok: number;
  failed: number;
  retried: number;
  budgetExhausted: number;
  hedged: number;
}
