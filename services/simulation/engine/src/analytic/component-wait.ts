/**
 * The wait for a slot of one component, by the formula that fits what the engine does with it.
 *
 * - One instance: M/M/c (Erlang C) scaled by the variability of arrivals and of slot times (Allen and Cunneen).
 * - The least loaded instance, or the less loaded of two when there are two: close to one pooled station of all slots.
 * - The less loaded of two among more, or the least loaded of d: between the pooled station and the limit of endlessly many
 *   instances (Mitzenmacher); the limit's wait is added with the weight 1 − d/n, which is 0 at d instances and 1 at many.
 * - A random instance, or each in turn: every instance is a station of its own, with its share of the arrivals; in turn
 *   makes their gaps as regular as the sum of n.
 * - A queue with an end: M/M/c/K of all slots and places; above saturation its full queue sets the wait.
 * - Groups of instances that get fixed shares of the arrivals (weights; a primary and its replicas): each for itself, and
 *   the mean of their waits. The first group that is full is where the component ends.
 * - Users who can only have so many requests under way: the wait is scaled as M/M/c//N is to M/M/c at the same throughput.
 * - Callers with so many slots in all: of the open station's queue, what these slots cannot hold waits at the callers
 *   instead. With K slots left for it that is a share ρ^(K − c), by the geometric tail of the queue. Our own; against the
 *   engine it is right to 5 % (network.test.ts).
 */
import type { Balancing } from "../architecture.ts";
import { finiteSourceStation } from "./availability.ts";
import { boundedStation } from "./bounded-station.ts";
import { mmcStation } from "./markov-station.ts";
import { rootOf } from "./quantile.ts";
import { noTime, type RandomTime } from "./random-time.ts";
import { choicesWait } from "./two-choices.ts";

/** Longer queues count as endless: no run is long enough to fill them to their steady state. */
export const longestCountedQueue = 10_000;
/** More callers than this count as endlessly many. */
const mostCountedCallers = 1000;

export interface WaitGiven {
  readonly instances: number;
  readonly concurrency: number;
  readonly queueCapacity: number;
  readonly balancing: Balancing;
  /** Among how many instances "power_of_two" chooses. */
  readonly choices: number;
  readonly arrivalsPerSecond: number;
  readonly arrivalScv: number;
  /** The time a slot is held, calls included. */
  readonly hold: RandomTime;
  /** At most so many requests are ever in it. */
  readonly callers: number;
  /** Of the slots that bound it, those its callers need for their own work; 0 where users bound it. */
  readonly callersElsewhere: number;
  readonly areUsers: boolean;
  /** Instances that do not share their arrivals with the others; none when absent. */
  readonly groups?: readonly InstanceGroup[] | undefined;
}

export interface InstanceGroup {
  readonly instances: number;
  /** Of the arrivals, 0 to 1, that one such group gets. */
  readonly share: number;
  /** How many groups there are of this kind. */
  readonly count: number;
}

export interface WaitFigures {
  /** What arrives, in slots ÷ slots there are. */
  readonly offered: number;
  readonly shedRatio: number;
  readonly wait: RandomTime;
  /** Per call, what its queue makes requests wait at the callers, whose slots are all with it. */
  readonly movedMs: number;
}

