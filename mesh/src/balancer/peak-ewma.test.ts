import { describe, expect, test } from "vitest";
import { PeakEwma } from "./peak-ewma.ts";

/** An average whose last observation was 400 ms at time 0. */
function slow(): PeakEwma {
  const average = new PeakEwma(10_000);
  average.observe(400, 0);
  return average;
}

describe("PeakEwma", () => {
  test("knows nothing until there is an answer", () => {
    const average = new PeakEwma();
    expect([average.known, average.valueMs(5)]).toEqual([false, 0]);
    average.observe(3, 5);
    expect([average.known, average.valueMs(5)]).toEqual([true, 3]);
  });

  test("jumps to a slow answer at once", () => {
    const average = new PeakEwma();
    average.observe(1, 0);
    average.observe(400, 10);
    expect(average.valueMs(10)).toBe(400);
  });

  test("comes down slowly when quick answers follow a slow one", () => {
    const average = slow();
    average.observe(4, 1000);
    expect(average.valueMs(1000)).toBeCloseTo(400 * Math.exp(-0.1) + 4 * (1 - Math.exp(-0.1)), 6);
    for (let second = 2; second <= 100; second += 1) {
      average.observe(4, second * 1000);
    }
    expect(average.valueMs(100_000)).toBeCloseTo(4, 0);
  });

  test("comes down as far in many small steps as in a few big ones", () => {
    const average = slow();
    for (let step = 1; step <= 10_000; step += 1) {
      average.observe(4, step);
    }
    expect(average.valueMs(10_000)).toBeCloseTo(4 + 396 / Math.E, 1);
  });

  test("forgets a slow answer without traffic, so that the instance is tried again", () => {
    const average = slow();
    expect(average.valueMs(10_000)).toBeCloseTo(400 / Math.E, 6);
    expect(average.valueMs(100_000)).toBeLessThan(0.1);
  });

  test("is raised, never lowered, by a call that got no answer", () => {
    const average = slow();
    average.observeAtLeast(1, 0);
    expect(average.valueMs(0)).toBe(400);
    average.observeAtLeast(1000, 0);
    expect(average.valueMs(0)).toBe(1000);
  });

  test("forgets at once when told to", () => {
    const average = slow();
    average.forget();
    expect([average.known, average.valueMs(0)]).toEqual([false, 0]);
    average.observe(2, 0);
    expect(average.valueMs(0)).toBe(2);
  });

  test("does not grow when time seems to go back", () => {
    const average = new PeakEwma();
    average.observe(50, 100);
    expect(average.valueMs(90)).toBe(50);
  });
});
