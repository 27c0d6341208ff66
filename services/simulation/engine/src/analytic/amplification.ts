/**
 * What failures make callers do: attempts per call, breakers that trip, storms that feed themselves.
 *
 * Attempts fail independently with one probability; that is a truncated geometric series. The wait for a run of failures
 * is Feller's (1950, XIII.7). A storm sustains itself when the attempts of calls that all time out exceed what the server
 * can do, whose work is not cancelled (Bronson et al., Metastable Failures, 2021); its recovery is a fluid's.
 */
import { rootOf } from "./quantile.ts";

/** Attempts per call, from 1 to 1 + retries. */
export function attemptsPerCall(failureRatio: number, retries: number): number {
  if (failureRatio >= 1) return retries + 1;
  return (1 - failureRatio ** (retries + 1)) / (1 - failureRatio);
}

/** The share of calls that fail for good. */
export function callFailureRatio(failureRatio: number, retries: number): number {
  return failureRatio ** (retries + 1);
}

/** Attempts at the bottom per call at the top, when each of several layers retries. */
export function layeredAttempts(failureRatio: number, retriesOfLayers: readonly number[]): number {
  let failing = failureRatio;
  let attempts = 1;
  for (const retries of retriesOfLayers) {
    attempts *= attemptsPerCall(failing, retries);
    failing = callFailureRatio(failing, retries);
  }
  return attempts;
}

/** Mean calls until so many failures in a row. */
export function callsUntilTrip(failureRatio: number, consecutiveFailures: number): number {
  if (failureRatio <= 0) return Infinity;
  if (failureRatio >= 1) return consecutiveFailures;
  return (failureRatio ** -consecutiveFailures - 1) / (1 - failureRatio);
}

/** The share of the time a breaker refuses: it closes when one probe after each open period succeeds. */
export function openShare(given: {
  readonly failureRatio: number;
  readonly consecutiveFailures: number;
  readonly callsPerSecond: number;
  readonly openMs: number;
}): number {
  if (given.failureRatio >= 1) return 1;
  const closedMs = (1000 * callsUntilTrip(given.failureRatio, given.consecutiveFailures)) / given.callsPerSecond;
  if (closedMs === Infinity) return 0;
  const refusedMs = given.openMs / (1 - given.failureRatio);
  return refusedMs / (refusedMs + closedMs);
}

/** A server whose callers time out and try again at once; the work of expired attempts goes on. */
export interface RetryStorm {
  readonly capacityPerSecond: number;
  readonly retries: number;
  readonly timeoutMs: number;
}

/** Calls per second above which a storm, once begun, never ends. */
export function stormBoundaryPerSecond({ capacityPerSecond, retries }: RetryStorm): number {
  return capacityPerSecond / (retries + 1);
}

/**
 * Calls per second above which a storm begins by itself at one exponential slot: where attempts and time-outs have no
 * balance any more. The mean field has no chance in it, so real servers collapse somewhat earlier.
 */
export function spontaneousStormPerSecond({ capacityPerSecond, retries, timeoutMs }: RetryStorm): number {
  const callsAt = (attemptsPerSecond: number) => {
    const late = Math.exp(((attemptsPerSecond - capacityPerSecond) * timeoutMs) / 1000);
    return attemptsPerSecond / attemptsPerCall(late, retries);
  };
  // The rate of calls first rises with that of attempts, then falls: its slope changes sign once.
  const step = capacityPerSecond * 1e-6;
  const peak = rootOf((at) => callsAt(at + step) - callsAt(at), 0, capacityPerSecond - step);
  return callsAt(peak);
}

/** Mean time from the end of an outage until answers are in time again, in ms; Infinity when the storm keeps itself up. */
export function recoveryMs(storm: RetryStorm, callsPerSecond: number, outageMs: number): number {
  const offered = callsPerSecond * (storm.retries + 1);
  const spare = storm.capacityPerSecond - offered;
  if (spare <= 0) return Infinity;
  return Math.max(0, (offered * outageMs - storm.capacityPerSecond * storm.timeoutMs) / spare);
}
