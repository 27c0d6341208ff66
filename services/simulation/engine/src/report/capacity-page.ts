/** The largest load that meets objectives, as one HTML file that stands alone: the answer, and every load that was tried. */
import type { CapacityAnswer } from "../what-if/capacity-search.ts";
import type { Objective } from "../what-if/objective.ts";
import { digits, formatEstimate, formatWhole, missing } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { footer, renderDocument, scrollTable, section } from "./page-document.ts";
import { valueChart } from "./value-chart.ts";

export interface CapacityPageOptions {
  readonly title: string;
  /** The answer in words. */
  readonly sentence: string;
  readonly objectives: readonly Objective[];
}

const labels = { found: "Found", "never-met": "Never met", "always-met": "Met everywhere" } as const;
const colours = { found: "holds", "never-met": "overloaded", "always-met": "holds" } as const;
const verdicts = { meets: "met", misses: "missed", undecided: "not decided" } as const;

/** The whole document. */
export function renderCapacityPage(
  answer: CapacityAnswer,
  { title, sentence, objectives }: CapacityPageOptions,
): string {
  const charts = objectives.map(({ text, figure, limit }, index) =>
    valueChart({
      id: `capacity-${index}`,
      title: text,
      unit: figure.unit,
      axis: "load",
      isLogarithmic: true,
      limit,
      replications: Math.min(...answer.points.map(({ replications }) => replications)),
      points: answer.points.flatMap(({ load, objectives: measured }) => {
        const estimate = measured[index]?.figure;
        return estimate === undefined ? [] : [{ value: String(load), estimate }];
      }),
    }),
  );
  return renderDocument({
    title: `${title}: capacity`,
    body: [
      `<header><h1>${escapeMarkup(title)}</h1><p class="verdict ${colours[answer.outcome]}">${labels[answer.outcome]}</p>`,
      `<p class="answer">${escapeMarkup(sentence)}</p></header><main>`,
      section("Over the load", `<div class="grid-2">${charts.join("")}</div>`),
      section("Every load that was tried", capacityTable(answer)),
      section(
        "How this was computed",
        `<div class="card"><p>The load was doubled or halved until one met the objectives and one did not, then the bracket was ` +
          `narrowed. A load is met when the whole interval of the mean lies below the limit and the system stands, missed when it ` +
          `lies above; each decision is right with 95 % confidence. All loads ran under the same seeds.</p></div>`,
      ),
      footer,
    ],
  });
}

function capacityTable({ points }: CapacityAnswer): string {
  const names = points[0]?.objectives.map(({ objective }) => escapeMarkup(objective)) ?? [];
  return scrollTable(
    "Figures at each load, with 95 % intervals; collapse and misses with Wilson&#39;s",
    ["load", "", "replications", "answered well", "and in time", ...names, "collapse"],
    points.map(({ load, verdict, hasOverflowed, replications, objectives, collapse, ...rates }) => [
      digits(load),
      hasOverflowed ? "overflows" : verdicts[verdict],
      formatWhole(replications),
      ...[rates.throughputPerSecond, rates.goodputPerSecond].map((rate) =>
        replications === 0 ? missing : formatEstimate(rate, "perSecond", replications),
      ),
      ...objectives.map(({ objective, figure, missed }) => {
        const value = figure === undefined ? missing : formatEstimate(figure, unitOf(objective), replications);
        return `${value}<small>a run misses it: ${formatEstimate(missed, "share", Math.max(2, replications))}</small>`;
      }),
      formatEstimate(collapse, "share", Math.max(2, replications)),
    ]),
  );
}

function unitOf(objective: string): "share" | "ms" {
  return objective.startsWith("errors") ? "share" : "ms";
}
