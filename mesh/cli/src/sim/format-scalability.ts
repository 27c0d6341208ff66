import type { FittedValue, ScalabilityFit } from "@weft/simulator";
import { formatTable } from "../command-line/table.ts";
import { listed, percent, sections } from "./format-figures.ts";

export interface ShownScalability extends Omit<ScalabilityFit, "predict"> {
  readonly predictions: readonly ReturnType<ScalabilityFit["predict"]>[];
  readonly findings: readonly string[];
}

/** The parameters, the peak, what to expect at other loads, and how far the law is from each measurement. */
export function formatScalability(shown: ShownScalability): string {
  const { law, alpha, beta, gamma, peak, ceiling, residualError, explained, points, predictions, findings } = shown;
  const parameter = (name: string, fitted: FittedValue) => [name, digits(fitted.value), interval(fitted)];
  const limit =
    peak === undefined
      ? [
          [
            law.alpha < 1 ? "no peak; nears" : "falls from",
            Number.isFinite(ceiling) ? digits(ceiling) : "no limit",
            "-",
          ],
        ]
      : [parameter("peak load", peak.load), parameter("peak throughput", peak.throughput)];
  return sections(
    formatTable(
      ["UNIVERSAL SCALABILITY LAW", "VALUE", "95 % INTERVAL"],
      [
        parameter("contention α", alpha),
        parameter("coherency β", beta),
        parameter("throughput alone γ", gamma),
        ...limit,
      ],
    ),
    `${percent(explained)} of the variation explained, ±${digits(residualError)} left`,
    predictions.length === 0
      ? ""
      : formatTable(
          ["LOAD", "PREDICTED THROUGHPUT", "95 % INTERVAL", ""],
          predictions.map((one) => [
            digits(one.load),
            digits(one.value),
            interval(one),
            one.isExtrapolated ? "extrapolated" : "",
          ]),
        ),
    formatTable(
      ["LOAD", "MEASURED", "FITTED", "RESIDUAL"],
      points.map(({ load, throughput, fitted, residual }) => [
        digits(load),
        digits(throughput),
        digits(fitted),
        `${residual < 0 ? "-" : "+"}${digits(Math.abs(residual))} (${percent(Math.abs(residual) / fitted, 2)})`,
      ]),
    ),
    listed("Notes", findings),
  );
}

function interval({ interval: found }: FittedValue): string {
  return found === undefined ? "at its limit" : `${digits(found.low)} to ${digits(found.high)}`;
}

/** Four digits: parameters are as small as 0.0001. */
function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}
