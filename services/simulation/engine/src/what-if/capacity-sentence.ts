/** The answer of a capacity search in one sentence, with its numbers. */
import { digits, formatQuantity } from "../report/format.ts";
import type { CapacityAnswer } from "./capacity-search.ts";

/** `wanted` is the objectives as text. */
export function capacitySentence(
  { outcome, load, missedFromLoad, isPrecise, points }: CapacityAnswer,
  wanted: string,
): string {
  const rateAt = (wantedLoad: number) => {
    const point = points.find((one) => one.load === wantedLoad);
    if (point === undefined) return "";
    const { goodputPerSecond: goodput, throughputPerSecond: throughput } = point;
    const inTime = goodput.value < throughput.value ? " and in time" : "";
    return ` (${formatQuantity(goodput.value, "perSecond")} answered well${inTime})`;
  };
  if (outcome === "never-met") {
    const missed = missedFromLoad === undefined ? "" : `; it is missed from ${digits(missedFromLoad)} on`;
    return `${wanted}: not met at any load down to ${digits(points[0]?.load ?? 0)}${missed}.`;
  }
  if (outcome === "always-met") {
    return `${wanted}: met at every load up to ${digits(load)}${rateAt(load)}, where the search ends.`;
  }
  const until =
    missedFromLoad === undefined
      ? "no load was shown to miss it"
      : `the limit lies between ${digits(load)} and ${digits(missedFromLoad)}`;
  const rough = isPrecise ? "" : "; that is less precise than asked for: longer or more replications narrow it";
  return `${wanted}: met up to load ${digits(load)}${rateAt(load)} with 95 % confidence; ${until}${rough}.`;
}
