import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Histogram } from "./histogram.ts";

const durations = fc.array(fc.oneof(fc.nat(1000), fc.nat(2 ** 31 - 1), fc.maxSafeNat()), {
  minLength: 1,
  maxLength: 200,
});

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe("Histogram", () => {
  test("gives every quantile of any values with at most 0.4 % error", () => {
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(share * values.length)) - 1] ?? 0;
        const error = Math.abs(histogramOf(values).quantileNs(share) - exact);
        expect(error).toBeLessThanOrEqual(0.004 * exact);
      }),
    );
  });

  test("is exact below 256 ns and at the edges of its arithmetic", () => {
    for (const value of [0, 1, 255]) expect(histogramOf([value]).quantileNs(0.5)).toBe(value);
    for (const value of [256, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER]) {
      const below = histogramOf([value - 1, value, value + 1]).quantileNs(0.5);
      expect(Math.abs(below / value - 1)).toBeLessThan(0.004);
    }
  });

  test("merged histograms are the histogram of all values", () => {
    fc.assert(
      fc.property(durations, durations, (first, second) => {
        const merged = histogramOf(first);
        merged.merge(histogramOf(second));
        const whole = histogramOf([...first, ...second]);
        for (const share of [0, 0.1, 0.5, 0.9, 0.999, 1])
          expect(merged.quantileNs(share)).toBe(whole.quantileNs(share));
        expect(merged).toMatchObject({ count: whole.count, maxNs: whole.maxNs });
        expect(merged.meanNs / whole.meanNs || 1).toBeCloseTo(1, 12);
      }),
    );
  });

  test("its bins hold every value once, each below the bin's upper end and above the one before", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const bins = histogramOf(values).bins();
        let fromMs = -1;
        for (const { upToMs, count } of bins) {
          const within = values.filter((value) => value / 1e6 > fromMs && value / 1e6 <= upToMs);
          expect(within.length).toBe(count);
          fromMs = upToMs;
        }
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
      }),
    );
    expect(new Histogram().bins()).toEqual([]);
  });

  test("is empty again after clearing", () => {
    const histogram = histogramOf([5, 5_000_000, 7e12]);
    histogram.clear();
    expect([histogram.count, histogram.meanNs, histogram.maxNs, histogram.quantileNs(0.99)]).toEqual([0, 0, 0, 0]);
    histogram.record(100);
    expect([histogram.quantileNs(0), histogram.quantileNs(1)]).toEqual([100, 100]);
  });
});
