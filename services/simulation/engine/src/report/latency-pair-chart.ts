/** The latency distributions of two versions in one picture, on a logarithmic axis as in latency-chart.ts. */
import type { Study } from "../replications/study.ts";
import { formatQuantity } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { bottomAxis, emptyFigure, figureOf, leftAxis, linePath, plot } from "./plot.ts";
import { logScale, scaleToEnd } from "./scale.ts";

const title = "Latency before and after";
const outsideShare = 0.0005;

type Curve = Study["latencyCurve"];

export function latencyPairChart(before: Curve, after: Curve): string {
  const [first, second] = [inside(before), inside(after)];
  const times = [...first, ...second].map(({ upToMs }) => upToMs);
  if (first.length === 0 || second.length === 0) return emptyFigure(title, "One version answered no request.");
  const x = logScale(Math.min(...times), Math.max(...times), [plot.left, plot.right]);
  const y = scaleToEnd(1, [plot.bottom, plot.top], 5);
  const line = (curve: Curve, className: string) =>
    linePath(
      curve.map(({ upToMs, share }) => [x.at(upToMs), y.at(share)] as const),
      className,
    );
  const name = (text: string, className: string, at: number) =>
    `<circle class="dot ${className}" cx="${at}" cy="14" r="5"/><text class="note" x="${at + 9}" y="14" dy=".32em">${text}</text>`;
  return figureOf({
    id: "latency-pair",
    title,
    description: `${title}: the share of requests answered within each time, for both versions. The quantiles are in the table.`,
    body:
      leftAxis(y, (tick) => formatQuantity(tick, "share")) +
      bottomAxis(x, (tick) => formatQuantity(tick, "ms"), "latency, logarithmic") +
      line(first, "b") +
      line(second, "a") +
      name("before", "b", plot.left + 6) +
      name("after", "a", plot.left + 96),
    readOuts: second.map(({ upToMs, share }) => ({
      xPx: x.at(upToMs),
      text: `within ${formatQuantity(upToMs, "ms")}: ${escapeMarkup(formatQuantity(shareAt(first, upToMs), "share"))} before, ${formatQuantity(share, "share")} after`,
    })),
  });
}

function inside(curve: Curve): Curve {
  return curve.filter(
    ({ upToMs, share }) => upToMs > 0 && upToMs < Infinity && share >= outsideShare && share <= 1 - outsideShare,
  );
}

function shareAt(curve: Curve, ms: number): number {
  return curve.findLast(({ upToMs }) => upToMs <= ms)?.share ?? 0;
}
