import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Estimate } from "../replications/study.ts";
import { meanInterval, pairedDifference, quantileInterval, wilsonInterval } from "./interval.ts";

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });
const confidences = fc.double({ min: 0.01, max: 0.999, noNaN: true });
const inside = ({ value, low, high }: Estimate) => low <= value && value <= high;

describe("meanInterval", () => {
  test("is Student's t around the mean", () => {
    const { value, low, high } = meanInterval([4, 8, 6, 5, 7]);
    expect(value).toBe(6);
    // The standard deviation is sqrt(2.5), t for four degrees of freedom 2.7764.
    expect(high - value).toBeCloseTo((2.7764451051977987 * Math.sqrt(2.5)) / Math.sqrt(5), 12);
    expect(value - low).toBeCloseTo(high - value, 12);
  });

  test("has no width for a single value, and none for equal values", () => {
    expect(meanInterval([7])).toEqual({ value: 7, low: 7, high: 7 });
    expect(meanInterval([0.1, 0.1, 0.1])).toEqual({ value: 0.1, low: 0.1, high: 0.1 });
  });

  test("moves and scales with the values, and widens with the confidence", () => {
    fc.assert(
      fc.property(values, confidences, (sample, confidence) => {
        const interval = meanInterval(sample, confidence);
        const moved = meanInterval(
          sample.map((value) => 3 * value + 100),
          confidence,
        );
        expect(inside(interval)).toBe(true);
        expect(Math.abs(moved.low - 3 * interval.low - 100)).toBeLessThan(1e-4);
        expect(Math.abs(moved.high - 3 * interval.high - 100)).toBeLessThan(1e-4);
        expect(meanInterval(sample, (1 + confidence) / 2).high).toBeGreaterThanOrEqual(interval.high);
      }),
    );
  });

  test("refuses no values, values that are no numbers, and confidences outside 0 to 1", () => {
    expect(() => meanInterval([])).toThrow("values: none");
    expect(() => meanInterval([1, Number.NaN])).toThrow("values[1]");
    expect(() => meanInterval([1, 2], 95)).toThrow("confidence: 95");
  });
});

describe("wilsonInterval", () => {
  test("agrees with published values", () => {
    // Newcombe, Two-sided confidence intervals for the single proportion (1998), table I.
    for (const [successes, trials, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const) {
      const interval = wilsonInterval(successes, trials);
      expect(interval.value).toBe(successes / trials);
      expect(interval.low).toBeCloseTo(low, 4);
      expect(interval.high).toBeCloseTo(high, 4);
    }
  });

  test("stays within 0 and 1, contains the share, and mirrors when failures are counted instead", () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), confidences, (first, second, confidence) => {
        const [successes, trials] = [Math.min(first, second), Math.max(first, second)];
        const interval = wilsonInterval(successes, trials, confidence);
        expect(inside(interval) && interval.low >= 0 && interval.high <= 1).toBe(true);
        if (trials === 0) return;
        const mirrored = wilsonInterval(trials - successes, trials, confidence);
        expect(mirrored.low).toBeCloseTo(1 - interval.high, 12);
      }),
    );
  });

  test("knows nothing without trials", () => {
    expect(wilsonInterval(0, 0)).toEqual({ value: 0, low: 0, high: 1 });
  });

  test("refuses impossible counts", () => {
    expect(() => wilsonInterval(3, 2)).toThrow("successes: 3");
    expect(() => wilsonInterval(0.5, 2)).toThrow("successes: 0.5");
    expect(() => wilsonInterval(0, -1)).toThrow("trials: -1");
  });
});

describe("quantileInterval", () => {
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => count - index);

  test("takes the ranks that tables give for the median", () => {
    // Exact sign-test limits: of 10 values the 2nd and 9th (97.9 %), of 100 the 40th and 61st (96.5 %).
    expect(quantileInterval(upTo(10), 0.5)).toMatchObject({ value: 5, low: 2, high: 9 });
    expect(quantileInterval(upTo(10), 0.5).confidence).toBeCloseTo(1 - 22 / 1024, 12);
    expect(quantileInterval(upTo(100), 0.5)).toMatchObject({ low: 40, high: 61 });
    expect(quantileInterval(upTo(100), 0.5).confidence).toBeCloseTo(0.9648, 4);
  });

  test("says how little a few values tell about a far quantile", () => {
    const interval = quantileInterval(upTo(20), 0.99);
    expect(interval).toMatchObject({ value: 20, high: 20 });
    expect(interval.confidence).toBeLessThan(0.19);
    expect(quantileInterval([5], 0.5)).toEqual({ value: 5, low: 5, high: 5, confidence: 0 });
  });

  test("reaches the confidence wherever the outermost values do not limit it", () => {
    fc.assert(
      fc.property(
        values,
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        confidences,
        (sample, share, confidence) => {
          const interval = quantileInterval(sample, share, confidence);
          expect(inside(interval)).toBe(true);
          const limited = interval.low === Math.min(...sample) || interval.high === Math.max(...sample);
          if (!limited) expect(interval.confidence).toBeGreaterThanOrEqual(confidence - 1e-12);
        },
      ),
    );
  });

  test("works for hundreds of thousands of values", () => {
    const { value, low, high, confidence } = quantileInterval(upTo(300_000), 0.999);
    // The binomial's standard deviation is sqrt(300 000 * 0.001 * 0.999) = 17.3 ranks.
    expect(value).toBe(299_700);
    expect(Math.abs(high - value - 34)).toBeLessThan(3);
    expect(Math.abs(value - low - 34)).toBeLessThan(3);
    expect(confidence).toBeCloseTo(0.95, 2);
  });

  test("refuses shares that are no quantile", () => {
    expect(() => quantileInterval([1, 2], 99)).toThrow("share: 99");
    expect(() => quantileInterval([], 0.5)).toThrow("values: none");
  });
});

describe("pairedDifference", () => {
  test("is the interval of the differences", () => {
    const { value, low, high } = pairedDifference([10, 12, 17], [9, 10, 14]);
    expect({ value, low, high }).toEqual(meanInterval([1, 2, 3]));
  });

  test("changes its sign, and nothing else, when the sides are swapped", () => {
    const pairs = fc.array(fc.tuple(fc.integer({ max: 1000 }), fc.integer({ max: 1000 })), { minLength: 2 });
    fc.assert(
      fc.property(pairs, (sample) => {
        const [ours, theirs] = [sample.map(([first]) => first % 1000), sample.map(([, second]) => second % 1000)];
        const [there, back] = [pairedDifference(ours, theirs), pairedDifference(theirs, ours)];
        expect(back.value + there.value).toBeCloseTo(0, 9);
        expect(back.low + there.high).toBeCloseTo(0, 9);
        expect(back.varianceReduction / there.varianceReduction).toBeCloseTo(1, 9);
      }),
    );
  });

  test("gives finite reductions for one pair, equal values and differences that do not vary", () => {
    expect(pairedDifference([5], [3])).toEqual({ value: 2, low: 2, high: 2, varianceReduction: 1 });
    expect(pairedDifference([5, 5], [3, 3]).varianceReduction).toBe(1);
    expect(pairedDifference([5, 7], [3, 5]).varianceReduction).toBe(1e6);
  });

  test("refuses sides of different lengths", () => {
    expect(() => pairedDifference([1, 2], [1])).toThrow("theirs: 1 values");
  });
});
