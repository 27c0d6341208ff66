/** What was asked of one system beside its figures: how likely a run misses an objective, and what the system costs. */
import type { Estimate } from "../replications/study.ts";
import type { Cost } from "../what-if/cost.ts";
import type { JudgedObjective } from "../what-if/judge-objectives.ts";
import { digits, formatEstimate, missing } from "./format.ts";
import { escapeMarkup } from "./markup.ts";
import { scrollTable } from "./page-document.ts";

/** "" without objectives. */
export function objectiveTable(missed: readonly JudgedObjective[], replications: number): string {
  if (missed.length === 0) return "";
  return scrollTable(
    "Objectives, and the share of the runs of this length that miss each, with Wilson&#39;s 95 % interval",
    ["", "met on average", "a run misses it"],
    missed.map(({ objective, isMet, probability }) => [
      escapeMarkup(objective),
      isMet ? "yes" : "not shown",
      formatEstimate(probability, "share", replications),
    ]),
  );
}

/** "" without prices. */
export function costTable(cost: Cost | undefined): string {
  if (cost === undefined) return "";
  const { components, perHour, perMillionRequests, unpriced } = cost;
  const rows = components.map(({ id, instances, pricePerHour, costPerHour }) => [
    escapeMarkup(id),
    digits(instances),
    digits(pricePerHour),
    digits(costPerHour),
  ]);
  const without =
    unpriced.length === 0 ? "" : `<p class="facts">Without a price: ${escapeMarkup(unpriced.join(", "))}.</p>`;
  return (
    scrollTable(
      "Cost in the currency of the prices",
      ["", "instances", "each, per hour", "per hour"],
      [
        ...rows,
        ["total per hour", "", "", digits(perHour)],
        ["per million requests answered well", "", "", withInterval(perMillionRequests)],
      ],
    ) + without
  );
}

function withInterval(estimate: Estimate | undefined): string {
  if (estimate === undefined) return missing;
  const { value, low, high } = estimate;
  return low === high ? digits(value) : `${digits(value)}<small>${digits(low)} to ${digits(high)}</small>`;
}
