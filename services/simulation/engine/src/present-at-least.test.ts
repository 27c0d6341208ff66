import { describe, expect, test } from "vitest";
import { constant, poisson, resultsOfComponent, simulate, singleStation } from "./scenario.ts";

/** One slot of 100 ms, and what arrives at these times. */
function replayed(arrivalsMs: readonly number[], given: Parameters<typeof singleStation>[1] = {}) {
  return {
    ...singleStation(0, { serviceTime: constant(100), ...given }),
    workloads: [{ ...poisson("client", 0), kind: "replay" as const, arrivalsMs: [...arrivalsMs] }],
  };
}

const shares = (model: Parameters<typeof simulate>[0], durationMs: number, warmupMs = 0) =>
  resultsOfComponent(simulate(model, { durationMs, warmupMs }).results(), "station").presentAtLeast;

describe("the share of the time with at least so many requests", () => {
  test("is read off the timeline of a few requests, those that still are there included", () => {
    // Two from 0 to 100, one to 200; three from 900, of which none is ready at 1000 but the first.
    expect(shares(replayed([0, 0, 900, 900, 900]), 1000)).toEqual([1, 0.3, 0.2, 0.1]);
  });

  test("leaves the warm-up out, but not who came in it and is still there", () => {
    expect(shares(replayed([0, 0]), 1100, 100)).toEqual([1, 0.1]);
  });

  test("counts who is refused at once for no time", () => {
    expect(shares(replayed([0, 0, 0], { queueCapacity: 0 }), 1000)).toEqual([1, 0.1]);
  });

  test("ends at 255, however many there are", () => {
    const crowd = shares(replayed(Array<number>(400).fill(0)), 1000);
    expect(crowd).toHaveLength(256);
    expect(crowd[255]).toBe(1);
  });

  test("sums up to the mean number present", () => {
    const run = simulate(singleStation(80, { serviceTime: constant(10) }), { durationMs: 50_000, warmupMs: 5000 });
    const { presentAtLeast, inFlightMean } = resultsOfComponent(run.results(), "station");
    expect(presentAtLeast.slice(1).reduce((sum, share) => sum + share, 0)).toBeCloseTo(inFlightMean, 9);
    expect(presentAtLeast).toEqual(presentAtLeast.toSorted((a, b) => b - a));
  });
});
