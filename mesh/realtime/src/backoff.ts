import type { Random } from "./clock.ts";
import type { Resolved } from "./options.ts";

export interface BackoffInput {
  /** Failures so far, from 1. */
  readonly failures: number;
  /** Upper bound of the first delay. */
  readonly baseMs: number;
  /** Upper bound of every delay. */
  readonly maxMs: number;
  readonly random: Random;
}

/**
 * Exponential delay with full jitter (Brooker, "Exponential Backoff And Jitter", 2015): anywhere in
 * [0, min(maxMs, baseMs × 2^(failures−1))). Full, because all clients of a server that died fail in the same moment.
 */
export function backoffDelayMs({ failures, baseMs, maxMs, random }: BackoffInput): number {
  return random.next() * Math.min(maxMs, baseMs * 2 ** (Math.max(1, failures) - 1));
}

/** The delay after so many failures in a row, at the pace of the client's reconnections. */
export function reconnectDelayMs(failures: number, { durations, platform }: Resolved): number {
  const { reconnectBaseMs: baseMs, reconnectMaxMs: maxMs } = durations;
  return backoffDelayMs({ failures, baseMs, maxMs, random: platform.random });
}
