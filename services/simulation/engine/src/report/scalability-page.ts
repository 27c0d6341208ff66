/**
 * A load test with the Universal Scalability Law fitted to it, as one HTML file that stands alone: the curve with the band of
 * its 95 % intervals, the measurements on it, and where they end.
 */
import type { FittedValue, ScalabilityFit } from "../calibration/fit-scalability.ts";
import type { ScalabilityPrediction } from "../calibration/scalability-findings.ts";
import { digits, missing } from "./format.ts";
import { escapeMarkup, px } from "./markup.ts";
import { renderDocument, scrollTable, section } from "./page-document.ts";
import { bottomAxis, figureOf, leftAxis, linePath, plot } from "./plot.ts";
import { scaleFromZero } from "./scale.ts";

const chartTitle = "Throughput over the load";
const curvePoints = 120;

export interface ScalabilityPageOptions {
  readonly title: string;
  readonly findings: readonly string[];
}

/** The whole document. */
export function renderScalabilityPage(
  fit: ScalabilityFit,
  predictions: readonly ScalabilityPrediction[],
  { title, findings }: ScalabilityPageOptions,
): string {
  const list = findings.map((finding) => `<li>${escapeMarkup(finding)}</li>`).join("");
  return renderDocument({
    title: `${title}: scalability`,
    body: [
      `<header><h1>${escapeMarkup(title)}</h1><p class="answer">${escapeMarkup(answerOf(fit))}</p></header><main>`,
      section(chartTitle, scalabilityChart(fit, predictions)),
      section("To be taken with care", list === "" ? "" : `<div class="card"><ul>${list}</ul></div>`),
      section("The law", lawTable(fit)),
      section("At other loads", predictions.length === 0 ? "" : predictionTable(predictions)),
      section("Every measurement", pointTable(fit)),
      "</main><footer>Fitted with Weft.</footer>",
    ],
  });
}

function answerOf({ law, peak, ceiling }: ScalabilityFit): string {
  if (law.alpha >= 1) return "Throughput falls from the start.";
  if (peak !== undefined) {
    return `Throughput peaks at a load of ${digits(peak.load.value)} with ${digits(peak.throughput.value)}, and falls after it.`;
  }
  return ceiling === Infinity
    ? "Nothing that was measured limits the throughput."
    : `Throughput nears ${digits(ceiling)} and does not fall.`;
}

function scalabilityChart(fit: ScalabilityFit, predictions: readonly ScalabilityPrediction[]): string {
  const farthest = Math.max(fit.highestLoad, ...predictions.map(({ load }) => load));
  const x = scaleFromZero(farthest, [plot.left, plot.right], 5);
  const curve = Array.from({ length: curvePoints }, (_, index) => fit.predict((farthest * (index + 1)) / curvePoints));
  const highest = Math.max(...fit.points.map(({ throughput }) => throughput), ...curve.map(({ value }) => value));
  const y = scaleFromZero(highest * 1.1, [plot.bottom, plot.top], 5);
  const at = (load: number, throughput: number) => [x.at(load), y.at(throughput)] as const;
  const edges = curve.filter(({ interval }) => interval !== undefined);
  const band = [
    ...edges.map(({ load, interval }) => at(load, interval?.high as number)),
    ...edges.toReversed().map(({ load, interval }) => at(load, interval?.low as number)),
  ];
  const dots = fit.points.map(({ load, throughput }) => {
    const [left, top] = at(load, throughput);
    return `<circle class="dot b" cx="${px(left)}" cy="${px(top)}" r="4"/>`;
  });
  const end = px(x.at(fit.highestLoad));
  const last =
    farthest > fit.highestLoad
      ? `<line class="cut" x1="${end}" x2="${end}" y1="${plot.top}" y2="${plot.bottom}"/>`
      : "";
  return figureOf({
    id: "scalability",
    title: chartTitle,
    description: `${chartTitle}: ${answerOf(fit)} Measured up to a load of ${digits(fit.highestLoad)}.`,
    body:
      leftAxis(y, digits) +
      bottomAxis(x, digits, "load") +
      (band.length === 0
        ? ""
        : `<path class="band" d="M${band.map(([left, top]) => `${px(left)} ${px(top)}`).join("L")}z"/>`) +
      linePath(
        curve.map(({ load, value }) => at(load, value)),
        "a",
      ) +
      last +
      dots.join(""),
    readOuts: curve.map(({ load, value, isExtrapolated }) => ({
      xPx: x.at(load),
      text: `load ${digits(load)}: ${digits(value)}${isExtrapolated ? ", extrapolated" : ""}`,
    })),
  });
}

function lawTable({ alpha, beta, gamma, peak, residualError, explained }: ScalabilityFit): string {
  const row = (name: string, fitted: FittedValue) => [name, digits(fitted.value), between(fitted)];
  return scrollTable(
    "Parameters with their 95 % intervals",
    ["", "value", "interval"],
    [
      row("contention α", alpha),
      row("coherency β", beta),
      row("throughput alone γ", gamma),
      ...(peak === undefined ? [] : [row("peak load", peak.load), row("peak throughput", peak.throughput)]),
      ["standard error of a measurement", digits(residualError), missing],
      ["explained share of the variation", digits(explained), missing],
    ],
  );
}

function predictionTable(predictions: readonly ScalabilityPrediction[]): string {
  return scrollTable(
    "Predicted throughput",
    ["load", "throughput", "95 % interval", ""],
    predictions.map((one) => [
      digits(one.load),
      digits(one.value),
      between(one),
      one.isExtrapolated ? "extrapolated" : "within the measured loads",
    ]),
  );
}

function pointTable({ points }: ScalabilityFit): string {
  return scrollTable(
    "Measured and fitted",
    ["load", "measured", "fitted", "residual"],
    points.map(({ load, throughput, fitted, residual }) => [load, throughput, fitted, residual].map(digits)),
  );
}

function between({ interval }: FittedValue): string {
  return interval === undefined ? missing : `${digits(interval.low)} to ${digits(interval.high)}`;
}
