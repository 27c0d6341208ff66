import { expect, test } from "vitest";
import { warmthAt } from "./slow-start.ts";

test("grows from a tenth to all in a straight line", () => {
  expect([-5, 0, 500, 1000, 5000, 9000, 10_000, 99_000].map((ageMs) => warmthAt(ageMs, 10_000))).toEqual([
    0.1, 0.1, 0.1, 0.1, 0.5, 0.9, 1, 1,
  ]);
});

test("is full from the beginning when it is switched off", () => {
  expect(warmthAt(0, 0)).toBe(1);
});
