/**
 * Loads that change, and how long a run must be: a sinusoid at endless slots (Eick, Massey, Whitt 1993), a spike as a
 * fluid, the relaxation time of an M/M/1 (Cohen 1982, also in Abate and Whitt 1987), and the run length that a precision
 * needs (Whitt 1989).
 */
export interface SinusoidFigures {
  readonly meanPresent: number;
  readonly amplitude: number;
  /** From the peak of the arrivals to the peak of those present. */
  readonly lagMs: number;
}

/** Requests present when the rate is mean × (1 + amplitude × sin(2πt ÷ period)), work is exponential and nobody waits. */
export function sinusoidPresent(given: {
  readonly ratePerSecond: number;
  readonly amplitude: number;
  readonly periodMs: number;
  readonly meanServiceMs: number;
}): SinusoidFigures {
  const perMs = (2 * Math.PI) / given.periodMs;
  const turn = perMs * given.meanServiceMs;
  const meanPresent = (given.ratePerSecond * given.meanServiceMs) / 1000;
  return {
    meanPresent,
    amplitude: (meanPresent * given.amplitude) / Math.sqrt(1 + turn ** 2),
    lagMs: Math.atan(turn) / perMs,
  };
}

/** A rate above the capacity for a while: what gathers, how long the last of it waits, how long it takes to be gone. */
export function spikeBacklog(given: {
  readonly ratePerSecond: number;
  readonly spikePerSecond: number;
  readonly lengthMs: number;
  readonly capacityPerSecond: number;
}): { backlog: number; longestWaitMs: number; drainMs: number } {
  const { ratePerSecond, spikePerSecond, lengthMs, capacityPerSecond } = given;
  const backlog = (Math.max(0, spikePerSecond - capacityPerSecond) * lengthMs) / 1000;
  if (backlog === 0) return { backlog, longestWaitMs: 0, drainMs: 0 };
  const spare = capacityPerSecond - ratePerSecond;
  return {
    backlog,
    longestWaitMs: (1000 * backlog) / capacityPerSecond,
    drainMs: spare > 0 ? (1000 * backlog) / spare : Infinity,
  };
}

/** How long an M/M/1 remembers how it began, in ms. A warm-up is a few of these. */
export function relaxationMs(given: {
  readonly arrivalsPerSecond: number;
  readonly capacityPerSecond: number;
}): number {
  const { arrivalsPerSecond, capacityPerSecond } = given;
  if (arrivalsPerSecond >= capacityPerSecond) return Infinity;
  return 1000 / (Math.sqrt(capacityPerSecond) - Math.sqrt(arrivalsPerSecond)) ** 2;
}

/** Arrivals for a 95 % interval of ± `precision` (relative) around the mean number present in an M/M/1. */
export function arrivalsForPrecision(utilization: number, precision: number): number {
  if (utilization >= 1) return Infinity;
  return (1.96 ** 2 * 2 * (1 + utilization)) / ((1 - utilization) ** 2 * precision ** 2);
}
