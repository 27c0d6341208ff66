import type { Results } from "../results.ts";
import { mean } from "./average-series.ts";

/** A quantile is read off the requests beyond it; with fewer of them than this it is mostly luck. */
const leastBeyondQuantile = 10;

/** What the figures of these replications cannot say, in sentences; empty when there is nothing to say. Pure. */
export function studyWarnings(runs: readonly Results[]): string[] {
  const warnings: string[] = [];
  if (runs.length === 1) warnings.push("single run: no intervals");
  const silent = runs.filter(({ completed }) => completed === 0).length;
  if (silent === runs.length) warnings.push("no request was answered well: there are no latencies");
  else if (silent > 0) {
    warnings.push(
      `in ${silent} of ${runs.length} replications no request was answered well: latencies are of the others`,
    );
  }
  const unused = neverReached(runs);
  if (unused.length > 0) {
    warnings.push(
      `no request reached ${unused.join(", ")}: a link to there may be missing, and the figures leave it out`,
    );
  }
  for (const name of stillGrowing(runs)) {
    warnings.push(`the queue of ${name} still grew at the end: a longer run gives longer waits`);
  }
  const completed = mean(runs.map((results) => results.completed));
  for (const [label, share] of [
    ["p99", 0.99],
    ["p99.9", 0.999],
  ] as const) {
    if (silent === runs.length || completed * (1 - share) >= leastBeyondQuantile) continue;
    warnings.push(
      `a replication answers ${Math.round(completed)} requests well, so ${label} and beyond rest on fewer than ` +
        `${leastBeyondQuantile} of them: run longer`,
    );
    break;
  }
  return warnings;
}

/** Names of the components that had nothing to do in any replication: an import may not have found who calls them. */
function neverReached(runs: readonly Results[]): string[] {
  const components = runs[0]?.components ?? [];
  return components
    .filter(({ kind }, index) => kind !== "client" && runs.every((run) => run.components[index]?.arrivals === 0))
    .map(({ name }) => name);
}

/** Names of the components whose queue grew in at least half of the replications. */
function stillGrowing(runs: readonly Results[]): string[] {
  const components = runs[0]?.components ?? [];
  return components
    .filter(({ id }) => {
      const growing = runs.filter(({ bottlenecks }) =>
        bottlenecks.some(({ component, reason }) => component === id && reason === "growing-queue"),
      );
      return growing.length * 2 >= runs.length && growing.length > 0;
    })
    .map(({ name }) => name);
}
