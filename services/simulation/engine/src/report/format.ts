/**
 * Numbers as the report shows them, all of them: three significant digits, the unit behind, groups of three from
 * 10 000. An estimate shows its 95 % interval in the unit of its value, "182 ms (171–193)", and one of a single run or of runs
 * that all agree shows no interval: equal ends would look like certainty. What is not a number is shown as a dash, and times
 * that no clock shows as 0.
 */
import type { Estimate } from "../replications/study.ts";

export const missing = "–";

interface Unit {
  readonly suffix: string;
  /** Shown value = value ÷ per. */
  readonly per: number;
}

/** From the largest; the first whose `per` the value reaches is taken, the last for everything smaller. */
type Units = readonly [Unit, ...Unit[]];

const plainUnits: Units = [
  { suffix: " billion", per: 1e9 },
  { suffix: " million", per: 1e6 },
  { suffix: "", per: 1 },
];

export const units = {
  count: plainUnits,
  ms: [
    { suffix: " s", per: 1000 },
    { suffix: " ms", per: 1 },
  ],
  perSecond: plainUnits.map(({ suffix, per }) => ({ suffix: `${suffix}/s`, per })) as unknown as Units,
  share: [{ suffix: " %", per: 0.01 }],
} as const satisfies Record<string, Units>;

export type UnitName = keyof typeof units;

/** A tenth of a microsecond: theory gives waits of 1e-170 ms to stations that are never full. */
const shortestMs = 1e-4;

export function formatQuantity(value: number, unit: UnitName): string {
  if (!Number.isFinite(value)) return missing;
  const shown = unit === "ms" && Math.abs(value) < shortestMs ? 0 : value;
  const { suffix, per } = unitOf(shown, units[unit]);
  return digits(shown / per) + suffix;
}

/** "182 ms (171–193)"; without the interval when there was one run only, all agree or an end is not a number. */
export function formatEstimate(estimate: Estimate, unit: UnitName, replications: number): string {
  const interval = formatInterval(estimate, unit, replications);
  const value = formatQuantity(estimate.value, unit);
  return interval === "" ? value : `${value} (${interval})`;
}

/** "171–193" in the unit of the value; "" when there is no interval. */
export function formatInterval({ value, low, high }: Estimate, unit: UnitName, replications: number): string {
  if (replications < 2 || low === high || ![value, low, high].every(Number.isFinite)) return "";
  const { per } = unitOf(value, units[unit]);
  return `${digits(low / per)}${low < 0 ? " to " : "–"}${digits(high / per)}`;
}

/** A whole number in full. */
export function formatWhole(value: number): string {
  return Number.isFinite(value) ? grouped(String(Math.round(value))) : missing;
}

/** How long a run is: minutes from two of them, hours likewise. */
export function formatLength(ms: number): string {
  if (ms >= 7_200_000 && ms <= Number.MAX_VALUE) return `${digits(ms / 3_600_000)} h`;
  if (ms >= 120_000 && ms < 7_200_000) return `${digits(ms / 60_000)} min`;
  return formatQuantity(ms, "ms");
}

/** Three significant digits; an exponent only where zeros would have to be counted. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return missing;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(3));
  if (size >= 1e7 || size < 1e-4) return rounded.toExponential().replace("e+", "e").replaceAll("-", "−");
  return grouped(String(rounded).replace("-", "−"));
}

function unitOf(value: number, candidates: Units): Unit {
  // What rounds up to the next unit belongs to it: 999.9 ms is 1 s.
  const size = Math.abs(value) * 1.0005;
  return candidates.find(({ per }) => size >= per) ?? (candidates[candidates.length - 1] as Unit);
}

function grouped(number: string): string {
  const [whole = "", fraction] = number.split(".");
  const spaced = whole.length > 4 ? whole.replace(/(?<=\d)(?=(\d{3})+$)/g, "\u202F") : whole;
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}
