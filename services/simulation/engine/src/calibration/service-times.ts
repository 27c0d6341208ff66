/**
 * Own work of a component per request, and whether waiting for a slot is mixed into it.
 *
 * Own work is a visit less the time in which at least one of its calls was under way. A span begins when the request
 * arrives and not when it gets a slot, so under load that includes the wait. The two are told apart by how many other
 * visits an instance had when one arrived: a request that finds an instance idle waits for nobody, whatever the load, and
 * how busy it finds it says nothing about its own work. So
 * - when those that found much going on took no longer than those that found little, there was no queue;
 * - otherwise the least busy arrivals show the work, if they found nobody, or if what they found makes no difference among
 *   themselves; the rest is waiting, and the number from which on arrivals take longer is the number of slots;
 * - otherwise the two cannot be told apart.
 * In a sample of traces most neighbours are unseen: there the rate of the sampled visits, window by window, takes their
 * place, and the quietest windows the place of idle arrivals.
 */
import type { Visit } from "./visits.ts";

export interface ServiceTimes {
  /** What to take as own work, in ms. */
  readonly samplesMs: readonly number[];
  /** "none": no queue was seen. "separated": left out. "mixed": in the samples, and cannot be taken out. */
  readonly queueing: "none" | "separated" | "mixed";
  /** Slots of an instance, when a queue showed them. */
  readonly slots: number | undefined;
  /** The most visits that one instance had at a time, with the one that arrives. */
  readonly mostAtOnce: number;
  /** Mean own time of all visits, with waiting. */
  readonly allMeanMs: number;
}

const leastSamples = 100;
/** Waiting below this share of the work does not matter. */
const relevant = 0.05;
const standardErrors = 4;
const leastAtLevel = 30;
const windowCount = 200;

/** `isSampled`: not all traces were kept. */
export function separateServiceTimes(visits: readonly Visit[], isSampled: boolean): ServiceTimes {
  const sorted = [...visits].sort((a, b) => a.startUs - b.startUs);
  const ownMs = Float64Array.from(sorted, ownWorkMs);
  const found = visitsInProgress(sorted);
  const busyness = isSampled ? ratesAround(sorted) : found;
  const mostAtOnce = found.reduce((most, value) => Math.max(most, value + 1), 0);
  const common = { mostAtOnce, allMeanMs: momentsOf(ownMs).mean };
  const all = { samplesMs: [...ownMs], slots: undefined, ...common };
  const order = Array.from(ownMs.keys()).sort((a, b) => (busyness[a] as number) - (busyness[b] as number) || a - b);
  if (order.length < 2 * leastSamples) return { ...all, queueing: "none" };

  const least = busyness[order[0] as number] as number;
  const level = isSampled ? 0 : order.findIndex((index) => (busyness[index] as number) > least);
  const quarter = order.length >> 2;
  const quietCount = level < 0 ? order.length : level >= leastSamples ? level : quarter;
  const pick = (from: number, to: number) =>
    Float64Array.from(order.slice(from, to), (index) => ownMs[index] as number);
  const quiet = pick(0, quietCount);
  if (!isLonger(pick(Math.max(quietCount, order.length - quarter), order.length), quiet)) {
    return { ...all, queueing: "none" };
  }
  const isIdle = !isSampled && least === 0 && quietCount === level;
  const [calm, calmer] = [pick(quietCount >> 1, quietCount), pick(0, quietCount >> 1)];
  if (!isIdle && (isSampled || quiet.length < 2 * leastSamples || isLonger(calm, calmer))) {
    return { ...all, samplesMs: [...quiet], queueing: "mixed" };
  }
  const slots = isSampled ? undefined : slotsFrom(found, ownMs, momentsOf(quiet).mean);
  return { samplesMs: [...quiet], queueing: "separated", slots, ...common };
}

/** The part of a visit in which none of its calls was under way. */
function ownWorkMs({ startUs, endUs, calls }: Visit): number {
  let ownUs = endUs - startUs;
  let coveredToUs = startUs;
  const waited = calls.length < 2 ? calls : [...calls].sort((a, b) => a.startUs - b.startUs);
  for (const call of waited) {
    if (call.isAsync) continue;
    const fromUs = Math.max(coveredToUs, call.startUs);
    const toUs = Math.min(endUs, call.endUs);
    if (toUs <= fromUs) continue;
    ownUs -= toUs - fromUs;
    coveredToUs = toUs;
  }
  return Math.max(0, ownUs) / 1000;
}

/** Of each visit, in order of their starts: the visits of the same instance that had begun and not ended. */
function visitsInProgress(sorted: readonly Visit[]): Float64Array {
  const instances = new Map<string, { readonly endsUs: Float64Array; begun: number; ended: number }>();
  for (const [instance, visits] of Map.groupBy(sorted, ({ instance = "" }) => instance)) {
    instances.set(instance, { endsUs: Float64Array.from(visits, ({ endUs }) => endUs).sort(), begun: 0, ended: 0 });
  }
  return Float64Array.from(sorted, ({ instance = "", startUs }) => {
    const state = instances.get(instance);
    if (state === undefined) return 0;
    while (state.ended < state.begun && (state.endsUs[state.ended] as number) <= startUs) state.ended++;
    return state.begun++ - state.ended;
  });
}

/** Of each visit: how many began in its window of the recorded time. */
function ratesAround(sorted: readonly Visit[]): Float64Array {
  const firstUs = sorted[0]?.startUs ?? 0;
  const lengthUs =
    ((sorted.at(-1)?.startUs ?? 0) - firstUs) / Math.min(windowCount, Math.max(1, sorted.length / 20)) + 1;
  const windowOf = (visit: Visit) => Math.floor((visit.startUs - firstUs) / lengthUs);
  const counts = new Map<number, number>();
  for (const visit of sorted) counts.set(windowOf(visit), (counts.get(windowOf(visit)) ?? 0) + 1);
  return Float64Array.from(sorted, (visit) => counts.get(windowOf(visit)) ?? 0);
}

/**
 * The number of visits in progress from which on a newcomer takes longer. With c slots, an arrival that finds c others
 * waits for the first of them to end, about a c-th of the work; half of that is asked for, on two neighbouring levels.
 */
function slotsFrom(found: Float64Array, ownMs: Float64Array, workMs: number): number | undefined {
  const levels = new Map<number, number[]>();
  for (const [index, level] of found.entries()) {
    const own = levels.get(level);
    if (own === undefined) levels.set(level, [ownMs[index] as number]);
    else own.push(ownMs[index] as number);
  }
  const waits = (level: number) => {
    const { mean, standardError, count } = momentsOf(Float64Array.from(levels.get(level) ?? []));
    if (count < leastAtLevel) return undefined;
    return mean - workMs > Math.max(workMs / (2 * level), 3 * standardError);
  };
  for (let level = 1; levels.has(level); level++) {
    const here = waits(level);
    if (here === undefined) return undefined;
    if (here && waits(level + 1) !== false) return level;
  }
  return undefined;
}

function isLonger(values: Float64Array, than: Float64Array): boolean {
  const [one, other] = [momentsOf(values), momentsOf(than)];
  if (one.count < leastAtLevel || other.count < leastAtLevel) return false;
  const difference = one.mean - other.mean;
  return (
    difference > relevant * other.mean &&
    difference > standardErrors * Math.hypot(one.standardError, other.standardError)
  );
}

function momentsOf(values: Float64Array): {
  readonly mean: number;
  readonly standardError: number;
  readonly count: number;
} {
  const count = values.length;
  if (count === 0) return { mean: 0, standardError: 0, count };
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / Math.max(1, count - 1) / count), count };
}
