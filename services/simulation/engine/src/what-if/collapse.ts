/**
 * Whether a run ended in collapse: it no longer did what it was asked, and would not have by going on.
 *
 * Either of two signs at the end of the run is enough:
 * - Goodput: of what was offered in the last third, less than half was answered well. What was offered is what was answered,
 *   well or badly, and what the number in flight grew by. Half is far from any ordinary error ratio, and what a retry storm
 *   leaves is far below it. The last third, because a run that recovers has not collapsed.
 * - Growth: the queue of a component still grew at the end, by more than chance (bottlenecks.ts), so that waits have no limit.
 */
import type { ReplicationOutcome } from "../replications/run-replication.ts";
import type { Estimate, SeriesPoint } from "../replications/study.ts";
import { wilsonInterval } from "../statistics/interval.ts";

const judgedShare = 1 / 3;
const leastGoodput = 0.5;

export type JudgedRun = Pick<ReplicationOutcome, "results" | "series">;

export function hasCollapsed({ results, series }: JudgedRun): boolean {
  return results.bottlenecks.some(({ reason }) => reason === "growing-queue") || goodputShare(series) < leastGoodput;
}

/** Of what was offered in the last third; 1 when nothing was. */
function goodputShare(series: readonly SeriesPoint[]): number {
  const endMs = series.at(-1)?.simulatedMs ?? 0;
  const fromMs = endMs * (1 - judgedShare);
  let answered = 0;
  let failed = 0;
  let beforeMs = 0;
  let inFlightBefore = 0;
  let inFlightAtStart: number | undefined;
  for (const { simulatedMs, requestsPerSecond, failuresPerSecond, inFlight } of series) {
    if (simulatedMs > fromMs) {
      inFlightAtStart ??= inFlightBefore;
      const seconds = (simulatedMs - beforeMs) / 1000;
      answered += requestsPerSecond * seconds;
      failed += failuresPerSecond * seconds;
    }
    beforeMs = simulatedMs;
    inFlightBefore = inFlight;
  }
  const offered = answered + Math.max(0, inFlightBefore - (inFlightAtStart ?? 0));
  return offered > 0 ? (answered - failed) / offered : 1;
}

/** Probability that a run of this length collapses: the share that did, with Wilson's 95 % interval. */
export function collapseProbability(outcomes: readonly JudgedRun[]): Estimate {
  return wilsonInterval(outcomes.filter(hasCollapsed).length, outcomes.length);
}
