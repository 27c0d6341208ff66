/**
 * The difference of one figure between two versions that ran under the same seeds, and the sentence that says it.
 *
 * With common random numbers each pair of replications shares its luck, so the differences pair by pair vary far less than
 * the figures do (Law, Simulation Modeling and Analysis, 2015, 11.2). An interval that holds 0 is no proof that nothing
 * changed; so it is said as what it is, no difference to see, with how large one could be all the same.
 */
import type { Estimate } from "../replications/study.ts";
import { digits, formatQuantity, type UnitName } from "../report/format.ts";
import { meanInterval, type PairedDifference, pairedDifference } from "../statistics/interval.ts";

export type Change = "better" | "worse" | "different" | "unclear" | "none";

export interface FigureDifference {
  readonly name: string;
  readonly label: string;
  readonly unit: UnitName;
  /** Pairs of replications in which both versions have the figure; with none, the numbers below are 0. */
  readonly pairs: number;
  readonly before: Estimate;
  readonly after: Estimate;
  /** After minus before, with its 95 % interval; without one (low = high = value) for a single pair. */
  readonly difference: PairedDifference;
  /** "different" where neither way is better in itself; "none": equal in every pair; "unclear": the interval holds 0. */
  readonly change: Change;
  readonly sentence: string;
}

export interface FigureNames {
  readonly name: string;
  readonly label: string;
  readonly unit: UnitName;
  /** Absent when neither way is better. */
  readonly better?: "lower" | "higher";
}

const nothing: Estimate = { value: 0, low: 0, high: 0 };

/** `before` and `after` by replication, as long as each other; undefined where a replication has no such figure. */
export function differenceOf(
  { name, label, unit, better }: FigureNames,
  before: readonly (number | undefined)[],
  after: readonly (number | undefined)[],
): FigureDifference {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (const [index, value] of after.entries()) {
    const other = before[index];
    if (value === undefined || other === undefined) continue;
    ours.push(value);
    theirs.push(other);
  }
  if (ours.length === 0) {
    const sentence = `${label}: no pair of replications has it in both versions`;
    const difference = { ...nothing, varianceReduction: 1 };
    return { name, label, unit, pairs: 0, before: nothing, after: nothing, difference, change: "unclear", sentence };
  }
  const difference = pairedDifference(ours, theirs);
  const change = changeOf(difference, ours.length, better);
  const figures = { pairs: ours.length, before: boundedInterval(theirs, unit), after: boundedInterval(ours, unit) };
  return { name, label, unit, ...figures, difference, change, sentence: sentenceOf(label, unit, figures, difference) };
}

/** No figure is negative, and no share above 1, so neither end of an interval is. */
function boundedInterval(values: readonly number[], unit: UnitName): Estimate {
  const { value, low, high } = meanInterval(values);
  return { value, low: Math.max(0, low), high: Math.min(unit === "share" ? 1 : Number.POSITIVE_INFINITY, high) };
}

function changeOf({ value, low, high }: Estimate, pairs: number, better: FigureNames["better"]): Change {
  if (low === 0 && high === 0) return "none";
  if (pairs < 2 || (low <= 0 && high >= 0)) return "unclear";
  if (better === undefined) return "different";
  return value < 0 === (better === "lower") ? "better" : "worse";
}

function sentenceOf(
  label: string,
  unit: UnitName,
  { pairs, before, after }: Pick<FigureDifference, "pairs" | "before" | "after">,
  { value, low, high }: Estimate,
): string {
  const fromTo = `from ${formatQuantity(before.value, unit)} to ${formatQuantity(after.value, unit)}`;
  if (low === 0 && high === 0) return `${label} is the same in every replication: ${formatQuantity(after.value, unit)}`;
  const verb = value < 0 ? "falls" : "rises";
  const size = formatChange(Math.abs(value), unit);
  if (pairs < 2) return `${label} ${verb} by ${size} in a single pair of runs, ${fromTo}`;
  if (low <= 0 && high >= 0) {
    return `no difference to see: ${label} changes by ${formatChangeInterval(low, high, unit)}, ${fromTo}`;
  }
  const ends = value < 0 ? [-high, -low] : [low, high];
  return `${label} ${verb} by ${size} (${digits(shown(ends[0], size, unit))} to ${digits(shown(ends[1], size, unit))}), ${fromTo}`;
}

/** "38 ms", "−1.2 points": shares change in percentage points, since "by 5 %" could be meant of the share itself. */
export function formatChange(value: number, unit: UnitName): string {
  return unit === "share" ? `${digits(value * 100)} points` : formatQuantity(value, unit);
}

/** "−3 ms to 5 ms", both ends with their units. */
export function formatChangeInterval(low: number, high: number, unit: UnitName): string {
  return `${formatChange(low, unit)} to ${formatChange(high, unit)}`;
}

/** A number in the unit that the other one is shown in, so that both can stand under one unit. */
function shown(value = 0, size: string, unit: UnitName): number {
  if (unit === "share") return value * 100;
  if (unit === "ms") return / s$/.test(size) ? value / 1000 : value;
  return / million/.test(size) ? value / 1e6 : / billion/.test(size) ? value / 1e9 : value;
}
