/**
 * Stations whose work or arrivals are not exponential. `serviceScv` and `arrivalScv` are squared coefficients of variation:
 * 0 for constant gaps, 1 for exponential ones.
 *
 * Exact: M/G/1 (Pollaczek 1930, Khinchine 1932), M/G/1 with processor sharing (Kleinrock 1967), batches (Chaudhry and
 * Templeton 1983), Erlang-k arrivals to one exponential slot (the root of the embedded chain; Kleinrock I, 6.4).
 * Approximate: G/G/1 (Kingman 1961), G/G/c (Allen and Cunneen, in Allen 1978), which is M/M/c's wait times the mean of
 * the two variabilities: exact for M/M/c and M/G/1, good under heavy traffic, too high for regular arrivals at low load.
 */
import { figuresOfWait, mmcStation, offeredLoad, type StationFigures, type StationLoad } from "./markov-station.ts";
import { rootOf } from "./quantile.ts";

type SlotLoad = Omit<StationLoad, "slots">;

export function mg1Station(load: SlotLoad & { readonly serviceScv: number }): StationFigures {
  return ggcStation({ ...load, slots: 1, arrivalScv: 1 });
}

export function ggcStation(
  load: StationLoad & { readonly arrivalScv: number; readonly serviceScv: number },
): StationFigures {
  const { waitProbability, meanWaitMs, utilization } = mmcStation(load);
  // Even without variability a saturated station has no end to its queue.
  const variability = utilization >= 1 ? 1 : (load.arrivalScv + load.serviceScv) / 2;
  return figuresOfWait(load, waitProbability, meanWaitMs * variability);
}

/** Kingman's heavy-traffic approximation of the wait at one slot, in ms; an upper bound in the limit. */
export function kingmanWaitMs(load: SlotLoad & { readonly arrivalScv: number; readonly serviceScv: number }): number {
  return ggcStation({ ...load, slots: 1 }).meanWaitMs;
}

/** Mean time a job of this length takes when all present share one slot; the shape of the service time plays no part. */
export function sharedSojournMs(load: SlotLoad, jobMs: number): number {
  const spare = 1 - offeredLoad(load);
  return spare > 0 ? jobMs / spare : Infinity;
}

/** One slot, batches of a fixed size at Poisson times; `arrivalsPerSecond` counts requests, not batches. */
export function batchStation(
  load: SlotLoad & { readonly batchSize: number; readonly serviceScv: number },
): StationFigures {
  const rho = offeredLoad(load);
  const behindOthersMs = ((load.batchSize - 1) * load.meanServiceMs) / (2 * (1 - rho));
  const single = mg1Station(load);
  const meanWaitMs = rho < 1 ? single.meanWaitMs + behindOthersMs : Infinity;
  // The first of an own batch finds the slot free with 1 - ρ; the others never do.
  const waitProbability = rho < 1 ? 1 - (1 - rho) / load.batchSize : 1;
  return figuresOfWait({ ...load, slots: 1 }, waitProbability, meanWaitMs);
}

/** One exponential slot, Erlang gaps of `stages` stages: what a round robin over so many instances sends to each. */
export function erlangArrivalsStation(load: SlotLoad & { readonly stages: number }): StationFigures {
  const rho = offeredLoad(load);
  const { stages, meanServiceMs } = load;
  if (rho >= 1) return figuresOfWait({ ...load, slots: 1 }, 1, Infinity);
  const rate = stages * rho;
  const waiting = rate === 0 ? 0 : rootOf((at) => (rate / (rate + 1 - at)) ** stages - at, 0, 1 - (1 - rho) * 1e-3);
  return figuresOfWait({ ...load, slots: 1 }, waiting, (meanServiceMs * waiting) / (1 - waiting));
}
