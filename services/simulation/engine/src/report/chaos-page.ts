/**
 * A game day's result as one HTML file that stands alone: the verdict with its probability, what the runs did over time with the
 * faults shaded, hypotheses, what the faults cost beside the undisturbed runs, and every run.
 */
import type { ChaosReport } from "../chaos/experiment.ts";
import type { VerdictName } from "../chaos/verdict.ts";
import type { SeriesPoint } from "../replications/study.ts";
import { formatChange, formatChangeInterval } from "../what-if/difference.ts";
import { digits, formatEstimate, formatLength, formatQuantity, formatWhole, missing, type UnitName } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { footer, renderDocument, scrollTable, section } from "./page-document.ts";
import { timeSeriesChart } from "./time-series-chart.ts";

export interface ChaosPageOptions {
  readonly title: string;
  readonly description?: string;
}

const verdictWords = {
  not_disturbed: "not disturbed",
  recovered: "recovered",
  degraded: "degraded",
  metastable: "metastable",
} as const;
const colours = { not_disturbed: "holds", recovered: "holds", degraded: "full", metastable: "overloaded" } as const;
const style = ".fault{fill:var(--hot);opacity:.14}";

/** The whole document. */
export function renderChaosPage(report: ChaosReport, { title, description = "" }: ChaosPageOptions): string {
  const worst = report.verdicts.findLast(({ runs }) => runs > 0)?.verdict ?? "not_disturbed";
  const likeliest = report.verdicts.reduce((most, one) => (one.runs > most.runs ? one : most)).verdict;
  const label =
    worst === likeliest
      ? capital(verdictWords[worst])
      : `${capital(verdictWords[likeliest])}, sometimes ${verdictWords[worst]}`;
  return renderDocument({
    title,
    style,
    body: [
      `<header><h1>${escapeMarkup(title)}</h1><p class="verdict ${colours[worst]}">${label}</p>`,
      `<p class="answer">${escapeMarkup(report.sentence)}</p>`,
      description === "" ? "" : `<p class="facts">${escapeMarkup(description)}</p>`,
      "</header><main>",
      section("How likely", verdictTable(report)),
      section("Over time", charts(report)),
      section("Hypotheses", hypothesisTable(report)),
      section("What the faults change", figureTable(report) + worstTable(report)),
      section("Faults", faultTable(report)),
      section("Every run", runTable(report)),
      section("How this was computed", `<div class="card"><p>${method(report)}</p></div>`),
      footer,
    ],
  });
}

function verdictTable({
  verdicts,
  aborted,
  undisturbedCollapse,
  timeToRecoverMs,
  replications,
  abortedBy,
}: ChaosReport): string {
  const chance = (value: ChaosReport["aborted"]) => formatEstimate(value, "share", Math.max(2, replications));
  const rows = verdicts.map(({ verdict, runs, probability }) => [
    capital(verdictWords[verdict]),
    formatWhole(runs),
    chance(probability),
    verdict === "recovered" && timeToRecoverMs !== undefined
      ? `after ${formatEstimate(timeToRecoverMs, "ms", timeToRecoverMs.runs)} in the median`
      : "",
  ]);
  const by = abortedBy.length === 0 ? "" : `by the rule of ${escapeMarkup(abortedBy.join(", "))}`;
  return scrollTable(
    "Share of the runs with each verdict, with Wilson&#39;s 95 % interval",
    ["", "runs", "probability", ""],
    [
      ...rows,
      ["Faults were aborted", formatWhole(aborted.value * replications), chance(aborted), by],
      [
        "Collapses without the faults",
        formatWhole(undisturbedCollapse.value * replications),
        chance(undisturbedCollapse),
        "",
      ],
    ],
  );
}

interface Picture {
  readonly id: string;
  readonly title: string;
  readonly unit: UnitName;
  readonly of: (point: SeriesPoint) => number;
}

const pictures: readonly Picture[] = [
  {
    id: "chaos-good",
    title: "Answered well per second",
    unit: "perSecond",
    of: ({ requestsPerSecond, failuresPerSecond }) => requestsPerSecond - failuresPerSecond,
  },
  {
    id: "chaos-failed",
    title: "Failed per second",
    unit: "perSecond",
    of: ({ failuresPerSecond }) => failuresPerSecond,
  },
  {
    id: "chaos-p99",
    title: "p99 latency",
    unit: "ms",
    // Where nothing was answered well there is no latency, and no line.
    of: ({ p99Ms }) => (p99Ms > 0 ? p99Ms : Number.NaN),
  },
  { id: "chaos-in-flight", title: "Requests in flight", unit: "count", of: ({ inFlight }) => inFlight },
];

