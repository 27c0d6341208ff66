import { describe, expect, test } from "vitest";
import { LatencyRecorder } from "./latency-recorder.ts";
import { compileModel } from "./model.ts";
import { RecentLatencies } from "./recent-latencies.ts";
import { exponential, singleStation } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

/** Frames end at these times; in each, one request took as long as the frame's place, from 1. */
function shownCounts(windowNs: number, frameEndsNs: readonly number[]): number[] {
  const latencies = new LatencyRecorder(1);
  const recent = new RecentLatencies(latencies, 1, windowNs);
  return frameEndsNs.map((endNs) => {
    latencies.record(0, 5);
    recent.advance(endNs);
    latencies.endFrame();
    return recent.of(0).count;
  });
}

describe("the latencies of a frame", () => {
  test("are of at least the last window, and at most of two", () => {
    const ends = Array.from({ length: 40 }, (_, index) => (index + 1) * 10);
    const counts = shownCounts(100, ends).slice(10);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...counts)).toBeLessThanOrEqual(20);
  });

  test("are of the frame alone where it is longer than the window, or there is no window", () => {
    expect(shownCounts(100, [100, 300, 450])).toEqual([1, 1, 1]);
    expect(shownCounts(0, [10, 20, 20, 30])).toEqual([1, 1, 1, 1]);
  });

  test("stay in a frame that covers no time", () => {
    expect(shownCounts(100, [10, 20, 20, 20])).toEqual([1, 2, 3, 4]);
  });

  test("are near the run's own at sixty frames a second, where those of single frames are not", () => {
    const model = compileModel(singleStation(80, { serviceTime: exponential(8) }));
    const p99Of = (frameLatencyWindowMs: number) => {
      const simulation = new Simulation(model, { seed: 1, durationMs: 120_000, frameLatencyWindowMs });
      const shown: number[] = [];
      for (let frame = 1; frame <= 7200; frame++) {
        simulation.runUntil((frame * 1000) / 60);
        shown.push(simulation.frame(1).total.p99Ms);
      }
      const mean = shown.reduce((sum, p99Ms) => sum + p99Ms, 0) / shown.length;
      return mean / simulation.results().latency.p99Ms;
    };
    expect(p99Of(0)).toBeLessThan(0.3);
    expect(p99Of(1000)).toBeGreaterThan(0.5);
  });
});
