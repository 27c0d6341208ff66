/** What queueing theory says of the same model beside the simulation, and what theory leaves out. */
import type { Analysis, Figure } from "../analytic/network.ts";
import type { Study } from "../replications/study.ts";
import { formatEstimate, formatQuantity, type UnitName } from "./format.ts";
import { groupAssumptions } from "./group-assumptions.ts";
import { escapeMarkup } from "./markup.ts";
import { scrollTable } from "./page-document.ts";

export function theoryTable(study: Study, theory: Analysis): string {
  const { replications } = study;
  const simulated = new Map(study.components.map((component) => [component.id, component]));
  const rows: string[][] = [
    [
      "answered well",
      formatEstimate(study.throughputPerSecond, "perSecond", replications),
      said(theory.throughputPerSecond, "perSecond"),
    ],
    ["mean latency", formatEstimate(study.latency.meanMs, "ms", replications), said(theory.latencyMeanMs, "ms")],
    ["requests that fail", formatEstimate(study.errorRatio, "share", replications), said(theory.errorRatio, "share")],
  ];
  for (const { id, station, utilization, waitMeanMs } of theory.components) {
    const component = simulated.get(id);
    if (component === undefined || !(utilization.value > 0)) continue;
    const name = escapeMarkup(component.name);
    rows.push(
      [
        `${name}, utilization<small>${escapeMarkup(station)}</small>`,
        formatEstimate(component.utilization, "share", replications),
        said(utilization, "share"),
      ],
      [`${name}, mean wait`, formatEstimate(component.waitMeanMs, "ms", replications), said(waitMeanMs, "ms")],
    );
  }
  rows.push(["highest load it bears", "", highestLoad(theory)]);
  const sentences = groupAssumptions(theory.assumptions);
  const assumptions = sentences.map((sentence) => `<li>${escapeMarkup(sentence)}</li>`).join("");
  const left = assumptions === "" ? "" : `<h3>What theory leaves out</h3><ul>${assumptions}</ul>`;
  const caption = "Beside the simulation what queueing theory says; ≈ marks what its assumptions do not cover";
  return (
    scrollTable(caption, ["", "simulated", "theory"], rows) +
    (left === "" ? "" : `<div class="card after">${left}</div>`)
  );
}

function said({ value, valid }: Figure, unit: UnitName): string {
  if (value === Number.POSITIVE_INFINITY) return "no limit: unstable";
  return `${valid ? "" : "≈ "}${formatQuantity(value, unit)}`;
}

function highestLoad({ maximumLoad, limitingComponent }: Analysis): string {
  if (maximumLoad.value === Number.POSITIVE_INFINITY) return "any";
  const limit = limitingComponent === undefined ? "" : `, then ${escapeMarkup(limitingComponent)} is full`;
  return `${said(maximumLoad, "count")} times the file's${limit}`;
}
