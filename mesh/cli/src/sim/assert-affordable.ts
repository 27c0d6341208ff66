import { type Affordable, cheaperPlan, eventsPerSecond } from "@weft/simulator/studies";
import { CliError } from "../cli-error.ts";

export { eventsOfStudy } from "@weft/simulator/studies";

const longestSeconds = 6 * 3600;
const names = { duration: "--duration", replications: "--replications", load: "--load" };

/** Throws CliError, saying what to lower and how far, when so many events on so many threads take longer than six hours. */
export function assertAffordable(events: number, threads: number, plan: Affordable): void {
  const seconds = events / (eventsPerSecond * threads);
  if (seconds <= longestSeconds) return;
  const on = `${threads} ${threads === 1 ? "thread" : "threads"}`;
  throw new CliError(
    `this would take about ${spanText(seconds)} (some ${events.toExponential(1).replace("+", "")} events on ${on}); at most ` +
      `${spanText(longestSeconds)} are allowed`,
    { next: cheaperPlan(plan, longestSeconds / seconds, names) },
  );
}

function spanText(seconds: number): string {
  if (!Number.isFinite(seconds)) return "for ever";
  const hours = seconds / 3600;
  if (hours < 48) return `${Math.round(hours)} hours`;
  return hours < 24 * 730 ? `${Math.round(hours / 24)} days` : `${Number((hours / 24 / 365).toPrecision(2))} years`;
}
