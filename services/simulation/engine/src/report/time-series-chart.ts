/**
 * A figure over simulated time. The warm-up, which no other figure of the report counts, is shaded and named below the axis,
 * where no line runs through its name, so that one can see whether the cut was made where the lines become steady.
 */
import type { SeriesPoint, Study } from "../replications/study.ts";
import { digits, formatLength, formatQuantity, missing, type UnitName } from "./format.ts";
import { escapeMarkup, px, textWidthPx } from "./markup.ts";
import { bottomAxis, emptyFigure, figureOf, leftAxis, linePath, plot } from "./plot.ts";
import { scaleFromZero, scaleToEnd } from "./scale.ts";

/** One line: `className` is one of the styles of lines. */
export interface SeriesLine {
  readonly name: string;
  readonly className: "a" | "b" | "c";
  readonly valueAt: (point: SeriesPoint) => number;
}

export interface TimeSeries {
  readonly id: string;
  readonly title: string;
  readonly unit: UnitName;
  readonly lines: readonly SeriesLine[];
}

/** Something that went on for a time, shaded with its name. */
export interface SeriesSpan {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

type StudySeries = Pick<Study, "series" | "durationMs" | "warmupMs" | "warmupFrom"> & {
  readonly spans?: readonly SeriesSpan[];
};

export function timeSeriesChart(study: StudySeries, { id, title, unit, lines }: TimeSeries): string {
  const points = study.series.filter((point) => Number.isFinite(point.simulatedMs));
  if (points.length === 0) return emptyFigure(title, "The study has no series.");
  const endMs = Math.max(study.durationMs, (points.at(-1) as SeriesPoint).simulatedMs);
  const time = timeUnit(endMs);
  const x = scaleToEnd(endMs / time.perMs, [plot.left, plot.right], 6);
  const highest = points.reduce(
    (high, point) => Math.max(high, ...lines.map((line) => finite(line.valueAt(point)))),
    0,
  );
  const y = scaleFromZero(highest, [plot.bottom, plot.top], 4);
  const xOf = (point: SeriesPoint) => x.at(point.simulatedMs / time.perMs);
  const drawn = lines.map(({ valueAt, className }) =>
    linePath(
      points.map((point) => (Number.isFinite(valueAt(point)) ? [xOf(point), y.at(valueAt(point))] : null)),
      className,
    ),
  );
  const shade = warmupShade(study, x.at(study.warmupMs / time.perMs));
  const spans = spanShades(study.spans ?? [], (ms) => x.at(Math.min(ms, endMs) / time.perMs));
  const axes =
    leftAxis(y, (tick) => (unit === "ms" ? formatQuantity(tick, "ms") : digits(tick))) +
    bottomAxis(x, digits, `simulated time, ${time.name}`);
  return figureOf({
    id,
    title,
    description: describe(study, title, unit, lines, points),
    body: shade.area + spans.areas + axes + drawn.join("") + shade.label + spans.labels + legend(lines),
    readOuts: points.map((point) => ({ xPx: xOf(point), text: sayPoint(point, unit, lines) })),
  });
}

function timeUnit(endMs: number): { name: string; perMs: number } {
  if (endMs < 2000) return { name: "ms", perMs: 1 };
  if (endMs <= 180_000) return { name: "s", perMs: 1000 };
  return endMs <= 3 * 3_600_000 ? { name: "min", perMs: 60_000 } : { name: "h", perMs: 3_600_000 };
}

function warmupShade({ warmupMs, warmupFrom }: StudySeries, cutPx: number): { area: string; label: string } {
  if (!(warmupMs > 0)) return { area: "", label: "" };
  const cut = px(cutPx);
  const text = `warm-up, ${formatLength(warmupMs)}${warmupFrom === "detected" ? ", found by MSER-5" : ""}`;
  return {
    area: `<rect class="warmup" x="${plot.left}" y="${plot.top}" width="${px(cutPx - plot.left)}" height="${plot.bottom - plot.top}"/>`,
    label:
      `<line class="cut" x1="${cut}" x2="${cut}" y1="${plot.top}" y2="${plot.bottom}"/>` +
      `<rect class="warmup key" x="${plot.left}" y="${plot.bottom + 25}" width="10" height="10"/>` +
      `<text class="note" x="${plot.left + 15}" y="${plot.bottom + 34}">${text}</text>`,
  };
}

const shownSpans = 6;
/** So that a span of one moment can be seen. */
const narrowestPx = 2;

function spanShades(spans: readonly SeriesSpan[], xAt: (ms: number) => number): { areas: string; labels: string } {
  const areas = spans.map(({ fromMs, toMs }) => {
    const width = Math.max(narrowestPx, xAt(toMs) - xAt(fromMs));
    return `<rect class="fault" x="${px(xAt(fromMs))}" y="${plot.top}" width="${px(width)}" height="${plot.bottom - plot.top}"/>`;
  });
  const labels = spans.slice(0, shownSpans).map(({ name, fromMs }, index) => {
    const y = plot.top + 12 + 13 * index;
    const isRight = xAt(fromMs) + 4 + textWidthPx(name, 13) < plot.right;
    const place = isRight ? `class="note" x="${px(xAt(fromMs) + 4)}"` : `class="note end" x="${px(xAt(fromMs) - 4)}"`;
    return `<text ${place} y="${y}">${escapeMarkup(name)}</text>`;
  });
  return { areas: areas.join(""), labels: labels.join("") };
}

function legend(lines: readonly SeriesLine[]): string {
  let x: number = plot.left;
  return lines
    .map(({ name, className }) => {
      const entry =
        `<path class="line ${className}" d="M${px(x)} 13h20"/>` +
        `<text class="key" x="${px(x + 26)}" y="17">${escapeMarkup(name)}</text>`;
      x += 26 + textWidthPx(name, 12) + 20;
      return entry;
    })
    .join("");
}

function sayPoint(point: SeriesPoint, unit: UnitName, lines: readonly SeriesLine[]): string {
  const values = lines.map(({ name, valueAt }) => `${name} ${formatQuantity(valueAt(point), unit)}`);
  return `at ${formatLength(point.simulatedMs)}: ${values.join(", ")}`;
}

function describe(
  { warmupMs }: StudySeries,
  title: string,
  unit: UnitName,
  lines: readonly SeriesLine[],
  points: readonly SeriesPoint[],
): string {
  const measured = points.filter((point) => point.simulatedMs > warmupMs);
  const parts = lines.map(({ name, valueAt }) => {
    const values = measured.map(valueAt).filter(Number.isFinite);
    if (values.length === 0) return `${name} ${missing}`;
    const low = values.reduce((a, b) => Math.min(a, b));
    const high = values.reduce((a, b) => Math.max(a, b));
    return `${name} between ${formatQuantity(low, unit)} and ${formatQuantity(high, unit)}`;
  });
  return `${title} over time, after a warm-up of ${formatLength(warmupMs)}: ${parts.join("; ")}.`;
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}
