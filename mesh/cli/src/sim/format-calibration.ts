import type { Calibration, FigureComparison, MeasuredBuckets } from "@weft/simulator";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";

/** What a calibration found with its evidence, and what it did not find with the reason. */
export function formatCalibration({ identified, notIdentified, evidence }: Calibration): string {
  const { spans, traces, recordedMs, refusedSpans, refusedSeries, metricGaps, metricResets } = evidence;
  const sections = [
    `${count(spans, "span")} of ${count(traces, "trace")} over ${Number((recordedMs / 1000).toPrecision(4))} s`,
    counted("Refused spans", refusedSpans),
    counted("Refused series", refusedSeries),
    metricGaps + metricResets === 0
      ? ""
      : `Left out of the metrics: ${count(metricGaps, "gap")}, ${count(metricResets, "restart")}`,
    formatTableToFit(
      ["IDENTIFIED", "VALUE", "FROM"],
      identified.map(({ parameter, value, evidence: from }) => [parameter, value, from]),
    ),
    [
      colors.bold("Not identified"),
      ...notIdentified.map(({ parameter, reason }) => `  - ${parameter}: ${reason}`),
    ].join("\n"),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

/** The model beside the traces that it has not seen. */
export function formatHeldOut(figures: readonly FigureComparison[]): string {
  const number = (value: number) => String(Number(value.toPrecision(3)));
  const table = formatTableToFit(
    ["HELD OUT", "MEASURED", "PREDICTED", "ERROR", "90 % BAND", "WINDOWS IN IT", "BELOW", "ABOVE"],
    figures.map(({ figure, measured, predicted, logRatio, low, high, coverage, windows, below, above }) => [
      figure,
      number(measured),
      number(predicted),
      logRatio === undefined ? "-" : `${logRatio < 0 ? "" : "+"}${number(100 * Math.expm1(logRatio))} %`,
      `${number(low)} to ${number(high)}`,
      `${number(100 * coverage.value)} % of ${windows}`,
      String(below),
      String(above),
    ]),
  );
  return `${table}\n`;
}

/** Shares of requests within the ends of measured buckets, beside the model's; or why they cannot be compared. */
export function formatBuckets(buckets: MeasuredBuckets | string): string {
  if (typeof buckets === "string") return `Buckets are not compared: ${buckets}.\n`;
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  const points = (share: number) => `${share < 0 ? "" : "+"}${(share * 100).toFixed(1)} points`;
  const table = formatTableToFit(
    ["ANSWERED WITHIN", "MEASURED", "PREDICTED", "DIFFERENCE"],
    buckets.compared
      .filter(({ upToMs }) => Number.isFinite(upToMs))
      .map(({ upToMs, measuredShare, predictedShare }) => [
        `${Number(upToMs.toPrecision(6))} ms`,
        percent(measuredShare),
        percent(predictedShare),
        points(predictedShare - measuredShare),
      ]),
  );
  const { requests, services, largestDifference } = buckets;
  return (
    `${table}\nlargest difference ${(largestDifference * 100).toFixed(1)} points, over ` +
    `${count(Math.round(requests), "measured request")} of ${services.join(", ")}\n`
  );
}

function counted(heading: string, reasons: Readonly<Record<string, number>>): string {
  const lines = Object.entries(reasons).map(([reason, number]) => `  - ${number}: ${reason}`);
  return lines.length === 0 ? "" : [colors.bold(heading), ...lines].join("\n");
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}
