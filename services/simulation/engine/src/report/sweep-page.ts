/** A sweep as one HTML file that stands alone: what each step changes, the figures over the values, and all of them. */
import type { Sweep, SweepPoint } from "../what-if/sweep.ts";
import { digits, formatEstimate, formatLength, formatQuantity, formatWhole } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { estimateCell, footer, renderDocument, scrollTable, section } from "./page-document.ts";
import { warningList } from "./sections.ts";
import { type ValueChart, valueChart } from "./value-chart.ts";

/** The whole document; `title` is plain text. */
export function renderSweepPage(sweep: Sweep, title: string): string {
  const { target, points, findings, replications } = sweep;
  const chart = (
    given: Pick<ValueChart, "id" | "title" | "unit">,
    estimateOf: (point: SweepPoint) => SweepPoint["collapse"],
  ) =>
    valueChart({
      ...given,
      axis: target,
      replications,
      points: points.map((point) => ({ value: point.value, estimate: estimateOf(point) })),
    });
  const range = `${target} from ${points[0]?.value ?? ""} to ${points.at(-1)?.value ?? ""}`;
  const warnings = points.flatMap(({ value, study }) => study.warnings.map((text) => `${target} ${value}: ${text}`));
  return renderDocument({
    title: `${title}: ${target}`,
    body: [
      `<header><h1>${escapeMarkup(`${title}, ${range}`)}</h1>`,
      `<p class="answer">${escapeMarkup(findings[0] ?? range)}</p></header><main>`,
      section(
        "What each step changes",
        `<div class="card"><ul>${findings.map((text) => `<li>${escapeMarkup(text)}</li>`).join("")}</ul></div>`,
      ),
      section(
        "Over the values",
        `<div class="grid-2">${chart({ id: "sweep-p99", title: "p99 latency", unit: "ms" }, ({ study }) => study.latency.p99Ms)}` +
          `${chart({ id: "sweep-mean", title: "Mean latency", unit: "ms" }, ({ study }) => study.latency.meanMs)}` +
          `${chart({ id: "sweep-rate", title: "Answered well and in time, per second", unit: "perSecond" }, ({ study }) => study.goodputPerSecond)}` +
          `${chart({ id: "sweep-errors", title: "Requests that fail", unit: "share" }, ({ study }) => study.errorRatio)}</div>`,
      ),
      section("Every value", sweepTable(sweep)),
      warningList(warnings),
      section("How this was computed", `<div class="card"><p>${method(sweep)}</p></div>`),
      footer,
    ],
  });
}

function sweepTable({ target, points, replications }: Sweep): string {
  const [first] = points;
  const objectives = first?.missed.map(({ objective }) => escapeMarkup(objective)) ?? [];
  const cost = first?.cost === undefined ? [] : ["cost per hour", "per million requests"];
  return scrollTable(
    "Figures at each value, with 95 % intervals",
    [escapeMarkup(target), "well and in time", "fail", "mean", "p50", "p95", "p99", "collapse", ...objectives, ...cost],
    points.map(({ value, study, collapse, missed, cost: price }) => [
      escapeMarkup(value),
      estimateCell(study.goodputPerSecond, "perSecond", replications),
      estimateCell(study.errorRatio, "share", replications),
      ...[study.latency.meanMs, study.latency.p50Ms, study.latency.p95Ms, study.latency.p99Ms].map((estimate) =>
        estimateCell(estimate, "ms", replications),
      ),
      estimateCell(collapse, "share", replications),
      ...missed.map(
        ({ isMet, probability }) =>
          `${isMet ? "met" : "not met"}<small>a run misses it: ${formatEstimate(probability, "share", replications)}</small>`,
      ),
      ...(price === undefined
        ? []
        : [digits(price.perHour), formatQuantity(price.perMillionRequests?.value ?? Number.NaN, "count")]),
    ]),
  );
}

function method({ points, replications }: Sweep): string {
  const study = points[0]?.study;
  if (study === undefined) return "Nothing was run.";
  return (
    `At each value ${replications === 1 ? "a single run" : `${formatWhole(replications)} replications`} of ` +
    `${formatLength(study.durationMs)} with the same seeds, from ${formatWhole(study.seed)}; steps are differences pair by pair, ` +
    `with Student&#39;s t intervals. An objective counts as met when the whole interval of the mean lies below its limit.`
  );
}
