/**
 * What an open workload sends without simulating it: how much up to a time, and how fast at most. Integrals of the rates
 * that the arrival processes follow; closed workloads, whose users wait for answers, are not for this file.
 */
import type { ResolvedWorkload } from "./resolve-workload.ts";
import { rateWindow } from "./window-arrivals.ts";

/** Mean number of requests from the start of a run up to `durationMs` of it. */
export function expectedArrivals(workload: ResolvedWorkload, load: number, durationMs: number): number {
  const { kind, ratePerSecond, amplitude, periodMs, arrivalsMs } = workload;
  switch (kind) {
    case "diurnal": {
      const angle = (2 * Math.PI * durationMs) / periodMs;
      const meanMs = durationMs + ((amplitude * periodMs) / (2 * Math.PI)) * (1 - Math.cos(angle));
      return (load * ratePerSecond * meanMs) / 1000;
    }
    case "ramp":
    case "spike":
      return (load * windowIntegral(workload, durationMs)) / 1000;
    case "replay":
      return load === 0 ? 0 : countUpTo(arrivalsMs, durationMs * load);
    default:
      return (load * ratePerSecond * durationMs) / 1000;
  }
}

/** The highest rate at load 1. That of a replay is its own affair and counts as 0: it has so many arrivals and no more. */
export function peakRatePerSecond(workload: ResolvedWorkload): number {
  const { kind, ratePerSecond, burstFactor, amplitude, toRatePerSecond, spikeFactor } = workload;
  switch (kind) {
    case "bursty":
      return ratePerSecond * burstFactor;
    case "diurnal":
      return ratePerSecond * (1 + amplitude);
    case "ramp":
      return Math.max(ratePerSecond, toRatePerSecond);
    case "spike":
      return ratePerSecond * Math.max(1, spikeFactor);
    case "replay":
      return 0;
    default:
      return ratePerSecond;
  }
}

/** Of the rate per second, over milliseconds. */
function windowIntegral(workload: ResolvedWorkload, untilMs: number): number {
  const { beforePerSecond, fromPerSecond, toPerSecond, afterPerSecond, startMs, endMs } = rateWindow(workload);
  const insideMs = Math.min(Math.max(untilMs - startMs, 0), endMs - startMs);
  const rateThen = fromPerSecond + ((toPerSecond - fromPerSecond) * insideMs) / (endMs - startMs);
  const before = beforePerSecond * Math.min(untilMs, startMs);
  return before + ((fromPerSecond + rateThen) / 2) * insideMs + afterPerSecond * Math.max(untilMs - endMs, 0);
}

function countUpTo(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
