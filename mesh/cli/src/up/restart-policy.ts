/*
 * When a process that died is started again. The first time soon, since most deaths are accidents; a process that keeps
 * dying costs less and less. One that has run for half a minute has proven itself: its next death counts as the first.
 * Pure.
 */

const firstDelayMs = 250;
const longestDelayMs = 15_000;
const provenAfterMs = 30_000;

export interface RestartHistory {
  /** Deaths in a row, each soon after its start. */
  readonly failures: number;
}

export const noFailures: RestartHistory = { failures: 0 };

/** How long to wait before the next start, and what to remember. `livedMs`: how long the process had run. */
export function planRestart(history: RestartHistory, livedMs: number): { delayMs: number; history: RestartHistory } {
  const failures = livedMs >= provenAfterMs ? 1 : history.failures + 1;
  return { delayMs: Math.min(firstDelayMs * 2 ** (failures - 1), longestDelayMs), history: { failures } };
}
