/** The load from which on a system stays down, as one HTML file that stands alone: the answer, and every load that was tried. */
import type { Boundary } from "../chaos/locate-boundary.ts";
import { digits, formatEstimate, formatWhole } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { footer, renderDocument, scrollTable, section } from "./page-document.ts";
import { valueChart } from "./value-chart.ts";

const labels = { found: "Found", "never-falls": "Never stays down", "always-falls": "Always stays down" } as const;
const colours = { found: "full", "never-falls": "holds", "always-falls": "overloaded" } as const;
const sides = { below: "below", above: "above", undecided: "at the boundary" } as const;

/** The whole document. */
export function renderBoundaryPage(
  { outcome, points, level }: Boundary,
  { title, sentence }: { readonly title: string; readonly sentence: string },
): string {
  const chart = valueChart({
    id: "boundary",
    title: "Probability that a run stays down",
    unit: "share",
    axis: "load",
    isLogarithmic: true,
    limit: level,
    replications: 2,
    points: points.map(({ load, probability }) => ({ value: String(load), estimate: probability })),
  });
  const table = scrollTable(
    "Every load that was tried, with Wilson&#39;s 95 % interval",
    ["load", "", "runs", "stays down"],
    points.map(({ load, side, replications, probability }) => [
      digits(load),
      sides[side],
      formatWhole(replications),
      formatEstimate(probability, "share", 2),
    ]),
  );
  return renderDocument({
    title: `${title}: boundary`,
    body: [
      `<header><h1>${escapeMarkup(title)}</h1><p class="verdict ${colours[outcome]}">${labels[outcome]}</p>`,
      `<p class="answer">${escapeMarkup(sentence)}</p></header><main>`,
      section("Over the load", `<div class="grid-2">${chart}</div>`),
      section("Every load that was tried", table),
      footer,
    ],
  });
}
