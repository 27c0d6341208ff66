import { compileModel, Simulation } from "@weft/simulator";
import { liveHeapBytes } from "../processes/heap.ts";
import { fullModel } from "./full-model.ts";

/*
 * Memory over ten simulated minutes of an overload that never ends: three times the usual load, half as much again as the
 * system can carry, so that every queue is full, requests are shed, time out and are tried again. What is alive is weighed after a full collection
 * every ten simulated seconds. It may grow while queues fill, which is over long before the first minute is.
 */

const minuteMs = 60_000;
const stepMs = 10_000;
const overload = 3;
const mebibyte = 2 ** 20;

export interface OverloadHeap {
  readonly afterMinuteMiB: number;
  readonly endMiB: number;
  /** The largest after the first minute. */
  readonly peakMiB: number;
  /** Of the requests answered, those that failed: that it was an overload. */
  readonly errorRatio: number;
}

export function measureOverloadHeap(minutes: number, seed: number): OverloadHeap {
  const durationMs = minutes * minuteMs;
  const model = compileModel(fullModel(0.25), { load: overload });
  const baseline = liveHeapBytes();
  const simulation = new Simulation(model, { seed, durationMs });
  const weigh = () => (liveHeapBytes() - baseline) / mebibyte;
  simulation.runUntil(minuteMs);
  const afterMinuteMiB = weigh();
  let peakMiB = afterMinuteMiB;
  while (!simulation.done) {
    simulation.runUntil(simulation.nowMs + stepMs);
    peakMiB = Math.max(peakMiB, weigh());
  }
  const endMiB = weigh();
  return { afterMinuteMiB, endMiB, peakMiB: Math.max(peakMiB, endMiB), errorRatio: simulation.results().errorRatio };
}
