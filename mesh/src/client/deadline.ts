/*
 * Deadlines: the time a call may take is the least of what the caller asks for, the default, and what is left to the call
 * that is being worked on, less a reserve in which this process can still answer. Each hop so has less than the one before.
 */

/**
 * Time for a call, in milliseconds; zero or less when there is none left. `requestedMs` undefined or not positive asks for
 * the default; `surroundingDeadlineMs` is on the clock of `nowMs`, undefined or Infinity without one; `reserveMs` is kept
 * back from the surrounding call's time so that it can answer.
 */
export function timeoutFor(
  requestedMs: number | undefined,
  defaultMs: number,
  surroundingDeadlineMs: number | undefined,
  nowMs: number,
  reserveMs: number,
): number {
  const own = requestedMs !== undefined && requestedMs > 0 ? requestedMs : defaultMs;
  return surroundingDeadlineMs === undefined ? own : Math.min(own, surroundingDeadlineMs - nowMs - reserveMs);
}
