/**
 * What a fit of the Universal Scalability Law does not support, in sentences. Least squares answer whatever they are given; most
 * load tests end before the peak that is then read from them.
 */
import type { ScalabilityFit } from "./fit-scalability.ts";

/** With fewer, the quantile of Student's t makes intervals more than twice as wide as the scatter says. */
const fewPoints = 6;
const farOff = 0.1;

export type ScalabilityPrediction = ReturnType<ScalabilityFit["predict"]>;

/** Empty when there is nothing to say. */
export function findingsOfScalability(
  fit: ScalabilityFit,
  predictions: readonly ScalabilityPrediction[] = [],
): string[] {
  const { alpha, beta, peak, points, lowestLoad, highestLoad } = fit;
  const found: string[] = [];
  if (points.length < fewPoints) {
    found.push(`${points.length} measurements only: three parameters leave little to judge the scatter by`);
  }
  if (alpha.value === 0 && alpha.interval === undefined) {
    found.push("contention is at its limit 0: throughput grows at least in step with the load at first");
  }
  if (alpha.value >= 1) {
    found.push("throughput falls from the start: what only one can do at a time is all of the work");
  } else if (peak === undefined) {
    const what = fit.ceiling === Infinity ? "no limit" : `a ceiling of ${short(fit.ceiling)} instead of a peak`;
    found.push(`coherency is at its limit 0: these measurements show ${what}`);
  } else if (beta.interval !== undefined && beta.interval.low === 0) {
    found.push("the interval of coherency reaches 0: there may be no peak");
  }
  if (peak !== undefined && !(peak.load.value >= lowestLoad && peak.load.value <= highestLoad)) {
    const range = `${short(lowestLoad)} to ${short(highestLoad)}`;
    found.push(`the peak at ${short(peak.load.value)} is extrapolated: measured was ${range}`);
  }
  const beyond = predictions.filter(({ isExtrapolated }) => isExtrapolated).map(({ load }) => short(load));
  if (beyond.length > 0) {
    const range = `${short(lowestLoad)} to ${short(highestLoad)}`;
    found.push(`extrapolated at ${beyond.join(", ")}: measured was ${range}, and another limit may come first`);
  }
  const missed = points.filter(({ fitted, residual }) => Math.abs(residual) > farOff * fitted);
  if (missed.length > 0) {
    const places = [...new Set(missed.map(({ load }) => short(load)))];
    found.push(`more than ${100 * farOff} % off at ${places.join(", ")}: the law does not describe these well`);
  }
  return found;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
