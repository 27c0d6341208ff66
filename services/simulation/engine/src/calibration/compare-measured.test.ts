import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { compareBuckets, compareMeasured } from "./compare-measured.ts";
import { holdOut } from "./hold-out.ts";
import { collect, poissonTimes, syntheticSpans } from "./synthetic-traces.ts";

function windows(count: number, mean: number, spread: number, seed: number) {
  const stream = new RandomStream(seed, "windows");
  return Array.from({ length: count }, () => ({ p50Ms: mean + spread * stream.normal() }));
}

describe("compareMeasured", () => {
  test("finds about nine in ten windows within the band of a right model", () => {
    const [one] = compareMeasured(windows(400, 20, 2, 1), windows(400, 20, 2, 2));
    expect(one?.coverage.low).toBeLessThan(0.9);
    expect(one?.coverage.high).toBeGreaterThan(0.9);
    expect(Math.abs(one?.logRatio ?? 1)).toBeLessThan(0.02);
  });

  test("says by how much a model is wrong, and on which side the windows lie", () => {
    const [one] = compareMeasured(windows(50, 40, 2, 1), windows(50, 20, 2, 2));
    expect(one?.logRatio).toBeCloseTo(Math.log(0.5), 1);
    expect([one?.below, one?.above, one?.coverage.value]).toEqual([0, 50, 0]);
  });

  test("leaves out figures that one side lacks, and refuses too few replications", () => {
    expect(compareMeasured([{ p99Ms: 4 }], windows(30, 20, 2, 1))).toEqual([]);
    expect(() => compareMeasured([], windows(5, 20, 2, 1))).toThrow(/5 simulated windows; a band needs at least 20/);
  });
});

describe("compareBuckets", () => {
  test("compares shares up to each end, in any order of buckets", () => {
    const buckets = [
      { upToMs: Number.POSITIVE_INFINITY, count: 100 },
      { upToMs: 10, count: 60 },
    ];
    const { buckets: compared, largestDifference } = compareBuckets(buckets, () => 0.5);
    expect(compared[0]).toEqual({ upToMs: 10, measuredShare: 0.6, predictedShare: 0.5 });
    expect(largestDifference).toBeCloseTo(0.1, 9);
    expect(compareBuckets([], () => 1)).toEqual({ buckets: [], largestDifference: 0 });
  });
});

describe("holdOut", () => {
  test("keeps the last third of the time for windows, and whole traces together", () => {
    const spans = syntheticSpans({
      entry: "web",
      arrivalsMs: poissonTimes(3000, 10),
      services: { web: { workMs: () => 4, calls: [{ to: "db" }] }, db: { workMs: () => 6 } },
    });
    const { calibration, windows: held, windowMs } = holdOut(collect(spans), 1 / 3);
    expect(calibration.spans.length % 3).toBe(0);
    expect(calibration.spans.length / spans.length).toBeCloseTo(2 / 3, 1);
    expect(held.length).toBeGreaterThan(5);
    expect(held[0]?.p50Ms).toBeCloseTo(10, 2);
    expect(windowMs * held.length).toBeGreaterThan(9000);
  });
});
