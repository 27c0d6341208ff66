/**
 * A study as one HTML file that stands alone: no network (the page forbids it to itself), no fonts but the reader's, and
 * everything is there without the script, which only adds read-outs. The order is that of the questions: does it hold,
 * what limits, how did it go over time, how is the latency distributed, what did each component do, how was it computed.
 */
import type { Analysis } from "../analytic/network.ts";
import type { Architecture } from "../architecture.ts";
import type { Study } from "../replications/study.ts";
import type { Cost } from "../what-if/cost.ts";
import type { JudgedObjective } from "../what-if/judge-objectives.ts";
import { architectureChart, linkList } from "./architecture-chart.ts";
import { firstLimit, headlineOf, isHit } from "./headline.ts";
import { latencyChart } from "./latency-chart.ts";
import { escapeMarkup } from "./markup.ts";
import { footer, renderDocument, section } from "./page-document.ts";
import { bottleneckList, componentTable, keyFigures, latencyTable, methodSection, warningList } from "./sections.ts";
import { theoryTable } from "./theory-table.ts";
import { type TimeSeries, timeSeriesChart } from "./time-series-chart.ts";
import { utilizationChart } from "./utilization-chart.ts";
import { costTable, objectiveTable } from "./verdict-tables.ts";

export interface StudyPageOptions {
  readonly title: string;
  /** The one the study is about; drawn, and kept in the page as JSON. */
  readonly architecture: Architecture;
  /** What queueing theory says of the same model; a table beside the simulation when given. */
  readonly theory?: Analysis;
  /** How likely a run misses each objective; a table when there are any. */
  readonly missed?: readonly JudgedObjective[];
  /** A table when given. */
  readonly cost?: Cost;
  /** The caller's own, trusted: `script` replaces the page's read-outs, `style` comes after the page's own. */
  readonly charts?: { readonly script: string; readonly style: string };
}

const timeSeries: readonly TimeSeries[] = [
  {
    id: "requests",
    title: "Requests per second",
    unit: "perSecond",
    lines: [{ name: "requests/s", className: "a", valueAt: (point) => point.requestsPerSecond }],
  },
  {
    id: "failures",
    title: "Failures per second",
    unit: "perSecond",
    lines: [{ name: "failures/s", className: "b", valueAt: (point) => point.failuresPerSecond }],
  },
  {
    id: "latencies",
    title: "Latency",
    unit: "ms",
    lines: [
      { name: "p50", className: "a", valueAt: (point) => point.p50Ms },
      { name: "p99", className: "b", valueAt: (point) => point.p99Ms },
    ],
  },
  {
    id: "in-flight",
    title: "Requests in flight",
    unit: "count",
    lines: [{ name: "in flight", className: "c", valueAt: (point) => point.inFlight }],
  },
];

const heatLegend =
  `<ul class="legend"><li><i class="calm"></i>below 70 % held</li><li><i class="warm"></i>70 to 90 %</li>` +
  `<li><i class="hot"></i>90 % and more</li><li>instances × slots in each box; a broken line is not waited for</li></ul>`;

/** The whole document. Throws nothing: what a study lacks is said in its place. */
export function renderStudyPage(study: Study, options: StudyPageOptions): string {
  const { architecture } = options;
  const title = escapeMarkup(options.title);
  const { verdict, label, sentence } = headlineOf(study);
  const limit = firstLimit(study.bottlenecks);
  const limiting = new Set(limit === undefined ? [] : [limit.component]);
  const studied = new Map(study.components.map((component) => [component.id, component]));
  const body = [
    `<header><h1>${title}</h1><p class="verdict ${verdict === "empty" ? "empty-run" : verdict}">${label}</p>`,
    `<p class="answer">${escapeMarkup(sentence)}</p>${keyFigures(study)}</header><main>`,
    warningList(study.warnings),
    section("What is asked of it", objectiveTable(options.missed ?? [], study.replications)),
    section("What it costs", costTable(options.cost)),
    section(limit !== undefined && isHit(limit) ? "What limits" : "What would limit first", bottleneckList(study)),
    section(
      "The architecture",
      `<div class="card">${architectureChart(architecture, studied, limit)}${heatLegend}${linkList(architecture)}</div>`,
    ),
    section(
      "Over time",
      `<div class="grid-2">${timeSeries.map((series) => timeSeriesChart(study, series)).join("")}</div>`,
    ),
    section(
      "How latency is distributed",
      `<div class="grid-2">${latencyChart(study, "latency-curve")}${latencyTable(study)}</div>`,
    ),
    section(
      "Components",
      `${utilizationChart(study, limiting)}<div class="card after">${componentTable(study, limiting)}</div>`,
    ),
    options.theory === undefined ? "" : section("Theory beside the simulation", theoryTable(study, options.theory)),
    section("How this was computed", `<div class="card">${methodSection(study, architecture)}</div>`),
    footer,
  ];
  return renderDocument({ title: options.title, body, ...options.charts });
}
