import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseMetrics } from "./parse-metrics.ts";
import { bucketsOf, increases, quantileFromBuckets, total, withLabels } from "./series.ts";

describe("increases", () => {
  const between = (before: string, now: string) =>
    increases("a", parseMetrics(before), parseMetrics(now)).map(({ value }) => value);

  test("are differences of the same labels, in whatever order these stand", () => {
    expect(between('a{x="1",y="2"} 5\na{x="2"} 1\n', 'a{x="2"} 4\na{y="2",x="1"} 5\n')).toEqual([3, 0]);
  });

  test("of a counter that began again are all that it holds", () => {
    expect(between("a 1000\n", "a 7\n")).toEqual([7]);
  });

  test("of a new series are all of it, and of one that has gone nothing", () => {
    expect(between('a{x="1"} 5\n', 'a{x="2"} 3\n')).toEqual([3]);
  });
});

test("withLabels and total pick and add", () => {
  const series = parseMetrics('a{x="1",y="1"} 5\na{x="1",y="2"} 6\na{x="2",y="1"} 7\n').get("a") ?? [];
  expect(total(withLabels(series, { x: "1" }))).toBe(11);
  expect(total(withLabels(series, {}))).toBe(18);
});

test("bucketsOf adds up the histograms of all series in the order of their bounds", () => {
  const text = 'a{le="+Inf",m="1"} 9\na{le="0.5",m="1"} 4\na{le="0.5",m="2"} 1\na{le="+Inf",m="2"} 1\na{le="odd"} 3\n';
  expect(bucketsOf(parseMetrics(text).get("a") ?? [])).toEqual([
    { bound: 0.5, count: 5 },
    { bound: Infinity, count: 10 },
  ]);
});

describe("quantileFromBuckets", () => {
  const buckets = [
    { bound: 1, count: 10 },
    { bound: 2, count: 10 },
    { bound: 4, count: 30 },
    { bound: Infinity, count: 40 },
  ];

  test.each([
    [0.125, 0.5],
    [0.25, 1],
    [0.5, 3],
    [0.75, 4],
    [0.99, 4],
    [0, 0],
    [1, 4],
  ])("%s of the values do not exceed %s", (quantile, value) => {
    expect(quantileFromBuckets(buckets, quantile)).toBeCloseTo(value);
  });

  test("is undefined where nothing was measured", () => {
    expect(quantileFromBuckets([], 0.5)).toBeUndefined();
    expect(quantileFromBuckets([{ bound: Infinity, count: 0 }], 0.5)).toBeUndefined();
  });

  test("is in the bucket that holds the value, for any values", () => {
    const bounds = [0.001, 0.01, 0.1, 1, 10];
    const values = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, quantile) => {
        const counted = [...bounds, Infinity].map((bound) => ({
          bound,
          count: all.filter((value) => value <= bound).length,
        }));
        const found = quantileFromBuckets(counted, quantile) ?? Number.NaN;
        const exact = [...all].sort((a, b) => a - b)[Math.ceil(quantile * all.length) - 1] ?? 0;
        const index = bounds.findIndex((bound) => exact <= bound);
        expect(found).toBeGreaterThanOrEqual(bounds[index - 1] ?? 0);
        expect(found).toBeLessThanOrEqual(bounds[index] ?? 0);
      }),
    );
  });
});
