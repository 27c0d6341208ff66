import type { Comparison, Cost, Study } from "@weft/simulator";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";
import { formatChange, formatFigure, listed, number, percent, seconds, sections } from "./format-figures.ts";

/** Two versions as tables for people: what changed in sentences, then the figures, components, chances and costs. */
export function formatComparison(comparison: Comparison, after: Study, load: number): string {
  const { replications, durationMs, warmupMs, seed } = { ...after, replications: comparison.replications };
  const runs = replications === 1 ? "a single pair of runs" : `${replications} pairs of replications`;
  const heading =
    `${colors.bold(`${comparison.before} → ${comparison.after}`)}: ${runs} under the same seeds, from ${seed}, of ` +
    `${seconds(durationMs)}, the first ${seconds(warmupMs)} left out, load ${load}`;
  return sections(
    heading,
    listed("What changes", saidFirst(comparison)),
    figureTable(comparison),
    componentTable(comparison),
    onlyIn(comparison),
    chanceTable(comparison),
    comparison.cost === undefined ? "" : costTable(comparison.cost),
    listed("Warnings", after.warnings),
  );
}

/** What surely changed comes before what cannot be told apart. */
function saidFirst({ figures }: Comparison): string[] {
  const isSure = ({ change }: (typeof figures)[number]) => change !== "unclear" && change !== "none";
  return [...figures.filter(isSure), ...figures.filter((figure) => !isSure(figure))].map(({ sentence }) => sentence);
}

function figureTable({ figures, before, after }: Comparison): string {
  return formatTableToFit(
    ["FIGURE", before, after, "CHANGE", "95 % INTERVAL", ""],
    figures.map((figure) => [figure.label, ...differenceCells(figure), interval(figure), verdict(figure)]),
  );
}

type Figure = Comparison["figures"][number];

function differenceCells({ before, after, difference, unit, pairs }: Figure): string[] {
  if (pairs === 0) return ["-", "-", "-"];
  return [formatFigure(before.value, unit), formatFigure(after.value, unit), formatChange(difference.value, unit)];
}

function interval({ difference, unit, pairs }: Figure): string {
  if (pairs < 2) return pairs === 0 ? "-" : "single pair";
  return `${formatChange(difference.low, unit)} to ${formatChange(difference.high, unit)}`;
}

function verdict({ change }: Figure): string {
  if (change === "better") return colors.green("better");
  if (change === "worse") return colors.red("worse");
  if (change === "none") return "the same";
  return change === "different" ? "different" : "no difference to see";
}

function componentTable({ components }: Comparison): string {
  return formatTableToFit(
    ["COMPONENT", "INSTANCES", "USED", "CHANGE", "95 % INTERVAL", "WAIT", "CHANGE", "95 % INTERVAL"],
    components.map(({ id, instancesBefore, instancesAfter, utilization, waitMean }) => [
      id,
      instancesBefore === instancesAfter ? String(instancesAfter) : `${instancesBefore} → ${instancesAfter}`,
      ...differenceCells(utilization).slice(1),
      interval(utilization),
      ...differenceCells(waitMean).slice(1),
      interval(waitMean),
    ]),
  );
}

function onlyIn({ onlyBefore, onlyAfter, before, after }: Comparison): string {
  const only = (name: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`only in ${name}: ${ids.join(", ")}`];
  return [...only(before, onlyBefore), ...only(after, onlyAfter)].join("\n");
}

function chanceTable({ missed, collapse, before, after }: Comparison): string {
  const rows = [
    ...missed.map((chances) => ({ name: `${chances.objective} is missed`, chances })),
    { name: "collapse", chances: collapse },
  ];
  return formatTableToFit(
    ["A RUN OF THIS LENGTH", before, after],
    rows.map(({ name, chances }) => [name, formatChance(chances.before), formatChance(chances.after)]),
  );
}

/** "10 % (2.8 to 30.1)". */
export function formatChance({ value, low, high }: { value: number; low: number; high: number }): string {
  return `${percent(value)} (${number(low * 100)} to ${number(high * 100)})`;
}

function costTable({ before, after }: NonNullable<Comparison["cost"]>): string {
  const row = (name: string, of: (cost: Cost) => number | undefined) => {
    const [first, second] = [of(before), of(after)];
    const change = first === undefined || second === undefined ? "-" : formatChange(second - first, "count");
    return [name, formatCost(first), formatCost(second), change];
  };
  const ids = [...new Set([...before.components, ...after.components].map(({ id }) => id))];
  const table = formatTableToFit(
    ["COST", "BEFORE", "AFTER", "CHANGE"],
    [
      ...ids.map((id) => row(id, ({ components }) => components.find((one) => one.id === id)?.costPerHour ?? 0)),
      row("total per hour", ({ perHour }) => perHour),
      row("per million requests", ({ perMillionRequests }) => perMillionRequests?.value),
    ],
  );
  return `${table}${withoutPrice(after)}`;
}

export function formatCost(value: number | undefined): string {
  return value === undefined ? "-" : number(value);
}

export function withoutPrice({ unpriced }: Cost): string {
  return unpriced.length === 0 ? "" : `\nwithout a price: ${unpriced.join(", ")}`;
}
