import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffCeilingMs, backoffDelayMs } from "./backoff.ts";

describe("backoffDelayMs", () => {
  test("doubles its ceiling with each attempt up to the maximum", () => {
    const ceilings = [1, 2, 3, 4, 5].map((attempt) => backoffCeilingMs(attempt, 100, 1000));
    expect(ceilings).toEqual([100, 200, 400, 800, 1000]);
  });

  test("stays within [0, ceiling) for every attempt and draw", () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), unit, (attempt, drawn) => {
        const delayMs = backoffDelayMs({ attempt, baseMs: 50, maxMs: 2000, random: { next: () => drawn } });
        return delayMs >= 0 && delayMs < 2000;
      }),
    );
  });
});
