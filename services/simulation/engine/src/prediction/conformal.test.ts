import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { conformalReach } from "./conformal.ts";

describe("conformal intervals", () => {
  test("cover exactly what they promise, although the model is wrong and the errors are lopsided", () => {
    const random = new RandomStream(5, "cases");
    // Errors are exponential, grow with x, and the model's idea of their scale is off by a factor.
    const draw = () => {
      const x = random.uniform();
      return { actual: 3 * x + (0.2 + x) * random.exponential(), predicted: 2.5 * x, scale: 0.5 + x };
    };
    const rounds = 2000;
    const cases = 79;
    const coverages = Array.from({ length: rounds }, () => {
      const reach = conformalReach(Array.from({ length: cases }, draw), 0.9);
      const fresh = Array.from({ length: 50 }, draw);
      return fresh.filter(({ actual, predicted, scale }) => Math.abs(actual - predicted) <= reach * scale).length / 50;
    });
    const mean = coverages.reduce((sum, value) => sum + value, 0) / rounds;
    const variance = coverages.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (rounds - 1);
    const standardError = Math.sqrt(variance / rounds);
    expect(standardError).toBeLessThan(0.002);
    // The 72nd of 79 errors: 72 of 80 new cases on average, not a share more.
    expect(Math.abs(mean - 72 / 80)).toBeLessThan(4 * standardError);
  });

  test("are endless when there are too few cases to say", () => {
    const one = { actual: 1, predicted: 0, scale: 1 };
    expect(conformalReach(Array(8).fill(one), 0.9)).toBe(Infinity);
    expect(conformalReach(Array(9).fill(one), 0.9)).toBe(1);
  });
});
