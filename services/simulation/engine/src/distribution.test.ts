import { describe, expect, test } from "vitest";
import type { Distribution } from "./architecture.ts";
import { DurationSampler } from "./distribution.ts";
import { momentsOf } from "./distribution-moments.ts";
import { RandomStream } from "./random.ts";

const replications = 20;
const drawsEach = 20_000;

const bins = [
  { upToMs: 2, weight: 0 },
  { upToMs: 10, weight: 6 },
  { upToMs: 20, weight: 0 },
  { upToMs: 50, weight: 2 },
  { upToMs: 130, weight: 2 },
];

/** The mean is 10 but for the last; medians and 99th percentiles were found by halving on each textbook's distribution function. */
const cases: readonly (readonly [string, Distribution, { medianMs: number; p99Ms: number; cvPrecision: number }])[] = [
  [
    "exponential",
    { kind: "exponential", meanMs: 10, cv: 1 },
    { medianMs: 6.931472, p99Ms: 46.0517, cvPrecision: 0.01 },
  ],
  [
    "erlang of 4 stages",
    { kind: "erlang", meanMs: 10, cv: 0.5 },
    { medianMs: 9.180152, p99Ms: 25.112793, cvPrecision: 0.005 },
  ],
  [
    "erlang of 25 stages",
    { kind: "erlang", meanMs: 10, cv: 0.2 },
    { medianMs: 9.866987, p99Ms: 15.230778, cvPrecision: 0.005 },
  ],
  ["gamma, calm", { kind: "gamma", meanMs: 10, cv: 0.5 }, { medianMs: 9.180152, p99Ms: 25.112793, cvPrecision: 0.005 }],
  ["gamma, wild", { kind: "gamma", meanMs: 10, cv: 2 }, { medianMs: 1.746952, p99Ms: 97.355417, cvPrecision: 0.01 }],
  [
    "lognormal, calm",
    { kind: "lognormal", meanMs: 10, cv: 0.5 },
    { medianMs: 8.944272, p99Ms: 26.841125, cvPrecision: 0.01 },
  ],
  [
    "lognormal, wild",
    { kind: "lognormal", meanMs: 10, cv: 1.5 },
    { medianMs: 5.547002, p99Ms: 69.329992, cvPrecision: 0.05 },
  ],
  [
    "hyperexponential, calm",
    { kind: "hyperexponential", meanMs: 10, cv: 2 },
    { medianMs: 4.514931, p99Ms: 107.458908, cvPrecision: 0.01 },
  ],
  [
    "hyperexponential, wild",
    { kind: "hyperexponential", meanMs: 10, cv: 5 },
    { medianMs: 3.635207, p99Ms: 171.73552, cvPrecision: 0.03 },
  ],
  [
    "pareto as it is when nothing is said",
    { kind: "pareto", meanMs: 10, cv: 1 },
    { medianMs: 5.39062, p99Ms: 73.132068, cvPrecision: 0.1 },
  ],
  [
    "pareto of index 0.5",
    { kind: "pareto", meanMs: 10, cv: 1, tailIndex: 0.5, maxMs: 100 },
    { medianMs: 3.305785, p99Ms: 84.167999, cvPrecision: 0.005 },
  ],
  [
    "pareto of index 1",
    { kind: "pareto", meanMs: 10, cv: 1, tailIndex: 1, maxMs: 1000 },
    { medianMs: 3.079481, p99Ms: 133.786417, cvPrecision: 0.02 },
  ],
  [
    "pareto of index 2.5",
    { kind: "pareto", meanMs: 10, cv: 1, tailIndex: 2.5, maxMs: 1000 },
    { medianMs: 7.9207, p99Ms: 37.870763, cvPrecision: 0.1 },
  ],
  [
    "empirical",
    { kind: "empirical", meanMs: 0, cv: 0, points: bins },
    { medianMs: 2 + (8 * 5) / 6, p99Ms: 126, cvPrecision: 0.005 },
  ],
];

function draws(distribution: Distribution, seed: number, count: number): Float64Array {
  const sampler = new DurationSampler(distribution, new RandomStream(seed, "draws"));
  const drawnMs = new Float64Array(count);
  for (let index = 0; index < count; index++) drawnMs[index] = sampler.sampleNs() / 1e6;
  return drawnMs;
}

const average = (values: ArrayLike<number>, of: (value: number) => number = (value) => value) => {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += of(values[index] as number);
  return sum / values.length;
};

/** Within 4 standard errors, which must be at most this share of the exact value. */
function expectAgreement(values: readonly number[], exact: number, precision: number): void {
  const mean = average(values);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  const standardError = Math.sqrt(variance / values.length);
  expect(standardError).toBeLessThan(precision * exact);
  expect(Math.abs(mean - exact)).toBeLessThan(4 * standardError);
}

