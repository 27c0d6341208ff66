/**
 * What every chart with axes shares: the frame it is drawn in, its grid and tick labels, and the read-out that a pointer
 * or the arrow keys move. Sizes are chosen so that a chart is readable at the width of a phone, where it is drawn at
 * three quarters of this size; wide screens put two beside each other.
 */
import { escapeMarkup, px } from "./markup.ts";
import type { Scale } from "./scale.ts";

const plotWidth = 440;
const plotHeight = 240;
export const plot = { left: 58, right: 418, top: 30, bottom: 200 } as const;

/** What the pointer finds in a chart: at each place, what is there in words. */
export interface ReadOut {
  readonly xPx: number;
  readonly text: string;
}

export interface Chart {
  /** Unique in the page; only letters, digits and dashes. */
  readonly id: string;
  readonly title: string;
  /** The chart in a sentence with its numbers, for those who do not see it. */
  readonly description: string;
  readonly body: string;
  readonly readOuts: readonly ReadOut[];
}

export function figureOf({ id, title, description, body, readOuts }: Chart): string {
  const places = readOuts.map(({ xPx }) => px(xPx)).join(" ");
  const texts = readOuts.map(({ text }) => escapeMarkup(text)).join("|");
  const found = readOuts.length === 0 ? "" : ` data-x="${places}" data-say="${texts}"`;
  const cursor = `<line class="cursor" x1="0" x2="0" y1="${plot.top}" y2="${plot.bottom}"/>`;
  return (
    `<figure class="card"><figcaption><h3>${escapeMarkup(title)}</h3></figcaption>` +
    `<svg id="${id}" class="plot" viewBox="0 0 ${plotWidth} ${plotHeight}" role="img" ` +
    `aria-label="${escapeMarkup(description)}"${found}>${body}${cursor}</svg>` +
    `<p class="say" id="${id}-say">&nbsp;</p></figure>`
  );
}

export function emptyFigure(title: string, reason: string): string {
  return (
    `<figure class="card"><figcaption><h3>${escapeMarkup(title)}</h3></figcaption>` +
    `<p class="empty">${escapeMarkup(reason)}</p></figure>`
  );
}

/** Horizontal grid lines with their labels left of them. */
export function leftAxis(scale: Scale, label: (tick: number) => string): string {
  return scale.ticks
    .map((tick) => {
      const y = px(scale.at(tick));
      return (
        `<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${y}" y2="${y}"/>` +
        `<text class="tick end" x="${plot.left - 6}" y="${y}" dy=".32em">${label(tick)}</text>`
      );
    })
    .join("");
}

/** Ticks below the plot, and what they count. */
export function bottomAxis(scale: Scale, label: (tick: number) => string, name: string): string {
  const ticks = scale.ticks.map((tick) => {
    const x = px(scale.at(tick));
    return (
      `<line class="axis" x1="${x}" x2="${x}" y1="${plot.bottom}" y2="${plot.bottom + 4}"/>` +
      `<text class="tick mid" x="${x}" y="${plot.bottom + 17}">${label(tick)}</text>`
    );
  });
  return (
    `<line class="axis" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>` +
    ticks.join("") +
    `<text class="tick end" x="${plot.right}" y="${plotHeight - 6}">${escapeMarkup(name)}</text>`
  );
}

/** A line through the points; a point alone is a dot. `null` is a gap. */
export function linePath(points: readonly (readonly [x: number, y: number] | null)[], className: string): string {
  let path = "";
  let dots = "";
  for (const [index, point] of points.entries()) {
    if (point === null) continue;
    const startsHere = index === 0 || points[index - 1] === null;
    const endsHere = index === points.length - 1 || points[index + 1] === null;
    const [x, y] = [px(point[0]), px(point[1])];
    if (startsHere && endsHere) dots += `<circle class="dot ${className}" cx="${x}" cy="${y}" r="3"/>`;
    else path += `${startsHere ? "M" : "L"}${x} ${y}`;
  }
  return (path === "" ? "" : `<path class="line ${className}" d="${path}"/>`) + dots;
}
