/**
 * Which share of the requests is answered within which time. The times are on a logarithmic axis: what matters is in the
 * tail, and a tail is several times the median. The quantiles are marked with their intervals as bands.
 */
import type { Estimate, Study } from "../replications/study.ts";
import { formatEstimate, formatQuantity } from "./format.ts";
import { px, textWidthPx } from "./markup.ts";
import { bottomAxis, emptyFigure, figureOf, leftAxis, linePath, plot } from "./plot.ts";
import { logScale, type Scale, scaleToEnd } from "./scale.ts";

const title = "Latency distribution";
/** What lies outside this share at either end is left out of the axis. */
const outsideShare = 0.0005;

interface Mark {
  readonly name: string;
  readonly share: number;
  readonly estimate: Estimate;
}

type StudyLatency = Pick<Study, "latency" | "latencyCurve" | "replications">;

export function latencyChart(study: StudyLatency, id: string): string {
  const curve = study.latencyCurve.filter(({ upToMs, share }) => upToMs > 0 && upToMs < Infinity && share >= 0);
  const marks: readonly Mark[] = [
    { name: "p50", share: 0.5, estimate: study.latency.p50Ms },
    { name: "p95", share: 0.95, estimate: study.latency.p95Ms },
    { name: "p99", share: 0.99, estimate: study.latency.p99Ms },
  ].filter(({ estimate }) => estimate.value > 0 && Number.isFinite(estimate.value));
  if (curve.length === 0) return emptyFigure(title, "No request was answered.");

  const first = Math.max(0, curve.findIndex(({ share }) => share > outsideShare) - 1);
  const last = curve.findIndex(({ share }) => share >= 1 - outsideShare);
  const shown = curve.slice(first, last === -1 ? curve.length : last + 1);
  const times = [...shown.map(({ upToMs }) => upToMs), ...marks.map(({ estimate }) => estimate.value)];
  const x = logScale(Math.min(...times), Math.max(...times), [plot.left, plot.right]);
  const y = scaleToEnd(1, [plot.bottom, plot.top], 5);
  const body =
    leftAxis(y, (tick) => formatQuantity(tick, "share")) +
    bottomAxis(x, (tick) => formatQuantity(tick, "ms"), "latency, logarithmic") +
    marks.map((mark) => band(mark, x, study.replications)).join("") +
    linePath(
      shown.map(({ upToMs, share }) => [x.at(upToMs), y.at(share)] as const),
      "a",
    ) +
    marks.map((mark, index) => markOf(mark, index, x, y)).join("");
  const quantiles = marks.map(({ name, estimate }) => `${name} ${formatEstimate(estimate, "ms", study.replications)}`);
  return figureOf({
    id,
    title,
    description: `${title}: ${quantiles.join(", ")}.`,
    body,
    readOuts: shown.map(({ upToMs, share }) => ({
      xPx: x.at(upToMs),
      text: `${formatQuantity(share, "share")} within ${formatQuantity(upToMs, "ms")}`,
    })),
  });
}

function band({ estimate }: Mark, x: Scale, replications: number): string {
  if (replications < 2 || !(estimate.low > 0) || !(estimate.high < Infinity)) return "";
  const from = x.at(estimate.low);
  const width = Math.max(0, x.at(estimate.high) - from);
  return `<rect class="band" x="${px(from)}" y="${plot.top}" width="${px(width)}" height="${plot.bottom - plot.top}"/>`;
}

/** The labels are one below the other, so that they cannot meet however near the quantiles are. */
function markOf({ name, share, estimate }: Mark, index: number, x: Scale, y: Scale): string {
  const at = x.at(estimate.value);
  const text = `${name} ${formatQuantity(estimate.value, "ms")}`;
  const fitsRight = at + 6 + textWidthPx(text, 15) < plot.right;
  const place = fitsRight ? `class="mark" x="${px(at + 6)}"` : `class="mark end" x="${px(at - 6)}"`;
  const labelY = plot.bottom - 12 - (2 - index) * 24;
  return (
    `<line class="cut" x1="${px(at)}" x2="${px(at)}" y1="${px(y.at(share))}" y2="${plot.bottom}"/>` +
    `<circle class="dot a" cx="${px(at)}" cy="${px(y.at(share))}" r="4"/>` +
    `<text ${place} y="${labelY}">${text}</text>`
  );
}
