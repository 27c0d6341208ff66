import { describe, expect, test } from "vitest";
import { ejectionMs, ejectionsAllowed, findOutliers, type OutlierReading, outlierDefaults } from "./outliers.ts";

function reading(change: Partial<OutlierReading> = {}): OutlierReading {
  return { calls: 1000, failures: 0, latencyMs: 5, ...change };
}

function found(readings: readonly OutlierReading[]): string[] {
  return findOutliers(readings, outlierDefaults).map(({ index, reason }) => `${index} ${reason}`);
}

const healthy = Array.from({ length: 9 }, () => reading());

describe("findOutliers", () => {
  test("finds one that fails a tenth of its calls where the others fail none", () => {
    const [outlier, ...others] = findOutliers([...healthy, reading({ failures: 100 })], outlierDefaults);
    expect(others).toEqual([]);
    expect(outlier).toMatchObject({ index: 9, reason: "success_rate" });
    expect(outlier?.detail).toBe("100 of 1000 calls failed; it succeeds at 90.0 %, the mean is 99.0 %");
  });

  test("leaves one alone that fails hardly more than the others", () => {
    expect(found([...healthy, reading({ failures: 20 })])).toEqual([]);
  });

  test("finds nobody when all fail alike", () => {
    expect(found(Array.from({ length: 10 }, () => reading({ failures: 700 })))).toEqual([]);
  });

  test("judges by no fewer than a hundred calls, and no fewer than five instances", () => {
    expect(found([...healthy, reading({ calls: 99, failures: 99 })])).toEqual([]);
    expect(found([...healthy.slice(0, 3), reading({ failures: 900 })])).toEqual([]);
    expect(found([...healthy.slice(0, 4), reading({ failures: 900 })])).toEqual(["4 success_rate"]);
  });

  test("finds one that is many times slower than the median, even of two", () => {
    expect(found([...healthy, reading({ latencyMs: 300 })])).toEqual(["9 latency"]);
    expect(found([reading({ latencyMs: 300 }), reading()])).toEqual(["0 latency"]);
  });

  test("takes no instance for slow below 100 ms, or when all are", () => {
    expect(found([...healthy, reading({ latencyMs: 90 })])).toEqual([]);
    expect(found(Array.from({ length: 6 }, () => reading({ latencyMs: 3000 })))).toEqual([]);
  });

  test("names the worst first, each once, and failing before slow", () => {
    const many = Array.from({ length: 40 }, () => reading());
    const readings = [
      ...many,
      reading({ latencyMs: 500 }),
      reading({ latencyMs: 900 }),
      reading({ failures: 500, latencyMs: 2000 }),
    ];
    expect(found(readings)).toEqual(["42 success_rate", "41 latency", "40 latency"]);
  });
});

describe("ejectionsAllowed", () => {
  test.each([
    { known: 0, out: 0, allowed: 0 },
    { known: 1, out: 0, allowed: 0 },
    { known: 2, out: 0, allowed: 1 },
    { known: 3, out: 0, allowed: 1 },
    { known: 11, out: 0, allowed: 5 },
    { known: 11, out: 4, allowed: 1 },
    { known: 11, out: 9, allowed: 0 },
  ])("is $allowed with $out of $known out", ({ known, out, allowed }) => {
    expect(ejectionsAllowed(known, out, outlierDefaults)).toBe(allowed);
  });
});

test("the time out grows with each repetition, up to a limit", () => {
  expect([1, 2, 3, 20].map((times) => ejectionMs(times, outlierDefaults))).toEqual([30_000, 60_000, 90_000, 300_000]);
});
