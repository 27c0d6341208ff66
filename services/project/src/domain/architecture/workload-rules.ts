import { ARRIVAL_LIMIT, MAX_ARRIVALS, type NumberLimit, type PartialWorkload, type Workload } from "./architecture.ts";
import { WORKLOAD_SHAPE_DEFAULTS } from "./architecture-defaults.ts";

/** A field of a workload that does not fit the others; `problem` is a sentence's end, as of `numberProblem`. */
interface WorkloadProblem {
  field: "burstShare" | "burstFactor" | "arrivalsMs";
  problem: string;
}

/** 3 × a third must pass as 1. */
const ROUNDING = 1e-9;

/**
 * What the limits of single numbers cannot say: bursts must not hold more than all requests, and a replay needs arrivals.
 * The numbers themselves must be within their limits; absent ones count as their defaults.
 */
export function workloadProblem(workload: PartialWorkload): WorkloadProblem | undefined {
  const { kind, arrivalsMs = [] } = workload;
  if (kind === "replay" && arrivalsMs.length === 0) {
    return { field: "arrivalsMs", problem: "must have at least one arrival when the kind is replay, not 0" };
  }
  if (kind !== "bursty") return undefined;
  const { burstFactor = 1, burstShare = 1 } = { ...WORKLOAD_SHAPE_DEFAULTS.bursty, ...givenBurst(workload) };
  if (burstFactor * burstShare <= 1 + ROUNDING) return undefined;
  const most = (of: string, value: number) => `must be at most 1 ÷ ${of} (${value}), which is ${1 / value}, not `;
  // Where only the factor is given, it is the factor that does not fit.
  return workload.burstShare === undefined
    ? { field: "burstFactor", problem: `${most("burstShare", burstShare)}${burstFactor}` }
    : { field: "burstShare", problem: `${most("burstFactor", burstFactor)}${burstShare}` };
}

function givenBurst({ burstFactor, burstShare }: PartialWorkload): { burstFactor?: number; burstShare?: number } {
  return { ...(burstFactor === undefined ? {} : { burstFactor }), ...(burstShare === undefined ? {} : { burstShare }) };
}

/** Why these are not the times of a record, as a sentence's end; undefined when they are. Only the first is told. */
export function arrivalsProblem(arrivalsMs: readonly unknown[], most: number = MAX_ARRIVALS): string | undefined {
  if (arrivalsMs.length > most) return `must have at most ${most} arrivals, not ${arrivalsMs.length}`;
  const { min, max }: NumberLimit = ARRIVAL_LIMIT;
  let before = min;
  for (const [index, arrivalMs] of arrivalsMs.entries()) {
    if (!(typeof arrivalMs === "number" && arrivalMs >= min && arrivalMs <= max)) {
      return `must be numbers from ${min} to ${max}, but ${index} is ${String(arrivalMs).slice(0, 80)}`;
    }
    if (arrivalMs < before) return `must ascend, but ${index} is ${arrivalMs} after ${before}`;
    before = arrivalMs;
  }
  return undefined;
}

/** Requests a second in the long run, of workloads that are not closed: a ramp stays at its end. */
export function longRunRatePerSecond({ kind, ratePerSecond, toRatePerSecond, arrivalsMs = [] }: Workload): number {
  if (kind === "ramp") return toRatePerSecond ?? ratePerSecond;
  if (kind !== "replay") return ratePerSecond;
  // A record of one instant has no rate; then what it has counts as a second's.
  return (arrivalsMs.length * 1000) / (arrivalsMs.at(-1) || 1000);
}
