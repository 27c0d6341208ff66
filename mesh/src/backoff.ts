import type { Random } from "./random.ts";

/** What a delay is computed from. */
export interface BackoffInput {
  /** Number of failures so far, from 1; the first retry has attempt 1. */
  readonly attempt: number;
  /** Upper bound of the first delay. */
  readonly baseMs: number;
  /** Upper bound of every delay. */
  readonly maxMs: number;
  readonly random: Pick<Random, "next">;
}

/**
 * Exponential delay with full jitter: anywhere in [0, min(maxMs, baseMs × 2^(attempt−1))). Full jitter, because callers
 * that failed together must not come back together; the price is an occasional retry at once.
 */
export function backoffDelayMs({ attempt, baseMs, maxMs, random }: BackoffInput): number {
  return random.next() * backoffCeilingMs(attempt, baseMs, maxMs);
}

/** The longest delay that `backoffDelayMs` can give for this attempt. */
export function backoffCeilingMs(attempt: number, baseMs: number, maxMs: number): number {
  return Math.min(maxMs, baseMs * 2 ** (Math.max(1, attempt) - 1));
}
