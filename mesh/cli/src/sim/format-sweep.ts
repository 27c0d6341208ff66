import type { Sweep } from "@weft/simulator";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";
import { formatChance, formatCost, withoutPrice } from "./format-comparison.ts";
import { formatFigure, listed, percent, seconds, sections } from "./format-figures.ts";

/** A sweep as a table for people: a line for each value, then what the steps change. */
export function formatSweep(sweep: Sweep, title: string): string {
  const [first] = sweep.points;
  if (first === undefined) return "";
  const { replications, points, target } = sweep;
  const runs = replications === 1 ? "a single run" : `${replications} replications`;
  const heading =
    `${colors.bold(`${title}, ${target}`)}: ${points.length} values, each ${runs} of ` +
    `${seconds(first.study.durationMs)} under the same seeds, from ${first.study.seed}`;
  return sections(heading, table(sweep), notes(sweep), listed("What changes", sweep.findings), warnings(sweep));
}

function table({ target, points, replications }: Sweep): string {
  const [first] = points;
  const objectives = first?.missed.map(({ objective }) => objective) ?? [];
  const priced = first?.cost !== undefined;
  const withError = (estimate: { value: number; low: number; high: number }, unit: "ms" | "perSecond" | "share") => {
    const halfWidth = (estimate.high - estimate.low) / 2;
    return `${formatFigure(estimate.value, unit)}${replications > 1 && halfWidth > 0 ? ` ±${formatFigure(halfWidth, unit)}` : ""}`;
  };
  return formatTableToFit(
    [
      target,
      ...["THROUGHPUT", "ERRORS", "MEAN", "P50", "P95", "P99", "BUSIEST", "COLLAPSE"],
      ...objectives.flatMap((objective) => [objective, "MISSED"]),
      ...(priced ? ["COST/HOUR", "PER MILLION"] : []),
    ],
    points.map(({ value, study, missed, collapse, cost }) => [
      value,
      withError(study.throughputPerSecond, "perSecond"),
      withError(study.errorRatio, "share"),
      withError(study.latency.meanMs, "ms"),
      withError(study.latency.p50Ms, "ms"),
      withError(study.latency.p95Ms, "ms"),
      withError(study.latency.p99Ms, "ms"),
      busiest(study),
      formatChance(collapse),
      ...missed.flatMap(({ isMet, probability }) => [
        isMet ? colors.green("met") : colors.red("not met"),
        formatChance(probability),
      ]),
      ...(priced ? [formatCost(cost?.perHour), formatCost(cost?.perMillionRequests?.value)] : []),
    ]),
  );
}

function busiest({ components }: Sweep["points"][number]["study"]): string {
  const [top] = components
    .filter(({ kind }) => kind !== "client")
    .sort((a, b) => b.utilization.value - a.utilization.value);
  return top === undefined ? "-" : `${top.id} ${percent(top.utilization.value)}`;
}

function notes({ points }: Sweep): string {
  const [first] = points;
  return first?.cost === undefined ? "" : withoutPrice(first.cost).trimStart();
}

function warnings({ target, points }: Sweep): string {
  return listed(
    "Warnings",
    points.flatMap(({ value, study }) => study.warnings.map((warning) => `${target} ${value}: ${warning}`)),
  );
}
