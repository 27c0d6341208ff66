import type { RunAnswer } from "@weft/simulator/studies";
import colors from "../command-line/colors.ts";
import { formatTableToFit } from "../command-line/table.ts";
import { formatChance, formatCost, withoutPrice } from "./format-comparison.ts";
import { number, sections } from "./format-figures.ts";

/** How likely a run misses each objective, and what the system costs; "" when neither was asked. */
export function formatAsked({ missed, cost }: Pick<RunAnswer, "missed" | "cost">, replications: number): string {
  return sections(
    missed.length === 0 ? "" : objectiveTable(missed, replications),
    cost === undefined ? "" : costTable(cost),
  ).trimEnd();
}

function objectiveTable(missed: RunAnswer["missed"], replications: number): string {
  return formatTableToFit(
    [
      "OBJECTIVE",
      "MET ON AVERAGE",
      `A RUN MISSES IT (95 % INTERVAL, ${replications === 1 ? "single run" : `${replications} runs`})`,
    ],
    missed.map(({ objective, isMet, probability }) => [
      objective,
      isMet ? colors.green("yes") : colors.red("not shown"),
      formatChance(probability),
    ]),
  );
}

function costTable(cost: NonNullable<RunAnswer["cost"]>): string {
  const { components, perHour, perMillionRequests } = cost;
  const table = formatTableToFit(
    ["COST", "INSTANCES", "PER HOUR"],
    [
      ...components.map(({ id, instances, costPerHour }) => [id, number(instances), formatCost(costPerHour)]),
      ["total per hour", "", formatCost(perHour)],
      ["per million requests", "", formatCost(perMillionRequests?.value)],
    ],
  );
  return `${table}${withoutPrice(cost)}`;
}
