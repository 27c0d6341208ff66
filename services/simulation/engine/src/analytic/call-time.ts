/**
 * The calls one request makes over the links of its component: how many of each, whether they fail it, how long they take.
 *
 * A balancer makes one of them. Parallel calls last as long as the slowest (independent, which queueing together makes
 * them not quite). Sequential ones add up, and stop at the first that fails for good. Calls that nobody waits for take no
 * time and fail nobody.
 */
import type { ModelComponent, ModelLink } from "../model.ts";
import { noTime, type RandomTime, slowestOf } from "./random-time.ts";

export interface LinkState {
  readonly attempts: number;
  /** Share of the attempts that time out. */
  readonly lateRatio: number;
  /** Of attempts, by whatever cause; of calls, after all retries. */
  readonly failingRatio: number;
  readonly failureRatio: number;
  /** From when an attempt is sent to its answer, also when nobody waits for it any more. */
  readonly attempt: RandomTime;
  readonly attemptsPerSecond: number;
  /** Of the connections, and of the bandwidth in its busier direction; 0 without such a limit. */
  readonly poolOffered: number;
  readonly bandwidthOffered: number;
  /** Of a call with its retries. */
  readonly time: RandomTime;
}

export const noCall: LinkState = {
  attempts: 1,
  lateRatio: 0,
  failingRatio: 0,
  failureRatio: 0,
  attempt: noTime,
  attemptsPerSecond: 0,
  poolOffered: 0,
  bandwidthOffered: 0,
  time: noTime,
};

export interface CallTime {
  readonly time: RandomTime;
  readonly failureRatio: number;
  readonly made: readonly { readonly link: ModelLink; readonly perRequest: number }[];
}

/** For a request that got as far as making calls. */
export function timeOfCalls(component: ModelComponent, links: readonly LinkState[]): CallTime {
  const { isBalancer, isParallel, isQueue } = component;
  if (isBalancer) return balanced(component.links, links);
  const made: { link: ModelLink; perRequest: number }[] = [];
  const legs: { time: RandomTime; count: number }[] = [];
  let alive = 1;
  let meanMs = 0;
  let varianceMs2 = 0;
  for (const link of component.links) {
    const state = links[link.index] as LinkState;
    const fails = link.isAwaited ? state.failureRatio : 0;
    const whole = Math.floor(link.callsPerRequest);
    const rest = link.callsPerRequest - whole;
    const afterWhole = (1 - fails) ** whole;
    const stopsEarly = !isParallel && !isQueue && fails > 0;
    const expected = stopsEarly ? callsUntilFailure(whole, fails) + rest * afterWhole : link.callsPerRequest;
    const perRequest = isParallel || isQueue ? expected : alive * expected;
    made.push({ link, perRequest });
    alive *= afterWhole * (1 - rest * fails);
    if (!link.isAwaited || perRequest === 0) continue;
    legs.push({ time: state.time, count: link.callsPerRequest });
    meanMs += perRequest * state.time.meanMs;
    if (meanMs < Infinity)
      varianceMs2 += perRequest * state.time.varianceMs2 + rest * (1 - rest) * state.time.meanMs ** 2;
  }
  const isSingle = legs.length === 1 && (legs[0]?.count ?? 0) <= 1;
  const time = isParallel && !isSingle ? slowestOf(legs) : { meanMs, varianceMs2 };
  return { time, failureRatio: 1 - alive, made };
}

/** Of so many calls, how many are made when the first that fails is the last; a tiny ratio must not cancel out. */
function callsUntilFailure(calls: number, fails: number): number {
  return calls === 0 ? 0 : -Math.expm1(calls * Math.log1p(-fails)) / fails;
}

function balanced(outgoing: readonly ModelLink[], links: readonly LinkState[]): CallTime {
  let meanMs = 0;
  let square = 0;
  let failureRatio = 0;
  for (const link of outgoing) {
    if (!link.isAwaited || link.callsPerRequest === 0) continue;
    const { time, failureRatio: fails } = links[link.index] as LinkState;
    meanMs += link.callsPerRequest * time.meanMs;
    square += link.callsPerRequest * (time.varianceMs2 + time.meanMs ** 2);
    failureRatio += link.callsPerRequest * fails;
  }
  return {
    time: { meanMs, varianceMs2: meanMs === Infinity ? 0 : Math.max(0, square - meanMs ** 2) },
    failureRatio,
    made: outgoing.map((link) => ({ link, perRequest: link.callsPerRequest })),
  };
}
