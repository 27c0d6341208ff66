/**
 * How busy each component is, busiest first: a bar for the mean share of its slots that are held, a whisker for the
 * interval. Clients have no slots and are left out. Colours repeat what the figures beside the bars say.
 */
import type { ComponentStudy, Study } from "../replications/study.ts";
import { formatInterval, formatQuantity } from "./format.ts";
import { escapeMarkup, fitText, px } from "./markup.ts";
import { emptyFigure } from "./plot.ts";
import { scaleToEnd } from "./scale.ts";

const title = "Utilization";
const width = 530;
const rowPx = 26;
const axisPx = 24;
/** Of a bold name on a phone. */
const nameSizePx = 14;
const bar = { left: 190, right: 376 } as const;

/** The class of a utilization's colour; also used in the picture of the architecture. */
export function heatOf(utilization: number): "calm" | "warm" | "hot" {
  if (utilization >= 0.9) return "hot";
  return utilization >= 0.7 ? "warm" : "calm";
}

export function utilizationChart(
  { components, replications }: Pick<Study, "components" | "replications">,
  limiting: ReadonlySet<string>,
): string {
  const busiest = components
    .filter(({ kind, utilization }) => kind !== "client" && Number.isFinite(utilization.value))
    .sort((a, b) => b.utilization.value - a.utilization.value);
  if (busiest.length === 0) return emptyFigure(title, "No component has slots.");
  const scale = scaleToEnd(1, [bar.left, bar.right], 4);
  const bottom = busiest.length * rowPx;
  const grid = scale.ticks.map((tick) => {
    const x = px(scale.at(tick));
    return (
      `<line class="grid" x1="${x}" x2="${x}" y1="0" y2="${bottom}"/>` +
      `<text class="tick mid" x="${x}" y="${bottom + 17}">${formatQuantity(tick, "share")}</text>`
    );
  });
  const rows = busiest.map((component, index) => row(component, index * rowPx, scale.at, replications, limiting));
  const [top] = busiest as [ComponentStudy];
  const description =
    `${title} of ${busiest.length} ${busiest.length === 1 ? "component" : "components"}; ` +
    `${top.name} is the busiest with ${formatQuantity(top.utilization.value, "share")}. All are in the table below.`;
  return (
    `<figure class="card"><figcaption><h3>${title}</h3><p>Mean share of the slots that are held` +
    `${replications > 1 ? ", with 95 % intervals" : " (single run)"}.</p></figcaption>` +
    `<svg id="utilization" class="bars" viewBox="0 0 ${width} ${bottom + axisPx}" role="img" ` +
    `aria-label="${escapeMarkup(description)}">${grid.join("")}${rows.join("")}</svg></figure>`
  );
}

function row(
  { id, name, utilization }: ComponentStudy,
  top: number,
  at: (share: number) => number,
  replications: number,
  limiting: ReadonlySet<string>,
): string {
  const middle = top + rowPx / 2;
  const interval = formatInterval(utilization, "share", replications);
  const whisker =
    interval === ""
      ? ""
      : `<path class="whisker" d="M${px(at(utilization.low))} ${middle - 4}v8m0 -4H${px(at(utilization.high))}m0 -4v8"/>`;
  const value = formatQuantity(utilization.value, "share");
  const barPx = px(at(utilization.value) - bar.left);
  return (
    `<g><title>${escapeMarkup(name)}: ${value}${interval === "" ? "" : ` (${interval})`}</title>` +
    `<text class="${limiting.has(id) ? "name end limit" : "name end"}" x="${bar.left - 8}" y="${middle}" dy=".32em">` +
    `${escapeMarkup(fitText(name, bar.left - 12, nameSizePx))}</text>` +
    `<rect class="${heatOf(utilization.value)}" x="${bar.left}" y="${top + 5}" width="${barPx}" height="${rowPx - 10}" rx="2"/>` +
    `${whisker}<text class="tick" x="${bar.right + 8}" y="${middle}" dy=".32em">${value}` +
    `${interval === "" ? "" : `<tspan class="ends"> (${interval})</tspan>`}</text></g>`
  );
}