describe("DurationSampler", () => {
  test.each(cases)("draws %s with its mean, spread, median and 99th percentile", (_name, distribution, exact) => {
    const { meanMs, cv } = momentsOf(distribution);
    const runs = Array.from({ length: replications }, (_, seed) => draws(distribution, seed, drawsEach));
    expectAgreement(
      runs.map((run) => average(run)),
      meanMs,
      0.01,
    );
    // Around the exact mean the square of the cv is estimated without bias, however skewed the distribution.
    const squares = runs.map((run) => average(run, (ms) => (ms / meanMs - 1) ** 2));
    expectAgreement(squares, cv ** 2, 2 * exact.cvPrecision);
    expectAgreement(
      runs.map((run) => average(run, (ms) => (ms < exact.medianMs ? 1 : 0))),
      0.5,
      0.005,
    );
    expectAgreement(
      runs.map((run) => average(run, (ms) => (ms < exact.p99Ms ? 0 : 1))),
      0.01,
      0.025,
    );
  });

  test.each([
    { kind: "constant", meanMs: 2.5, cv: 3 },
    { kind: "erlang", meanMs: 2.5, cv: 0 },
    { kind: "gamma", meanMs: 2.5, cv: 0 },
    { kind: "gamma", meanMs: 2.5, cv: 1e-200 },
    { kind: "lognormal", meanMs: 2.5, cv: 0 },
  ] as const)("$kind with a cv of $cv, which leaves nothing to vary, is always its mean", (distribution) => {
    expect([...draws(distribution, 1, 2)]).toEqual([2.5, 2.5]);
  });

  test("a mean of 0 takes no time in every kind", () => {
    for (const kind of [
      "constant",
      "exponential",
      "erlang",
      "gamma",
      "lognormal",
      "hyperexponential",
      "pareto",
    ] as const) {
      expect([...draws({ kind, meanMs: 0, cv: 1 }, 1, 3)]).toEqual([0, 0, 0]);
    }
    const points = [{ upToMs: 0, weight: 1 }];
    expect([...draws({ kind: "empirical", meanMs: 5, cv: 1, points }, 1, 3)]).toEqual([0, 0, 0]);
  });

  test("draws are whole nanoseconds that stay exact, however wild the distribution", () => {
    for (const wild of [
      { kind: "gamma", meanMs: 600_000, cv: 100 },
      { kind: "lognormal", meanMs: 600_000, cv: 100 },
      { kind: "hyperexponential", meanMs: 600_000, cv: 100 },
      { kind: "pareto", meanMs: 600_000, cv: 1, tailIndex: 0.1 },
      { kind: "pareto", meanMs: 1e-9, cv: 1, tailIndex: 0.1, maxMs: 6e8 },
      { kind: "pareto", meanMs: 10, cv: 1, tailIndex: 100, maxMs: 10.0000001 },
    ] as const) {
      const sampler = new DurationSampler(wild, new RandomStream(9, wild.kind));
      const drawnNs = Array.from({ length: 20_000 }, () => sampler.sampleNs());
      expect(drawnNs.every((draw) => Number.isSafeInteger(draw) && draw >= 0 && draw <= 2 ** 50)).toBe(true);
    }
  });

  test("no pareto draw is longer than its maximum or shorter than its lower end", () => {
    const drawnMs = draws({ kind: "pareto", meanMs: 10, cv: 1, tailIndex: 0.5, maxMs: 100 }, 5, 200_000);
    expect(Math.max(...drawnMs.subarray(0, 100_000))).toBeLessThanOrEqual(100);
    expect(Math.max(...drawnMs.subarray(0, 100_000))).toBeGreaterThan(99.9);
    expect(Math.min(...drawnMs.subarray(0, 100_000))).toBeCloseTo(1, 4);
  });

  test("empirical draws fall into no bin without weight", () => {
    const drawnMs = draws(
      { kind: "empirical", meanMs: 0, cv: 0, points: [...bins, { upToMs: 500, weight: 0 }] },
      3,
      20_000,
    );
    expect(drawnMs.filter((ms) => ms < 2 || (ms > 10 && ms < 20) || ms > 130)).toHaveLength(0);
  });

  test.each([
    { kind: "exponential", meanMs: 10, cv: 1 },
    { kind: "hyperexponential", meanMs: 10, cv: 3 },
    { kind: "pareto", meanMs: 10, cv: 1 },
    { kind: "empirical", meanMs: 0, cv: 0, points: bins },
  ] as const)("one $kind draw takes one uniform", (distribution) => {
    const [used, counted] = [new RandomStream(7, "step"), new RandomStream(7, "step")];
    const sampler = new DurationSampler(distribution, used);
    for (let draw = 0; draw < 100; draw++) {
      sampler.sampleNs();
      counted.uniform();
    }
    expect(used.nextUint32()).toBe(counted.nextUint32());
  });

  test("the same uniforms give durations in proportion when only the mean changes", () => {
    for (const [, distribution] of cases.slice(0, -1)) {
      const { maxMs, ...rest } = distribution;
      const once = draws({ ...rest, meanMs: 8, ...(maxMs === undefined ? {} : { maxMs }) }, 4, 1000);
      const twice = draws({ ...rest, meanMs: 16, ...(maxMs === undefined ? {} : { maxMs: maxMs * 2 }) }, 4, 1000);
      for (const [index, ms] of twice.entries()) {
        expect(Math.abs(ms - 2 * (once[index] as number))).toBeLessThan(2e-6 + ms * 1e-9);
      }
    }
  });
});
