/**
 * How requests arrive: at what rate, and whether evenly, at random, in bursts or with the time of day.
 *
 * Bursts are what exceeds chance: an index of dispersion above 1.2 that is more than four standard errors above 1, in windows
 * of some length (dispersion.ts). A day's pattern is looked for first, since it too disperses counts, and needs a whole day.
 */
import type { Workload } from "../architecture.ts";
import { countsIn, dispersionCurve } from "./dispersion.ts";
import { fitBursts } from "./fit-bursts.ts";

export interface ArrivalFacts {
  readonly workload: Pick<
    Workload,
    "kind" | "ratePerSecond" | "burstFactor" | "burstMs" | "burstShare" | "amplitude" | "periodMs"
  >;
  readonly arrivals: number;
  readonly spanMs: number;
  /** At the longest window, corrected for sampling; undefined with too few arrivals. */
  readonly dispersion: number | undefined;
  /** What could not be told, in sentences. */
  readonly unclear: readonly string[];
}

const leastArrivals = 200;
const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** From when requests arrived, in any order; at least one. `samplingRatio` is the share of traces that were kept. */
export function arrivalsFrom(startsMs: readonly number[], samplingRatio: number): ArrivalFacts {
  const sorted = Float64Array.from(startsMs).sort();
  const firstMs = sorted[0] ?? 0;
  const spanMs = (sorted.at(-1) ?? 0) - firstMs;
  const arrivals = sorted.length;
  const sampledPerMs = spanMs > 0 ? (arrivals - 1) / spanMs : 0;
  const ratePerSecond = (sampledPerMs * 1000) / samplingRatio;
  const poisson = { kind: "poisson", ratePerSecond } as const;
  const facts = { arrivals, spanMs };
  const few = `only ${arrivals} arrivals; at least ${leastArrivals} are needed to tell bursts from chance`;
  if (arrivals < leastArrivals || spanMs === 0) {
    return { ...facts, workload: poisson, dispersion: undefined, unclear: [few] };
  }
  const unclear: string[] = [];
  const daily = dailyPattern(sorted, spanMs);
  if (typeof daily === "string") unclear.push(daily);
  else if (daily !== undefined) {
    unclear.push("the time of day: the simulated day begins at the mean, rising");
    return { ...facts, workload: { ...poisson, kind: "diurnal", ...daily }, dispersion: undefined, unclear };
  }
  const curve = dispersionCurve(sorted, samplingRatio);
  const last = curve.at(-1);
  if (last === undefined) return { ...facts, workload: poisson, dispersion: undefined, unclear };
  const dispersion = last.index;
  const burst = curve.some(({ index, error }) => index > 1.2 && index - 1 > 4 * error);
  if (burst) {
    const { isShareKnown, ...shape } = fitBursts(curve, sorted, samplingRatio);
    if (!isShareKnown) unclear.push("how frequent bursts are: their share of the time is assumed to be 0.1");
    return { ...facts, dispersion, unclear, workload: { kind: "bursty", ratePerSecond, ...shape } };
  }
  if (samplingRatio === 1 && dispersion < 0.1)
    return { ...facts, workload: { ...poisson, kind: "constant" }, dispersion, unclear };
  if (1 - dispersion > 4 * last.error && dispersion < 0.8) {
    unclear.push("what paces it: arrivals are more regular than Poisson, as those of users who wait for answers are");
  }
  return { ...facts, workload: poisson, dispersion, unclear };
}

/**
 * A sine of one day through the counts of hours, when a day or more was recorded and it explains most of what they vary; a
 * sentence when the rate drifted and less than a day was recorded; undefined otherwise.
 */
function dailyPattern(
  sorted: Float64Array,
  spanMs: number,
): { readonly amplitude: number; readonly periodMs: number } | string | undefined {
  const hours = Math.floor(spanMs / hourMs);
  if (hours < 3) return undefined;
  const counts = countsIn(sorted, hourMs);
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const total = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0);
  if (hours < 24) {
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    if (most - least < 0.3 * mean || most - least < 8 * Math.sqrt(mean)) return undefined;
    return `the time of day: ${hours} hours were recorded, with ${least} to ${most} arrivals each; a pattern needs a day`;
  }
  let [sines, cosines] = [0, 0];
  // Whole days only: in a part of one, a sine would take up the mean.
  const whole = Math.floor(counts.length / 24) * 24;
  for (let hour = 0; hour < whole; hour++) {
    const deviation = (counts[hour] as number) - mean;
    sines += (2 / whole) * deviation * Math.sin((2 * Math.PI * (hour + 0.5)) / 24);
    cosines += (2 / whole) * deviation * Math.cos((2 * Math.PI * (hour + 0.5)) / 24);
  }
  const amplitude = Math.min(1, Math.hypot(sines, cosines) / mean);
  const explained = ((sines ** 2 + cosines ** 2) / 2) * counts.length;
  return amplitude > 0.1 && explained > total / 2 ? { amplitude, periodMs: dayMs } : undefined;
}
