import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { meanInterval } from "./interval.ts";
import { decideReplications, type StoppingQuestion } from "./stopping.ts";

const question = { relativeHalfWidth: 0.05, minimum: 10, maximum: 200 };
const around = (count: number, spread: number) =>
  Array.from({ length: count }, (_, index) => 100 + (index % 2 === 0 ? spread : -spread));

/** Runs as many replications as it is told to until it is told to stop. */
function follow(limits: Omit<StoppingQuestion, "values">, draw: () => number) {
  const values: number[] = [];
  for (let rounds = 0; ; rounds++) {
    const decision = decideReplications({ ...limits, values });
    if (decision.done) return { values, rounds, reason: decision.reason };
    for (let run = 0; run < decision.next; run++) values.push(draw());
  }
}

describe("decideReplications", () => {
  test("asks for the minimum first", () => {
    expect(decideReplications({ ...question, values: [] })).toEqual({
      done: false,
      next: 10,
      reason: "more",
      halfWidth: Number.POSITIVE_INFINITY,
    });
    expect(decideReplications({ ...question, values: [1, 1, 1] })).toMatchObject({ done: false, next: 7 });
  });

  test("stops as soon as the interval is narrow enough, and says how narrow", () => {
    const values = around(10, 6);
    const { high, value } = meanInterval(values);
    expect(decideReplications({ ...question, values })).toEqual({
      done: true,
      next: 0,
      reason: "precise",
      halfWidth: expect.closeTo(high - value, 10),
    });
    expect(decideReplications({ ...question, values, relativeHalfWidth: 0.04 }).done).toBe(false);
    expect(decideReplications({ ...question, values, confidence: 0.99 }).done).toBe(false);
  });

  test("asks for about as many as the spread needs", () => {
    // t * s / sqrt(n) <= 5 with s = 10.05 holds from n = 18 on.
    expect(decideReplications({ ...question, values: around(10, 9.53) })).toMatchObject({ next: 8, reason: "more" });
  });

  test("at most doubles, and never passes the maximum", () => {
    expect(decideReplications({ ...question, values: around(10, 90) }).next).toBe(10);
    expect(decideReplications({ ...question, values: around(150, 90) }).next).toBe(50);
    expect(decideReplications({ ...question, values: around(200, 90) })).toMatchObject({
      done: true,
      reason: "maximum",
    });
  });

  test("is content with figures that are always the same, and goes to the maximum for a mean of 0", () => {
    expect(decideReplications({ ...question, values: new Array<number>(10).fill(0) }).reason).toBe("precise");
    const signs = follow(question, alternating());
    expect(signs).toMatchObject({ reason: "maximum", values: { length: 200 } });
  });

  test("accepts a single run, which is never precise", () => {
    const single = { ...question, minimum: 1, maximum: 1 };
    expect(decideReplications({ ...single, values: [] })).toMatchObject({ done: false, next: 1 });
    expect(decideReplications({ ...single, values: [5] })).toMatchObject({ done: true, reason: "maximum" });
  });

  test("always ends between the minimum and the maximum, precise unless it had to stop", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.integer({ min: 2, max: 60 }),
        (seed, cv, minimum) => {
          const stream = new RandomStream(seed, "follow");
          const { values, rounds, reason } = follow({ ...question, minimum }, () => 1 + cv * stream.normal());
          expect(values.length).toBeGreaterThanOrEqual(minimum);
          expect(values.length).toBeLessThanOrEqual(200);
          expect(rounds).toBeLessThanOrEqual(30);
          const { value, high } = meanInterval(values);
          if (reason === "precise") expect(high - value).toBeLessThanOrEqual(0.05 * Math.abs(value) * (1 + 1e-9));
          else expect(values.length).toBe(200);
        },
      ),
    );
  });

  test("still covers the truth in about 95 % after stopping, with not many more than it had to run", () => {
    const stream = new RandomStream(3, "coverage");
    const trials = 2000;
    let [contained, runs] = [0, 0];
    for (let trial = 0; trial < trials; trial++) {
      const { values } = follow({ ...question, maximum: 1000 }, () => 10 + 2 * stream.normal());
      const { low, high } = meanInterval(values);
      if (low <= 10 && 10 <= high) contained++;
      runs += values.length;
    }
    expect(Math.abs(contained / trials - 0.95)).toBeLessThan(0.02);
    // (1.96 * 0.2 / 0.05)^2 = 61.5 with a known spread.
    expect(runs / trials).toBeGreaterThan(58);
    expect(runs / trials).toBeLessThan(72);
  });

  test("refuses limits that make no sense, by name", () => {
    const ask = (change: Partial<StoppingQuestion>) => () => decideReplications({ ...question, values: [], ...change });
    expect(ask({ relativeHalfWidth: 0 })).toThrow("relativeHalfWidth: 0");
    expect(ask({ confidence: 95 })).toThrow("confidence: 95");
    expect(ask({ minimum: 1 })).toThrow("minimum: 1 given; must be a whole number from 2 to 200");
    expect(ask({ minimum: 300 })).toThrow("minimum: 300");
    expect(ask({ maximum: 0 })).toThrow("maximum: 0");
    expect(ask({ values: [Number.NaN] })).toThrow("values[0]");
  });
});

function alternating(): () => number {
  let sign = 1;
  return () => {
    sign = -sign;
    return sign;
  };
}
