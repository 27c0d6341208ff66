import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { fitHull, outsideOf } from "./hull.ts";

const random = new RandomStream(2, "rows");
// The second feature follows the first; the third is always 1.
const rows = Array.from({ length: 300 }, () => {
  const first = random.uniform();
  return [first, 2 * first + 0.05 * random.uniform(), 1];
});
const hull = fitHull(rows);
const names = ["first", "second", "third"];

describe("the hull of the training cases", () => {
  test("holds every one of them", () => {
    expect(rows.flatMap((row) => outsideOf(hull, names, row))).toEqual([]);
  });

  test("names a feature beyond its range", () => {
    expect(outsideOf(hull, names, [1.5, 1, 1]).join()).toMatch(/^first is 1.50; trained on 0.0\d* to /);
    expect(outsideOf(hull, names, [0.5, 1, 1.1]).join()).toMatch(/^third is 1.10; trained on 1.00 to 1.00/);
  });

  test("sees a combination that never occurred, each value of which did", () => {
    expect(outsideOf(hull, names, [0.9, 0.2, 1])).toEqual([
      "its features are a combination unlike any that was trained on",
    ]);
  });
});
