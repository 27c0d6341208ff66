/**
 * Stations with Poisson arrivals and exponential work: M/M/1 and M/M/c (Erlang 1917; Kleinrock, Queueing Systems I, 1975).
 *
 * Waits have a closed form: a share C waits, exponentially, at the rate of the spare capacity. A saturated station has no
 * steady state; its waits and lengths are Infinity, its utilization is what the slots would have to do (1 or above).
 */
import { erlangC } from "./erlang.ts";
import { quantileOfTail } from "./quantile.ts";

/** What arrives at a station and what it takes; `slots` work at the same time. */
export interface StationLoad {
  readonly arrivalsPerSecond: number;
  readonly meanServiceMs: number;
  readonly slots: number;
}

export interface StationFigures {
  /** Offered load ÷ slots. */
  readonly utilization: number;
  /** The share of requests that wait at all. */
  readonly waitProbability: number;
  readonly meanWaitMs: number;
  /** Wait and work. */
  readonly meanSojournMs: number;
  readonly meanQueueLength: number;
  /** Waiting and in slots. */
  readonly meanPresent: number;
}

/** Slots that the arrivals keep busy. */
export function offeredLoad({ arrivalsPerSecond, meanServiceMs }: Omit<StationLoad, "slots">): number {
  return (arrivalsPerSecond * meanServiceMs) / 1000;
}

export function mmcStation(load: StationLoad): StationFigures {
  const offered = offeredLoad(load);
  const waitProbability = erlangC(load.slots, offered);
  const spare = load.slots - offered;
  return figuresOfWait(load, waitProbability, spare > 0 ? (waitProbability * load.meanServiceMs) / spare : Infinity);
}

/** Completes the figures from the mean wait, by Little's law (1961). */
export function figuresOfWait(load: StationLoad, waitProbability: number, meanWaitMs: number): StationFigures {
  const { arrivalsPerSecond, meanServiceMs, slots } = load;
  const offered = offeredLoad(load);
  const meanQueueLength = arrivalsPerSecond === 0 ? 0 : (arrivalsPerSecond * meanWaitMs) / 1000;
  return {
    utilization: offered / slots,
    waitProbability,
    meanWaitMs,
    meanSojournMs: meanWaitMs + meanServiceMs,
    meanQueueLength,
    meanPresent: meanQueueLength + offered,
  };
}

/** The wait that this share of the requests stays below, in ms. */
export function mmcWaitQuantileMs(load: StationLoad, share: number): number {
  const offered = offeredLoad(load);
  if (offered >= load.slots) return Infinity;
  const waiting = erlangC(load.slots, offered);
  if (share <= 1 - waiting) return 0;
  return (Math.log(waiting / (1 - share)) * load.meanServiceMs) / (load.slots - offered);
}

/** The time in the station that this share of the requests stays below, in ms. */
export function mmcSojournQuantileMs(load: StationLoad, share: number): number {
  const offered = offeredLoad(load);
  if (offered >= load.slots) return Infinity;
  const waiting = erlangC(load.slots, offered);
  // In units of the mean service time: wait's rate less work's rate; 0 when both tails fall alike.
  const difference = load.slots - offered - 1;
  const tail = (time: number) => {
    const waited = difference === 0 ? time : -Math.expm1(-difference * time) / difference;
    return Math.exp(-time) * (1 + waiting * waited);
  };
  return quantileOfTail(tail, share) * load.meanServiceMs;
}

/** The share of the time in which at least `present` requests are in an M/M/1: ρ to that power. */
export function mm1PresentTail(load: Omit<StationLoad, "slots">, present: number): number {
  return Math.min(1, offeredLoad(load)) ** present;
}

/** By how many per cent the mean time in an M/M/1 changes per per cent of arrival rate or of speed. */
export function mm1Elasticity(load: Omit<StationLoad, "slots">): { ofArrivals: number; ofSpeed: number } {
  const rho = offeredLoad(load);
  if (rho >= 1) return { ofArrivals: Infinity, ofSpeed: -Infinity };
  return { ofArrivals: rho / (1 - rho), ofSpeed: -1 / (1 - rho) };
}
