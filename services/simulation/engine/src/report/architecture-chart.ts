/**
 * The architecture as it was simulated: what calls what from left to right, how busy each component was, and which one
 * limits. A broken line is a call that nobody waits for; a number on a line is calls per request where it is not one.
 */
import type { Architecture, Component, Link } from "../architecture.ts";
import type { BottleneckFinding, ComponentStudy } from "../replications/study.ts";
import { boxHeight, boxWidth, layOut, type PlacedBox, type PlacedLink } from "./architecture-layout.ts";
import { digits, formatQuantity, formatWhole } from "./format.ts";
import { isHit } from "./headline.ts";
import { kindIcon, kindName } from "./kinds.ts";
import { escapeMarkup, fitText, px, textWidthPx } from "./markup.ts";
import { heatOf } from "./utilization-chart.ts";

const padding = 12;

/** `limit` is the component to be marked as what limits, or as what would first, if there is one. */
export function architectureChart(
  architecture: Architecture,
  studied: ReadonlyMap<string, ComponentStudy>,
  limit: BottleneckFinding | undefined,
): string {
  if (architecture.components.length === 0) return `<p class="empty">The architecture has no components.</p>`;
  const layout = layOut(architecture);
  const byId = new Map(architecture.components.map((component) => [component.id, component]));
  const links = layout.links.map((placed) => linkOf(placed, architecture.links[placed.linkIndex] as Link));
  const boxes = layout.boxes.map((placed) =>
    boxOf(
      placed,
      byId.get(placed.id) as Component,
      studied.get(placed.id),
      placed.id === limit?.component ? limit : undefined,
    ),
  );
  const limiting = limit === undefined ? undefined : byId.get(limit.component);
  const description =
    `${counted(byId.size, "component")} and ${counted(architecture.links.length, "link")} in ` +
    `${counted(layout.columns, "column")}, callers left of what they call.` +
    (limiting === undefined ? "" : ` ${limiting.name} is marked as the limit.`);
  const [width, height] = [px(layout.widthPx), px(layout.heightPx)];
  return (
    `<div class="scroll" role="region" aria-label="Picture of the architecture" tabindex="0">` +
    `<svg id="architecture" class="architecture" viewBox="0 0 ${width} ${height}" role="img" ` +
    `style="min-width:${px(layout.widthPx * 0.62)}px;max-width:${px(layout.widthPx * 1.15)}px" ` +
    `aria-label="${escapeMarkup(description)}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" ` +
    `markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 .5 7.5 4 0 7.5z"/></marker></defs>` +
    `${links.join("")}${boxes.join("")}</svg></div>`
  );
}

function linkOf({ points }: PlacedLink, link: Link): string {
  let path = "";
  for (const [index, [x, y]] of points.entries()) {
    const [previousX, previousY] = points[index - 1] ?? [x, y];
    if (index === 0) path = `M${px(x)} ${px(y)}`;
    else if (Math.abs(previousY - y) < 0.05) path += `H${px(x)}`;
    else {
      const middle = px((previousX + x) / 2);
      path += `C${middle} ${px(previousY)} ${middle} ${px(y)} ${px(x)} ${px(y)}`;
    }
  }
  const [[startX, startY], [nextX, nextY]] = points as [[number, number], [number, number]];
  const label =
    link.callsPerRequest === 1
      ? ""
      : `<text class="calls mid" x="${px((startX + nextX) / 2)}" y="${px((startY + nextY) / 2 - 4)}">` +
        `×${digits(link.callsPerRequest)}</text>`;
  return `<path class="${link.asynchronous ? "link async" : "link"}" d="${path}" marker-end="url(#arrow)"/>${label}`;
}

function boxOf(
  { xPx, yPx }: PlacedBox,
  { name, kind, instances, concurrency }: Component,
  studied: ComponentStudy | undefined,
  limit: BottleneckFinding | undefined,
): string {
  const share = kind === "client" ? Number.NaN : (studied?.utilization.value ?? Number.NaN);
  const isKnown = Number.isFinite(share);
  // The kind comes last: when it does not fit, the icon still shows it.
  const size = kind === "client" ? "" : `${formatWhole(instances)} × ${formatWhole(concurrency)} `;
  const text = `${size}${kindName(kind)}`;
  const full = boxWidth - 2 * padding;
  const use = isKnown ? formatQuantity(share, "share") : "";
  const meter = isKnown
    ? `<rect class="track" x="${padding}" y="${boxHeight - 11}" width="${full}" height="5" rx="2.5"/>` +
      `<rect class="${heatOf(share)}" x="${padding}" y="${boxHeight - 11}" ` +
      `width="${px(full * Math.min(1, Math.max(0, share)))}" height="5" rx="2.5"/>` +
      `<text class="use end" x="${boxWidth - padding}" y="37">${use}</text>`
    : "";
  const [mark, says, flagPx] =
    limit === undefined || isHit(limit) ? ["limit", "limits", 54] : ["next", "limits first", 82];
  const flag =
    limit === undefined
      ? ""
      : `<rect class="flag ${mark}" x="${padding}" y="-18" width="${flagPx}" height="18" rx="4"/>` +
        `<text class="flag-text mid" x="${padding + flagPx / 2}" y="-5">${says}</text>`;
  return (
    `<g transform="translate(${px(xPx)} ${px(yPx)})"><title>${escapeMarkup(`${name}: ${text}`)}</title>${flag}` +
    `<rect class="${limit === undefined ? "box" : `box ${mark}`}" width="${boxWidth}" height="${boxHeight}" rx="8"/>` +
    `<path class="icon" transform="translate(${padding} 8)" d="${kindIcon(kind)}"/>` +
    `<text class="title" x="${padding + 20}" y="20">${escapeMarkup(fitText(name, full - 20, 13))}</text>` +
    `<text class="tick" x="${padding}" y="37">${escapeMarkup(fitText(text, full - 6 - textWidthPx(use, 12), 11))}</text>${meter}</g>`
  );
}

/** The picture in words. */
export function linkList({ components, links }: Architecture): string {
  if (links.length === 0) return "";
  const byId = new Map(components.map((component) => [component.id, component]));
  const nameOf = (id: string) => escapeMarkup(byId.get(id)?.name ?? id);
  const items = links.map(({ from, to, callsPerRequest, asynchronous }) => {
    const calls = callsPerRequest === 1 ? "" : `, ${digits(callsPerRequest)} calls per request`;
    return `<li>${nameOf(from)} → ${nameOf(to)}${calls}${asynchronous ? ", not waited for" : ""}</li>`;
  });
  return `<details><summary>The links as a list</summary><ul class="links">${items.join("")}</ul></details>`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
