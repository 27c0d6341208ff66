import { describe, expect, test } from "vitest";
import { onCurve } from "./load-curve.ts";

const points = [
  { load: 1, theory: 10, predicted: 12 },
  { load: 2, theory: 20, predicted: 9 },
  { load: 3, theory: 40, predicted: 50 },
];

describe("predictions over the load", () => {
  test("never fall, although a prediction does", () => {
    const values = Array.from({ length: 80 }, (_, index) => {
      const load = 0.05 * (index + 1);
      return onCurve(points, load, 5 * 2 ** load);
    });
    expect(values).toEqual(values.toSorted((one, other) => one - other));
    expect(values.at(-1)).toBeGreaterThan(50);
  });

  test("are what was predicted at the points that rise", () => {
    expect(onCurve(points, 1, 10)).toBe(12);
    expect(onCurve(points, 3, 40)).toBe(50);
  });
});
