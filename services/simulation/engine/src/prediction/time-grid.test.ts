import { describe, expect, test } from "vitest";
import type { Distribution } from "../architecture.ts";
import { momentsOf } from "../distribution-moments.ts";
import { limitedMeanOf } from "./limited-mean.ts";
import { meanSteps, onGrid, quantileSteps, scvOf, slowestOf, sumOf, waitOf } from "./time-grid.ts";

const steps = 800;
const exponential = onGrid(limitedMeanOf({ kind: "exponential", meanMs: 10, cv: 1 }), steps, 0.25);
const quantileMs = (masses: typeof exponential, share: number) => (quantileSteps(masses, share) as number) * 0.25;

describe("times on a grid", () => {
  test("keep their quantiles", () => {
    expect(quantileMs(exponential, 0.99)).toBeCloseTo(10 * Math.log(100), 1);
    expect(quantileMs(exponential, 0.5)).toBeCloseTo(10 * Math.log(2), 1);
  });

  test("keep their mean when they are much shorter than a step", () => {
    expect(meanSteps(onGrid(limitedMeanOf({ kind: "constant", meanMs: 0.01, cv: 0 }), 10, 1))).toBeCloseTo(0.01, 12);
  });

  test("have the mean and the variation of their distribution", () => {
    const given: Distribution[] = [
      { kind: "constant", meanMs: 8, cv: 0 },
      { kind: "erlang", meanMs: 8, cv: 0.5 },
      { kind: "gamma", meanMs: 8, cv: 1.4 },
      { kind: "lognormal", meanMs: 8, cv: 0.9 },
      { kind: "hyperexponential", meanMs: 8, cv: 1.5 },
      {
        kind: "empirical",
        meanMs: 0,
        cv: 0,
        points: [
          { upToMs: 4, weight: 1 },
          { upToMs: 20, weight: 2 },
        ],
      },
    ];
    for (const distribution of given) {
      const { meanMs, cv } = momentsOf(distribution);
      const masses = onGrid(limitedMeanOf(distribution), 4000, 0.1);
      expect(meanSteps(masses) * 0.1).toBeCloseTo(meanMs, 1);
      expect(Math.sqrt(scvOf(masses))).toBeCloseTo(cv, 1);
    }
  });

  test("add up", () => {
    // The 99 % quantile of an Erlang of two stages: (1 + x)e^-x = 0.01.
    expect(quantileMs(sumOf(exponential, exponential), 0.99)).toBeCloseTo(66.38, 1);
  });

  test("have a slowest", () => {
    const slowest = slowestOf([{ masses: exponential, count: 10 }]);
    expect(quantileMs(slowest, 0.9)).toBeCloseTo(-10 * Math.log(1 - 0.9 ** 0.1), 1);
  });

  test("say nothing of quantiles beyond the grid", () => {
    expect(quantileSteps(onGrid(limitedMeanOf({ kind: "exponential", meanMs: 10, cv: 1 }), 10, 0.25), 0.5)).toBe(
      undefined,
    );
  });
});

describe("the wait", () => {
  test("at one exponential slot is exponential with the mean of those who wait", () => {
    const busy = 0.8;
    const meanMs = 10 / (1 - busy);
    const wait = waitOf(exponential, busy, meanMs / 0.25);
    expect(quantileMs(wait, 0.95) / (meanMs * Math.log(20))).toBeCloseTo(1, 2);
    expect(quantileMs(wait, 0.5) / (meanMs * Math.log(2))).toBeCloseTo(1, 2);
  });

  test("at one constant slot has the mean of Pollaczek and Khinchine", () => {
    const work = onGrid(limitedMeanOf({ kind: "constant", meanMs: 10, cv: 0 }), 2000, 0.25);
    const busy = 0.5;
    // Remaining work is 5 ms, and a geometric number of them is waited for.
    const wait = waitOf(work, busy, 5 / (1 - busy) / 0.25);
    expect(meanSteps(wait) * 0.25).toBeCloseTo(10, 2);
    expect(scvOf(wait)).toBeCloseTo(2 / 3, 2);
  });
});