export function componentWait(given: WaitGiven): WaitFigures {
  if (given.groups !== undefined) return waitOfGroups(given, given.groups);
  const { concurrency, hold, callers } = given;
  const isSplit = given.instances > 1 && (given.balancing === "random" || given.balancing === "round_robin");
  const stations = isSplit ? given.instances : 1;
  const instances = given.instances / stations;
  const arrivalsPerSecond = given.arrivalsPerSecond / stations;
  const arrivalScv = isSplit ? splitScv(given) : given.arrivalScv;
  const slots = instances * concurrency;
  const offered = arrivalsPerSecond === 0 ? 0 : (arrivalsPerSecond * hold.meanMs) / 1000 / slots;
  if (offered === 0 || callers <= slots) return { offered, shedRatio: 0, wait: noTime, movedMs: 0 };
  const isBounded = given.queueCapacity <= longestCountedQueue && instances * given.queueCapacity + slots < callers;
  if (offered === Infinity || (offered >= 1 && !isBounded)) {
    return { offered, shedRatio: 0, wait: { meanMs: Infinity, varianceMs2: 0 }, movedMs: 0 };
  }
  const load = { arrivalsPerSecond, meanServiceMs: hold.meanMs, slots };
  const open = mmcStation(load);
  const bounded = isBounded
    ? boundedStation({ ...load, capacity: slots + instances * given.queueCapacity })
    : undefined;
  let meanMs = bounded?.meanWaitMs ?? open.meanWaitMs;
  let movedShare = 0;
  if (offered < 1) {
    if (instances > given.choices && given.balancing === "power_of_two") {
      const limit = choicesWait(given.choices, concurrency, offered * concurrency);
      meanMs += (1 - given.choices / instances) * hold.meanMs * limit;
    }
    const isLimited = !isBounded && stations === 1 && callers <= mostCountedCallers && open.meanWaitMs > 0;
    if (isLimited && given.areUsers) meanMs *= finiteSourceWaitMs(given, slots) / open.meanWaitMs;
    if (isLimited && !given.areUsers) movedShare = offered ** Math.max(0, callers - given.callersElsewhere - slots);
    const gapsScv = isLimited && given.areUsers ? 1 : arrivalScv;
    meanMs *= (gapsScv + hold.varianceMs2 / hold.meanMs ** 2) / 2;
  }
  const waiting = Math.max(open.waitProbability, 1e-12);
  const movedMs = movedShare * meanMs;
  meanMs -= movedMs;
  const wait = { meanMs, varianceMs2: meanMs ** 2 * (2 / waiting - 1) };
  return { offered, shedRatio: bounded?.shedRatio ?? 0, wait, movedMs };
}

function waitOfGroups(given: WaitGiven, groups: readonly InstanceGroup[]): WaitFigures {
  const figures = groups.map(({ instances, share, count }) => ({
    share: share * count,
    ...componentWait({
      ...given,
      groups: undefined,
      instances,
      arrivalsPerSecond: given.arrivalsPerSecond * share,
      arrivalScv: 1 + (given.arrivalScv - 1) * share,
      callers: Infinity,
    }),
  }));
  const mean = (read: (of: WaitFigures) => number) =>
    figures.reduce((sum, one) => sum + (one.share === 0 ? 0 : one.share * read(one)), 0);
  const meanMs = mean(({ wait }) => wait.meanMs);
  const square = mean(({ wait }) => wait.varianceMs2 + wait.meanMs ** 2);
  return {
    offered: Math.max(...figures.map(({ offered }) => offered)),
    shedRatio: mean(({ shedRatio }) => shedRatio),
    wait: { meanMs, varianceMs2: meanMs === Infinity ? 0 : square - meanMs ** 2 },
    movedMs: 0,
  };
}

/** How irregular the arrivals of one instance are: thinned at random, or every n-th. */
function splitScv({ arrivalScv, instances, balancing }: WaitGiven): number {
  return balancing === "random" ? 1 + (arrivalScv - 1) / instances : arrivalScv / instances;
}

/** The wait at a station with so many sources whose thinking is such that they bring just these arrivals. */
function finiteSourceWaitMs({ callers, arrivalsPerSecond, hold }: WaitGiven, slots: number): number {
  const at = (thinkMs: number) => finiteSourceStation({ sources: callers, thinkMs, meanServiceMs: hold.meanMs, slots });
  const longestMs = (1000 * callers) / arrivalsPerSecond;
  return at(rootOf((thinkMs) => at(thinkMs).throughputPerSecond - arrivalsPerSecond, 0, longestMs)).meanWaitMs;
}