function charts({ series: { disturbed, undisturbed }, spans, durationMs, warmupMs }: ChaosReport): string {
  const twin = new Map(undisturbed.map((point) => [point.simulatedMs, point]));
  const drawn = pictures.map(({ id, title, unit, of }) =>
    timeSeriesChart(
      { series: disturbed, durationMs, warmupMs, warmupFrom: "given", spans },
      {
        id,
        title,
        unit,
        lines: [
          { name: "with the faults", className: "a", valueAt: of },
          {
            name: "without",
            className: "b",
            valueAt: ({ simulatedMs }) => {
              const point = twin.get(simulatedMs);
              return point === undefined ? Number.NaN : of(point);
            },
          },
        ],
      },
    ),
  );
  return `<div class="grid-2">${drawn.join("")}</div>`;
}

function hypothesisTable({ hypotheses, replications }: ChaosReport): string {
  if (hypotheses.length === 0) return "";
  const words = { holds: "holds", fails: "does not hold", unclear: "not decided" } as const;
  const chance = (value: ChaosReport["aborted"]) => formatEstimate(value, "share", Math.max(2, replications));
  return scrollTable(
    "Over the whole run after the warm-up, with 95 % intervals",
    ["", "", "mean", "a run misses it", "without the faults"],
    hypotheses.map(({ objective, verdict, figure, missed, missedUndisturbed }) => [
      escapeMarkup(objective),
      words[verdict],
      figure === undefined
        ? missing
        : formatEstimate(figure, objective.startsWith("errors") ? "share" : "ms", replications),
      chance(missed),
      chance(missedUndisturbed),
    ]),
  );
}

function figureTable({ figures, replications }: ChaosReport): string {
  return scrollTable(
    "Runs without and with the faults under the same seeds, and the difference pair by pair, with 95 % intervals",
    ["", "without", "with", "difference"],
    figures.map(({ label, unit, before, after, difference, pairs }) => [
      escapeMarkup(label),
      pairs === 0 ? missing : formatEstimate(before, unit, replications),
      pairs === 0 ? missing : formatEstimate(after, unit, replications),
      pairs === 0
        ? missing
        : `${formatChange(difference.value, unit)}<small>${pairs < 2 ? "single pair" : formatChangeInterval(difference.low, difference.high, unit)}</small>`,
    ]),
  );
}

function worstTable({ worst, goodputLost, replications }: ChaosReport): string {
  const { errorRatio, p99Ms, goodputPerSecond, inFlight } = worst;
  const table = scrollTable(
    "The worst step from the first fault to shortly after the last, as a mean over the runs, and what they cost altogether",
    ["", "mean"],
    [
      ["Error ratio", formatEstimate(errorRatio, "share", replications)],
      ["p99 latency", formatEstimate(p99Ms, "ms", replications)],
      ["Answered well", formatEstimate(goodputPerSecond, "perSecond", replications)],
      ["Requests in flight", formatEstimate(inFlight, "count", replications)],
      ["Good answers lost until the end", formatEstimate(goodputLost, "count", replications)],
    ],
  );
  return `<div class="after">${table}</div>`;
}

function faultTable({ spans }: ChaosReport): string {
  return scrollTable(
    "In simulated time from the start of the run",
    ["", "kind", "from", "to"],
    spans.map(({ name, kind, fromMs, toMs }) => [escapeMarkup(name), kind, formatLength(fromMs), formatLength(toMs)]),
  );
}

const shownRuns = 200;

function runTable({ runs }: ChaosReport): string {
  const table = scrollTable(
    runs.length > shownRuns ? `The first ${shownRuns} of ${formatWhole(runs.length)}` : "In the order of their seeds",
    ["seed", "verdict", "time to recover", "aborted at", "good answers lost"],
    runs
      .slice(0, shownRuns)
      .map(({ seed, verdict, timeToRecoverMs, abortedAtMs, goodputLost }) => [
        formatWhole(seed),
        verdictWords[verdict satisfies VerdictName],
        timeToRecoverMs === undefined ? missing : formatQuantity(timeToRecoverMs, "ms"),
        abortedAtMs === undefined ? missing : formatLength(abortedAtMs),
        digits(goodputLost),
      ]),
  );
  return `<details><summary>Show ${formatWhole(runs.length)} ${runs.length === 1 ? "run" : "runs"}</summary>${table}</details>`;
}

function method({ replications, durationMs, warmupMs, seed, load }: ChaosReport): string {
  return (
    `${formatWhole(replications)} ${replications === 1 ? "run" : "runs"} of ${formatLength(durationMs)} at load ${digits(load)}, from seed ` +
    `${formatWhole(seed)}, each beside the run without the faults under the same seed; the first ${formatLength(warmupMs)} are left out. ` +
    `A run has recovered when, after the last fault, errors, p95 and goodput are back within the band of the time before the first one ` +
    `and stay there; it is metastable when less than half of the goodput is left although the faults are over, and the work in the ` +
    `system does not drain; otherwise it is degraded.`
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
