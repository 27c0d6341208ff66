/** For tests: what an arrival process does on its own, without a simulation around it. */
import type { Workload } from "../architecture.ts";
import { nsPerMs } from "./arrival-process.ts";
import { createArrivalProcess } from "./create-arrival-process.ts";
import { resolveWorkload } from "./resolve-workload.ts";

/** A workload with id "w"; 100 requests a second unless said otherwise. */
export function workload(kind: Workload["kind"], given: Partial<Workload> = {}): Workload {
  return { id: "w", component: "client", kind, ratePerSecond: 100, users: 1, thinkTimeMs: 0, ...given };
}

/** When requests arrive up to a time; `changes` are loads and since when they apply, at first 1. */
export function arrivalTimesMs(
  given: Workload,
  untilMs: number,
  { seed = 1, changes = [] }: { seed?: number; changes?: readonly (readonly [atMs: number, load: number])[] } = {},
): number[] {
  const process = createArrivalProcess(resolveWorkload(given), seed);
  if (process === undefined) throw new Error(`a ${given.kind} workload has no arrivals of its own`);
  const times: number[] = [];
  let wakeNs = process.setLoad(1, 0);
  for (const [atMs, load] of [...changes, [untilMs, 0] as const]) {
    while (wakeNs <= atMs * nsPerMs) {
      if (process.isArrival) times.push(wakeNs / nsPerMs);
      wakeNs = process.next(wakeNs);
    }
    wakeNs = process.setLoad(load, atMs * nsPerMs);
  }
  return times;
}

/** How many of them are in each of `count` windows of this length, from 0 on. */
export function countPerWindow(timesMs: readonly number[], windowMs: number, count: number): number[] {
  const counts = new Array<number>(count).fill(0);
  for (const timeMs of timesMs) {
    const window = Math.floor(timeMs / windowMs);
    if (window < count) counts[window] = (counts[window] as number) + 1;
  }
  return counts;
}

/**
 * Throws unless the mean of replications lies within 4 standard errors of the exact value, and the standard error is less
 * than `precision` of it.
 */
export function expectMeanOf(values: readonly number[], exact: number, precision: number): void {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const standardError = Math.sqrt(variance / values.length);
  if (!(standardError < precision * Math.abs(exact))) {
    throw new Error(`the standard error ${standardError} is not below ${precision} of ${exact}`);
  }
  if (!(Math.abs(mean - exact) <= 4 * standardError)) {
    throw new Error(`the mean ${mean} is more than 4 standard errors (${standardError}) from ${exact}`);
  }
}

/** Seeds of the replications that such a mean is made of. */
export const seeds: readonly number[] = Array.from({ length: 20 }, (_, index) => 1000 + index);
