import { describe, expect, test } from "vitest";
import { lowDiscrepancyPoints, mostDimensions } from "./low-discrepancy.ts";

describe("an even design", () => {
  test("puts one of 64 points into each 64th of every coordinate", () => {
    const points = lowDiscrepancyPoints(3, 64, mostDimensions);
    for (let dimension = 0; dimension < mostDimensions; dimension++) {
      const cells = new Set(points.map((point) => Math.floor((point[dimension] as number) * 64)));
      expect(cells.size).toBe(64);
    }
  });

  test("puts one of 64 points into each of 8 × 8 squares of its first two coordinates", () => {
    const cells = lowDiscrepancyPoints(3, 64, 2).map(([x, y]) => {
      return 8 * Math.floor((x as number) * 8) + Math.floor((y as number) * 8);
    });
    expect(new Set(cells).size).toBe(64);
  });

  test("is another one under another seed", () => {
    expect(lowDiscrepancyPoints(1, 4, 3)).toEqual(lowDiscrepancyPoints(1, 4, 3));
    expect(lowDiscrepancyPoints(1, 4, 3)).not.toEqual(lowDiscrepancyPoints(2, 4, 3));
  });

  test("refuses more dimensions than it has", () => {
    expect(() => lowDiscrepancyPoints(1, 4, mostDimensions + 1)).toThrow("dimensions is 11; allowed is up to 10");
  });
});
