/**
 * A figure over the values that were tried, each with its 95 % interval. Values are set side by side in their order when they
 * are words or few; loads of a search, which crowd around the answer, go on a logarithmic axis.
 */
import type { Estimate } from "../replications/study.ts";
import { formatEstimate, formatQuantity, type UnitName } from "./format.ts";
import { escapeMarkup, fitText, px } from "./markup.ts";
import { bottomAxis, emptyFigure, figureOf, leftAxis, linePath, plot } from "./plot.ts";
import { logScale, scaleFromZero } from "./scale.ts";

export interface ValueChart {
  readonly id: string;
  readonly title: string;
  readonly unit: UnitName;
  /** What is varied, in words. */
  readonly axis: string;
  readonly points: readonly { readonly value: string; readonly estimate: Estimate }[];
  readonly replications: number;
  /** A line that should not be crossed. */
  readonly limit?: number | undefined;
  /** Values are numbers above 0, drawn where they lie. */
  readonly isLogarithmic?: boolean;
}

const mostLabels = 9;

export function valueChart({
  id,
  title,
  unit,
  axis,
  points,
  replications,
  limit,
  isLogarithmic = false,
}: ValueChart): string {
  const shown = points.filter(({ estimate }) => Number.isFinite(estimate.value));
  if (shown.length === 0) return emptyFigure(title, "There is no figure to show.");
  const highest = Math.max(...shown.map(({ estimate }) => estimate.value), limit ?? 0);
  // An overload may be a thousand times the rest; beyond a few times the limit its size says nothing.
  const top = limit === undefined ? highest : Math.min(highest, limit * 4);
  const y = scaleFromZero(top, [plot.bottom, plot.top], 4);
  const place = isLogarithmic ? placeByValue(shown) : placeByOrder(shown, axis);
  const marks = shown.map(({ estimate: { low, value, high } }, index) => {
    const x = px(place.at(index));
    const whisker = replications > 1 ? `<path class="whisker" d="M${x} ${px(y.at(low))}V${px(y.at(high))}"/>` : "";
    return `${whisker}<circle class="dot a" cx="${x}" cy="${px(y.at(value))}" r="4"/>`;
  });
  const line = linePath(
    shown.map(({ estimate }, index) => [place.at(index), y.at(estimate.value)] as const),
    "a",
  );
  const cut =
    limit === undefined
      ? ""
      : `<line class="cut" x1="${plot.left}" x2="${plot.right}" y1="${px(y.at(limit))}" y2="${px(y.at(limit))}"/>` +
        `<text class="note" x="${plot.left + 4}" y="${px(y.at(limit) - 5)}">limit ${formatQuantity(limit, unit)}</text>`;
  const said = shown.map(({ value, estimate }) => `${axis} ${value}: ${formatEstimate(estimate, unit, replications)}`);
  return figureOf({
    id,
    title,
    description: `${title}. ${said.join("; ")}.`,
    body: leftAxis(y, (tick) => formatQuantity(tick, unit)) + place.axis + cut + line + marks.join(""),
    readOuts: said.map((text, index) => ({ xPx: place.at(index), text })),
  });
}

interface Places {
  readonly axis: string;
  at(index: number): number;
}

function placeByValue(points: ValueChart["points"]): Places {
  const values = points.map(({ value }) => Number(value));
  const scale = logScale(Math.min(...values), Math.max(...values), [plot.left + 8, plot.right - 8]);
  return {
    axis: bottomAxis(scale, (tick) => formatQuantity(tick, "count"), "load, logarithmic"),
    at: (index) => scale.at(values[index] as number),
  };
}

function placeByOrder(points: ValueChart["points"], name: string): Places {
  const step = (plot.right - plot.left) / points.length;
  const at = (index: number) => plot.left + step * (index + 0.5);
  const every = Math.ceil(points.length / mostLabels);
  const labels = points.map(({ value }, index) =>
    index % every === 0
      ? `<text class="tick mid" x="${px(at(index))}" y="${plot.bottom + 17}">${escapeMarkup(fitText(value, step * every, 11))}</text>`
      : "",
  );
  const line = `<line class="axis" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>`;
  const title = `<text class="tick end" x="${plot.right}" y="${plot.bottom + 34}">${escapeMarkup(name)}</text>`;
  return { axis: line + labels.join("") + title, at };
}
