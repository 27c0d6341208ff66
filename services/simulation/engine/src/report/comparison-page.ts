/**
 * Two versions side by side as one HTML file that stands alone: what changed in sentences, the changes and both latency
 * distributions as pictures, every figure, the components, how likely each version fails, and what it costs.
 */
import type { Study } from "../replications/study.ts";
import type { Chances, Comparison } from "../what-if/compare.ts";
import type { Cost } from "../what-if/cost.ts";
import { type FigureDifference, formatChange, formatChangeInterval } from "../what-if/difference.ts";
import { changeChart } from "./change-chart.ts";
import { digits, formatEstimate, formatLength, formatQuantity, formatWhole, missing } from "./format.ts";
import { latencyPairChart } from "./latency-pair-chart.ts";
import { escapeMarkup } from "./markup.ts";
import { estimateCell, footer, renderDocument, scrollTable, section } from "./page-document.ts";
import { warningList } from "./sections.ts";

export interface ComparisonPageOptions {
  readonly before: Study;
  readonly after: Study;
}

const labels = { better: "Better", worse: "Worse", mixed: "Better and worse", same: "No difference to see" } as const;
const colours = { better: "holds", worse: "overloaded", mixed: "full", same: "full" } as const;

/** The whole document. */
export function renderComparisonPage(comparison: Comparison, { before, after }: ComparisonPageOptions): string {
  const { figures } = comparison;
  const title = `${comparison.before} → ${comparison.after}`;
  const verdict = verdictOf(figures);
  const sure = figures.filter(({ change }) => change !== "unclear" && change !== "none");
  const answer = (sure.find(({ name }) => name === "p99") ?? sure[0] ?? figures.find(({ name }) => name === "p99"))
    ?.sentence;
  const both = [...new Set([...before.warnings, ...after.warnings])];
  return renderDocument({
    title,
    body: [
      `<header><h1>${escapeMarkup(title)}</h1><p class="verdict ${colours[verdict]}">${labels[verdict]}</p>`,
      `<p class="answer">${escapeMarkup(capital(answer ?? ""))}.</p></header><main>`,
      warningList(both),
      section("What changes", `<div class="card"><ul>${figures.map(sentenceItem).join("")}</ul></div>`),
      section(
        "How far",
        `<div class="grid-2">${changeChart(figures)}${latencyPairChart(before.latencyCurve, after.latencyCurve)}</div>`,
      ),
      section("Every figure", figureTable(comparison)),
      section("Components", componentTable(comparison) + onlyIn(comparison)),
      section("How likely a run fails", chanceTable(comparison)),
      section("Cost", comparison.cost === undefined ? "" : costTable(comparison.cost)),
      section("How this was computed", `<div class="card"><p>${method(comparison, after)}</p></div>`),
      footer,
    ],
  });
}

