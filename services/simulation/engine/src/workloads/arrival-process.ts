/**
 * When an open workload wakes: what each kind implements, and how times are made of gaps.
 *
 * A process knows the time only as an argument and answers with the time it next wants to be woken, so its owner decides
 * how that is scheduled and what happens to a wake-up that a change of load made obsolete. Kinds whose rate varies with
 * time invert its integral instead of thinning: the n-th arrival is where the integral reaches the n-th sum of
 * exponentials of mean 1 (Çinlar 1975). Each arrival so costs one draw at any load, and two runs that differ in their
 * rates stay in step.
 */
export interface ArrivalProcess {
  /** Whether the wake-up that was named last is an arrival; otherwise the process changes its own state only. */
  readonly isArrival: boolean;
  /** The load from `nowNs` on. Answers when to wake, Infinity for never; what was named before no longer counts. */
  setLoad(load: number, nowNs: number): number;
  /** To be called at the time that was named last. Answers when to wake after it, Infinity for never. */
  next(nowNs: number): number;
}

export const nsPerMs = 1e6;
export const nsPerSecond = 1e9;
/** 52 days: beyond any run, and sums stay exact. */
export const longestGapNs = 2 ** 52;
/** This file's own, which the compiler knows; exported constants are read from memory each time. */
const longestNs = longestGapNs;

/** The whole nanosecond at which a gap ends; never when that is beyond any run. */
export function afterGap(nowNs: number, gapNs: number): number {
  return gapNs <= longestNs ? nowNs + Math.round(gapNs) : Number.POSITIVE_INFINITY;
}
