import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { shareOfTop, ZipfKeys } from "./zipf.ts";

function probabilities(keys: number, skew: number): number[] {
  const weights = Array.from({ length: keys }, (_, key) => (key + 1) ** -skew);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Pearson's statistic over the keys, those expected less than ten times taken together. */
function chiSquare(counts: Float64Array, expected: readonly number[]): { statistic: number; freedom: number } {
  let statistic = 0;
  let cells = 0;
  let rareCount = 0;
  let rareExpected = 0;
  for (const [key, mean] of expected.entries()) {
    if (mean < 10) {
      rareCount += counts[key] as number;
      rareExpected += mean;
      continue;
    }
    statistic += ((counts[key] as number) - mean) ** 2 / mean;
    cells++;
  }
  if (rareExpected > 0) {
    statistic += (rareCount - rareExpected) ** 2 / rareExpected;
    cells++;
  }
  return { statistic, freedom: cells - 1 };
}

describe("ZipfKeys", () => {
  test.each([
    [0, 1000],
    [0.8, 1000],
    [1, 1000],
    [2, 1000],
    [5, 50],
    [0.8, 2],
  ])("draws keys as Zipf's law says, skew %f and %i keys, by a chi-square test of 200 000 draws", (skew, keys) => {
    const draws = 200_000;
    const zipf = new ZipfKeys(keys, skew, new RandomStream(7, `zipf ${skew}`));
    const counts = new Float64Array(keys);
    for (let draw = 0; draw < draws; draw++) {
      const key = zipf.next();
      counts[key] = (counts[key] as number) + 1;
    }
    const expected = probabilities(keys, skew).map((probability) => probability * draws);
    const { statistic, freedom } = chiSquare(counts, expected);
    // Mean `freedom`, variance twice that: four standard errors either way, for too good a fit is no chance either.
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(draws);
    expect(Math.abs(statistic - freedom)).toBeLessThan(4 * Math.sqrt(2 * freedom) + 4);
  });

  test("keeps to one key when there is one, and to the range of ten million", () => {
    const one = new ZipfKeys(1, 0.8, new RandomStream(1, "one"));
    expect(Array.from({ length: 100 }, () => one.next())).toEqual(new Array(100).fill(0));
    const many = new ZipfKeys(10_000_000, 0, new RandomStream(1, "many"));
    const drawn = Array.from({ length: 20_000 }, () => many.next());
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThan(10_000_000);
    // The mean of uniform keys, to four standard errors.
    const mean = drawn.reduce((sum, key) => sum + key, 0) / drawn.length;
    expect(Math.abs(mean / 10_000_000 - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / drawn.length));
  });
});

describe("shareOfTop", () => {
  test.each([
    [0, 100],
    [0.8, 100],
    [1, 1000],
    [2, 10],
  ])("comes within 0.02 of the sum, skew %f and the top %i of 10 000", (skew, top) => {
    const exact = probabilities(10_000, skew)
      .slice(0, top)
      .reduce((sum, share) => sum + share, 0);
    expect(Math.abs(shareOfTop(top, 10_000, skew) - exact)).toBeLessThan(0.02);
  });

  test("is everything when there is room for all", () => {
    expect(shareOfTop(20, 10, 1)).toBe(1);
  });
});
