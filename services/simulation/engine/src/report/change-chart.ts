/**
 * What changed from one version to another, each figure as a share of what it was: a dot with its 95 % interval, left of the
 * line in the middle when it fell. An interval that touches that line is no difference to see.
 */
import type { FigureDifference } from "../what-if/difference.ts";
import { changeAxis, signedPercent } from "./change-axis.ts";
import { escapeMarkup, px } from "./markup.ts";
import { emptyFigure } from "./plot.ts";

const title = "Change of each figure";
const width = 520;
const rowPx = 28;
const left = 130;
const right = 430;
/** A figure that changes by more than this is drawn at the edge; its numbers are in the table. */
const largestShown = 10;

export function changeChart(figures: readonly FigureDifference[]): string {
  const shown = figures.filter(({ pairs, before }) => pairs > 0 && before.value > 0);
  if (shown.length === 0) return emptyFigure(title, "No figure can be compared.");
  const ends = shown.flatMap(({ difference, before }) => [
    difference.low / before.value,
    difference.high / before.value,
  ]);
  const reach = Math.min(largestShown, Math.max(0.01, ...ends.map(Math.abs)));
  const bottom = shown.length * rowPx;
  const { at, grid } = changeAxis({ left, right, bottom, reach });
  const rows = shown.map((figure, index) => row(figure, index * rowPx + rowPx / 2, at));
  const description = `${title}, as a share of what it was: ${shown.map(({ sentence }) => sentence).join("; ")}.`;
  return (
    `<figure class="card"><figcaption><h3>${title}</h3><p>As a share of what it was, with 95 % intervals; ` +
    `left of the middle it falls.</p></figcaption><svg id="changes" class="bars" viewBox="0 0 ${width} ${bottom + 24}" ` +
    `role="img" aria-label="${escapeMarkup(description)}">${grid}${rows.join("")}</svg></figure>`
  );
}

function row(
  { label, before, difference, change, sentence }: FigureDifference,
  y: number,
  at: (share: number) => number,
) {
  const share = (value: number) => px(at(value / before.value));
  const colour = change === "better" ? "c" : change === "worse" ? "b" : "a";
  return (
    `<g><title>${escapeMarkup(sentence)}</title>` +
    `<text class="name end" x="${left - 8}" y="${y}" dy=".32em">${escapeMarkup(label)}</text>` +
    `<path class="whisker" d="M${share(difference.low)} ${y - 4}v8m0 -4H${share(difference.high)}m0 -4v8"/>` +
    `<circle class="dot ${colour}" cx="${share(difference.value)}" cy="${y}" r="5"/>` +
    `<text class="tick" x="${right + 8}" y="${y}" dy=".32em">${signedPercent(difference.value / before.value)}</text></g>`
  );
}
