/**
 * M/M/c/K: a station that holds at most K requests, waiting and in slots; one more is shed (Kleinrock I, 1975, 3.6;
 * Gross et al., Fundamentals of Queueing Theory, 2008, 2.5).
 *
 * Probabilities are counted relative to the likeliest end of the queue (its head below saturation, its full length above),
 * so no power overflows; the states without a queue are summed by Erlang B. There is a steady state at any load.
 */
import { erlangB } from "./erlang.ts";
import { offeredLoad, type StationFigures, type StationLoad } from "./markov-station.ts";

export interface BoundedFigures extends StationFigures {
  readonly shedRatio: number;
  /** Requests served. */
  readonly throughputPerSecond: number;
}

/** `capacity` counts slots and places in the queue: at least `slots`. Waits are of the requests that were admitted. */
export function boundedStation(load: StationLoad & { readonly capacity: number }): BoundedFigures {
  const { arrivalsPerSecond, meanServiceMs, slots, capacity } = load;
  const offered = offeredLoad(load);
  const rho = offered / slots;
  const isOverloaded = rho > 1;
  const step = isOverloaded ? 1 / rho : rho;
  const places = capacity - slots;
  let total = 0;
  let weighted = 0;
  let weight = 1;
  let position = 0;
  for (; position <= places && weight > 1e-18 * total; position++) {
    total += weight;
    weighted += weight * position;
    weight *= step;
  }
  // With every slot busy: from an empty queue upwards, or from a full one downwards.
  const lastWeight = step ** places;
  const withoutQueue = 1 / erlangB(slots, offered) - 1;
  const all = total + (isOverloaded ? withoutQueue * lastWeight : withoutQueue);
  const full = isOverloaded ? 1 : lastWeight;
  const shedRatio = full / all;
  const meanQueueLength = (isOverloaded ? places * total - weighted : weighted) / all;
  const throughputPerSecond = arrivalsPerSecond * (1 - shedRatio);
  const meanWaitMs = throughputPerSecond === 0 ? 0 : (1000 * meanQueueLength) / throughputPerSecond;
  return {
    shedRatio,
    throughputPerSecond,
    utilization: rho * (1 - shedRatio),
    waitProbability: (total - full) / (all - full),
    meanWaitMs,
    meanSojournMs: meanWaitMs + meanServiceMs,
    meanQueueLength,
    meanPresent: meanQueueLength + offered * (1 - shedRatio),
  };
}
