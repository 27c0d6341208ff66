/**
 * Where requests spend their time: one bar for the slowest and one for all, each divided by component and part, both as
 * long as the whole. The largest parts of the tail have a colour of their own and keep it in both bars; the rest is one.
 */
import type { PartShare, TailStudy } from "../insight/tail-attribution.ts";
import { formatEstimate, formatQuantity } from "./format.ts";
import { escapeMarkup, fitText, px } from "./markup.ts";

const title = "Where the time goes";
const width = 640;
const left = 110;
const right = 630;
const barPx = 34;
const rowPx = 52;
const mostShown = 7;
/** Narrower than this there is no room for words. */
const leastLabelPx = 46;

interface Piece {
  readonly name: string;
  readonly tail: number;
  readonly all: number;
}

export function tailChart(tail: TailStudy): string {
  const pieces = piecesOf(tail.parts);
  const bars = [
    { name: "slowest 5 %", share: (piece: Piece) => piece.tail, meanMs: tail.tailMeanMs },
    { name: "all", share: (piece: Piece) => piece.all, meanMs: tail.allMeanMs },
  ];
  const said = bars.map(({ name, share, meanMs }) => {
    const parts = pieces.map((piece) => `${piece.name} ${formatQuantity(share(piece), "share")}`);
    return `${name}, ${formatEstimate(meanMs, "ms", tail.replications)} on average: ${parts.join(", ")}`;
  });
  const rows = bars.map(({ name, share }, index) => {
    const top = index * rowPx;
    let from = left;
    const segments = pieces.map((piece, position) => {
      const length = share(piece) * (right - left);
      const start = from;
      from += length;
      return segment(piece.name, share(piece), { start, length, top, position });
    });
    return `<text class="name end" x="${left - 8}" y="${top + barPx / 2}" dy=".32em">${name}</text>${segments.join("")}`;
  });
  const legend = pieces.map(({ name }, position) => `<li><i class="part-${position}"></i>${escapeMarkup(name)}</li>`);
  return (
    `<figure class="card"><figcaption><h3>${title}</h3><p>Of the requests that were traced and answered well, as shares of ` +
    `their time. The slowest 5 % take from ${formatQuantity(tail.tailFromMs.value, "ms")} on.</p></figcaption>` +
    `<svg id="tail" class="stack" viewBox="0 0 ${width} ${2 * rowPx}" role="img" ` +
    `aria-label="${escapeMarkup(`${title}. ${said.join("; ")}.`)}">${rows.join("")}</svg>` +
    `<ul class="legend">${legend.join("")}</ul></figure>`
  );
}

function piecesOf(parts: readonly PartShare[]): Piece[] {
  const pieces = parts.slice(0, mostShown).map(({ component, part, share, shareOfAll }): Piece => {
    return { name: `${component}: ${part}`, tail: share.value, all: shareOfAll.value };
  });
  const rest = parts.slice(mostShown);
  if (rest.length === 0) return pieces;
  const sum = (read: (part: PartShare) => number) => rest.reduce((total, part) => total + read(part), 0);
  const others = { tail: sum(({ share }) => share.value), all: sum(({ shareOfAll }) => shareOfAll.value) };
  return [...pieces, { name: `${rest.length} others`, ...others }];
}

function segment(
  name: string,
  share: number,
  { start, length, top, position }: { start: number; length: number; top: number; position: number },
): string {
  const value = formatQuantity(share, "share");
  const label =
    length < leastLabelPx
      ? ""
      : `<text class="in-bar" x="${px(start + length / 2)}" y="${top + barPx / 2}" dy=".32em">` +
        `${escapeMarkup(fitText(value, length - 6, 11))}</text>`;
  return (
    `<g><title>${escapeMarkup(name)}: ${value}</title>` +
    `<rect class="part-${position}" x="${px(start)}" y="${top}" width="${px(length)}" height="${barPx}"/>${label}</g>`
  );
}

/** After the page's own; the colours differ in lightness too. */
export const tailStyle = `
.stack{max-width:900px}.in-bar{text-anchor:middle;font-size:11px;fill:#fff;font-variant-numeric:tabular-nums}
.part-0{fill:#9c2b12;background:#9c2b12}.part-1{fill:#1d5fbf;background:#1d5fbf}.part-2{fill:#0f766e;background:#0f766e}
.part-3{fill:#8a5200;background:#8a5200}.part-4{fill:#6b3fa0;background:#6b3fa0}.part-5{fill:#3f6212;background:#3f6212}
.part-6{fill:#9d174d;background:#9d174d}.part-7{fill:#5b6672;background:#5b6672}
.stack rect{stroke:var(--card)}`;
