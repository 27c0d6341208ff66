import { formatTable } from "../../command-line/table.ts";
import type { LiveFigure } from "./compare-live.ts";

/** Prediction beside reality, a line for each figure, and what had to be assumed. */
export function formatLive(result: { figures: readonly LiveFigure[]; assumptions: readonly string[] }): string {
  const header = ["SERVICE", "FIGURE", "MEASURED", "SIMULATED", "95 % INTERVAL", "ERROR"];
  let service = "";
  const rows = result.figures.map((figure) => {
    const { simulated, unit } = figure;
    const name = figure.service === service ? "" : figure.service;
    service = figure.service;
    return [
      name,
      figure.figure,
      `${short(figure.measured)} ${unit}`,
      `${short(simulated.value)} ${unit}`,
      `${short(simulated.low)} to ${short(simulated.high)}`,
      `${figure.error >= 0 ? "+" : ""}${(figure.error * 100).toFixed(0)} %`,
    ];
  });
  const assumptions = result.assumptions.map((one) => `  - ${one}`);
  return [formatTable(header, rows), "", "assumed:", ...assumptions, ""].join("\n");
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
