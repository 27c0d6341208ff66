import type { Estimate } from "@weft/simulator";
import colors from "../command-line/colors.ts";

/*
 * How figures look in tables: three significant digits with their unit. What changes has a sign, and shares change in
 * percentage points, since "5 %" could be meant of the share itself.
 */
export type Unit = "perSecond" | "share" | "ms" | "count";

const places: Readonly<Record<Unit, { readonly times: number; readonly unit: string; readonly changeUnit: string }>> = {
  perSecond: { times: 1, unit: " /s", changeUnit: " /s" },
  share: { times: 100, unit: " %", changeUnit: " points" },
  ms: { times: 1, unit: " ms", changeUnit: " ms" },
  count: { times: 1, unit: "", changeUnit: "" },
};

export function formatFigure(value: number, unit: Unit): string {
  return `${number(value * places[unit].times)}${places[unit].unit}`;
}

/** "12 ms to 14 ms"; "single run" when there is no interval. */
export function formatInterval({ low, high }: Estimate, unit: Unit, replications: number): string {
  return replications < 2 ? "single run" : `${formatFigure(low, unit)} to ${formatFigure(high, unit)}`;
}

/** "+12 ms". */
export function formatChange(value: number, unit: Unit): string {
  const { times, changeUnit } = places[unit];
  const size = number(Math.abs(value) * times);
  return `${size === "0" ? "" : value < 0 ? "-" : "+"}${size}${changeUnit}`;
}

export function listed(heading: string, sentences: readonly string[]): string {
  return sentences.length === 0 ? "" : [colors.bold(heading), ...sentences.map((text) => `  - ${text}`)].join("\n");
}

/** Sections one below the other, without those that are empty. */
export function sections(...texts: readonly string[]): string {
  return `${texts.filter((text) => text !== "").join("\n\n")}\n`;
}

export function seconds(durationMs: number): string {
  return `${Number((durationMs / 1000).toFixed(3))} s`;
}

export function ms(value: number, digits?: number): string {
  return value >= 10_000 ? `${number(value / 1000, digits)} s` : `${number(value, digits)} ms`;
}

export function percent(share: number, digits?: number): string {
  return `${number(share * 100, digits)} %`;
}

/** Three significant digits unless said otherwise, without an exponent; what is below a thousandth is 0. */
export function number(value: number, digits = 3): string {
  if (value >= 1000) return String(Math.round(value));
  return value < 0.0005 ? "0" : String(Number(value.toPrecision(digits)));
}
