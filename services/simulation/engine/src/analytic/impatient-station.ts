/**
 * Erlang A, M/M/c+M: requests that wait leave after an exponential time (Palm 1957; Garnett, Mandelbaum, Reiman 2002).
 *
 * The states without a queue are summed by Erlang B relative to "all slots busy, none waiting"; those with a queue are
 * added one by one until they no longer count, and scaled down before they overflow. Always has a steady state.
 */
import { erlangB } from "./erlang.ts";
import { offeredLoad, type StationLoad } from "./markov-station.ts";

const large = 1e200;

export interface ImpatientFigures {
  readonly waitProbability: number;
  readonly abandonRatio: number;
  /** Of all requests, those that gave up included. */
  readonly meanWaitMs: number;
  readonly meanQueueLength: number;
  readonly utilization: number;
}

export function impatientStation(load: StationLoad & { readonly meanPatienceMs: number }): ImpatientFigures {
  const { arrivalsPerSecond, meanServiceMs, meanPatienceMs, slots } = load;
  const offered = offeredLoad(load);
  const impatience = meanServiceMs / meanPatienceMs;
  let withoutQueue = 1 / erlangB(slots, offered) - 1;
  let busy = 0;
  let weighted = 0;
  let weight = 1;
  for (let waiting = 0; weight > 1e-17 * busy || slots + waiting * impatience < offered; waiting++) {
    busy += weight;
    weighted += weight * waiting;
    weight *= offered / (slots + (waiting + 1) * impatience);
    if (busy < large) continue;
    withoutQueue /= large;
    busy /= large;
    weighted /= large;
    weight /= large;
  }
  const all = withoutQueue + busy;
  const meanQueueLength = weighted / all;
  const meanWaitMs = arrivalsPerSecond === 0 ? 0 : (1000 * meanQueueLength) / arrivalsPerSecond;
  const abandonRatio = meanWaitMs / meanPatienceMs;
  return {
    waitProbability: busy / all,
    abandonRatio,
    meanWaitMs,
    meanQueueLength,
    utilization: (offered * (1 - abandonRatio)) / slots,
  };
}
