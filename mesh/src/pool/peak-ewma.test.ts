import { describe, expect, test } from "vitest";
import { PeakEwma } from "./peak-ewma.ts";

describe("PeakEwma", () => {
  test("believes its initial value until there is an answer", () => {
    expect(new PeakEwma(0, 5).valueMs(0)).toBe(5);
  });

  test("jumps to a slow answer at once", () => {
    const average = new PeakEwma(0, 1);
    average.observe(400, 10);
    expect(average.valueMs(10)).toBe(400);
  });

  test("comes down slowly when quick answers follow a slow one", () => {
    const average = new PeakEwma(0, 1, 10_000);
    average.observe(400, 0);
    average.observe(4, 1000);
    expect(average.valueMs(1000)).toBeCloseTo(400 * Math.exp(-0.1) + 4 * (1 - Math.exp(-0.1)), 6);
    for (let second = 2; second <= 100; second += 1) {
      average.observe(4, second * 1000);
    }
    expect(average.valueMs(100_000)).toBeCloseTo(4, 0);
  });

  test("forgets a slow answer without traffic, so that the instance is tried again", () => {
    const average = new PeakEwma(0, 1, 10_000);
    average.observe(400, 0);
    expect(average.valueMs(10_000)).toBeCloseTo(400 / Math.E, 6);
    expect(average.valueMs(100_000)).toBeLessThan(0.1);
  });

  test("does not grow when time seems to go back", () => {
    const average = new PeakEwma(100, 1);
    average.observe(50, 100);
    expect(average.valueMs(90)).toBe(50);
  });
});
