/**
 * What each small change gains, best first: a dot with its interval, right of the line in the middle when it helps. An
 * interval that touches the line is no difference to see. Only the first of many are drawn; all are in the table.
 */
import type { ElasticityJudgement, JudgedVariant } from "../insight/elasticity.ts";
import { elasticityNames } from "../insight/elasticity-plan.ts";
import { changeAxis, signedPercent } from "./change-axis.ts";
import { formatQuantity } from "./format.ts";
import { escapeMarkup, fitText, px } from "./markup.ts";
import { emptyFigure } from "./plot.ts";

const title = "What each change gains";
const width = 640;
const rowPx = 26;
const left = 230;
const right = 560;
const mostShown = 15;
/** A change beyond this is drawn at the edge. */
const largestShown = 2;

export const objectiveNames = {
  meanMs: "mean latency",
  p99Ms: "p99 latency",
  errorRatio: "failed requests",
  throughputPerSecond: "throughput",
} as const satisfies Record<ElasticityJudgement["objective"], string>;

export function elasticityChart({ variants, objective, confidence }: ElasticityJudgement): string {
  const shown = variants.slice(0, mostShown);
  if (shown.length === 0) return emptyFigure(title, "No change was run.");
  const ends = shown.flatMap(({ gain }) => [Math.abs(gain.low), Math.abs(gain.high)]);
  const reach = Math.min(largestShown, Math.max(0.001, ...ends));
  const bottom = shown.length * rowPx;
  const { at, grid } = changeAxis({ left, right, bottom, reach });
  const rows = shown.map((variant, index) => row(variant, index * rowPx + rowPx / 2, at));
  const said = shown.map(({ message }) => message);
  const level = formatQuantity(confidence, "share");
  return (
    `<figure class="card"><figcaption><h3>${title}</h3><p>Of the ${objectiveNames[objective]}, as a share of what it was, ` +
    `with ${level} intervals, which hold for all changes together with 95 %.</p></figcaption>` +
    `<svg id="elasticity" class="bars" viewBox="0 0 ${width} ${bottom + 24}" role="img" ` +
    `aria-label="${escapeMarkup(`${title}: ${said.join("; ")}.`)}">${grid}${rows.join("")}</svg></figure>`
  );
}

function row({ component, change, gain, verdict, message }: JudgedVariant, y: number, at: (share: number) => number) {
  const colour = verdict === "better" ? "c" : verdict === "worse" ? "b" : "a";
  const name = fitText(`${component}: ${elasticityNames[change]}`, left - 12, 13);
  return (
    `<g><title>${escapeMarkup(message)}</title>` +
    `<text class="name end" x="${left - 8}" y="${y}" dy=".32em">${escapeMarkup(name)}</text>` +
    `<path class="whisker" d="M${px(at(gain.low))} ${y - 4}v8m0 -4H${px(at(gain.high))}m0 -4v8"/>` +
    `<circle class="dot ${colour}" cx="${px(at(gain.value))}" cy="${y}" r="5"/>` +
    `<text class="tick" x="${right + 8}" y="${y}" dy=".32em">${signedPercent(gain.value)}</text></g>`
  );
}