function verdictOf(figures: readonly FigureDifference[]): keyof typeof labels {
  const has = (change: FigureDifference["change"]) => figures.some((figure) => figure.change === change);
  if (has("better")) return has("worse") ? "mixed" : "better";
  return has("worse") ? "worse" : "same";
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function sentenceItem({ sentence, change }: FigureDifference): string {
  const isSure = change !== "unclear" && change !== "none";
  return `<li>${isSure ? `<b>${escapeMarkup(sentence)}</b>` : escapeMarkup(sentence)}</li>`;
}

/** Both ends with one unit: cells are narrow. */
const sameUnit = /^(\S+) (points|ms|s) to (\S+ \2)$/;

function differenceCell({ difference, unit, pairs }: FigureDifference): string {
  if (pairs === 0) return missing;
  if (difference.low === 0 && difference.high === 0) return "none";
  const interval = pairs < 2 ? "single pair" : formatChangeInterval(difference.low, difference.high, unit);
  return `${formatChange(difference.value, unit)}<small>${interval.replace(sameUnit, "$1 to $3")}</small>`;
}

function figureTable({ figures, replications }: Comparison): string {
  return scrollTable(
    "Both versions and their difference, with 95 % intervals",
    ["", "before", "after", "difference", "", "narrower by"],
    figures.map((figure) => [
      escapeMarkup(figure.label),
      estimateCell(figure.before, figure.unit, replications),
      estimateCell(figure.after, figure.unit, replications),
      differenceCell(figure),
      figure.change === "unclear" ? "no difference to see" : figure.change === "none" ? "the same" : figure.change,
      figure.pairs < 2 ? missing : `${digits(figure.difference.varianceReduction)} ×`,
    ]),
  );
}

function componentTable({ components }: Comparison): string {
  return scrollTable(
    "Components that both versions have: utilization and mean wait before, after, and their difference",
    ["component", "instances", "used before", "after", "difference", "wait before", "after", "difference"],
    components.map(({ name, instancesBefore, instancesAfter, utilization, waitMean }) => [
      escapeMarkup(name),
      instancesBefore === instancesAfter
        ? formatWhole(instancesAfter)
        : `${formatWhole(instancesBefore)} → ${formatWhole(instancesAfter)}`,
      formatQuantity(utilization.before.value, "share"),
      formatQuantity(utilization.after.value, "share"),
      differenceCell(utilization),
      formatQuantity(waitMean.before.value, "ms"),
      formatQuantity(waitMean.after.value, "ms"),
      differenceCell(waitMean),
    ]),
  );
}

function onlyIn({ onlyBefore, onlyAfter }: Comparison): string {
  const only = (name: string, ids: readonly string[]) =>
    ids.length === 0 ? "" : `<p class="facts">Only ${name}: ${escapeMarkup(ids.join(", "))}.</p>`;
  return only("before", onlyBefore) + only("after", onlyAfter);
}

function chanceTable({ missed, collapse, replications }: Comparison): string {
  const row = (name: string, { before, after }: Chances) => [
    escapeMarkup(name),
    formatEstimate(before, "share", replications),
    formatEstimate(after, "share", replications),
  ];
  return scrollTable(
    "Share of the runs of this length, with Wilson&#39;s 95 % interval",
    ["", "before", "after"],
    [
      ...missed.map(({ objective, ...chances }) => row(`${objective} is missed`, chances)),
      row("collapses: its queue grows to the end, or it answers less than half", collapse),
    ],
  );
}

function costTable({ before, after }: { before: Cost; after: Cost }): string {
  const row = (name: string, of: (cost: Cost) => number | undefined) => {
    const [first, second] = [of(before), of(after)];
    const change = first === undefined || second === undefined ? missing : digits(second - first);
    return [escapeMarkup(name), digits(first ?? Number.NaN), digits(second ?? Number.NaN), change];
  };
  const ids = [...new Set([...before.components, ...after.components].map(({ id }) => id))];
  return scrollTable(
    "Cost in the currency of the prices; each component by the hour",
    ["", "before", "after", "difference"],
    [
      ...ids.map((id) => row(id, ({ components }) => components.find((one) => one.id === id)?.costPerHour ?? 0)),
      row("total per hour", ({ perHour }) => perHour),
      row("per million requests answered well", ({ perMillionRequests }) => perMillionRequests?.value),
    ],
  );
}

function method({ replications }: Comparison, { seed, durationMs, warmupMs }: Study): string {
  const runs = replications === 1 ? "One pair of runs" : `${formatWhole(replications)} pairs of replications`;
  return (
    `${runs} of ${formatLength(durationMs)}, the first ${formatLength(warmupMs)} left out; the replications of a pair share ` +
    `their seed (from ${formatWhole(seed)}), so both versions meet the same arrivals and the same luck. Intervals are ` +
    `Student&#39;s t of the differences pair by pair; "narrower by" says how many times more independent runs the same ` +
    `interval would take. Of twenty figures that did not change, about one looks changed by chance.`
  );
}
