import { describe, expect, test } from "vitest";
import type { Distribution } from "./architecture.ts";
import { DurationSampler } from "./distribution.ts";
import { RandomStream } from "./random.ts";

function momentsOf(distribution: Distribution, draws: number) {
  const sampler = new DurationSampler(distribution, new RandomStream(42, "moments"));
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < draws; index++) {
    const ms = sampler.sampleNs() / 1e6;
    sum += ms;
    squares += ms * ms;
  }
  const mean = sum / draws;
  return { mean, cv: Math.sqrt(squares / draws - mean * mean) / mean };
}

describe("DurationSampler", () => {
  test.each([
    ["exponential", 1, 0.01],
    ["gamma", 0.5, 0.01],
    ["gamma", 2, 0.02],
    ["lognormal", 0.5, 0.01],
    ["lognormal", 1.5, 0.05],
  ] as const)("draws %s with the mean asked for and a cv of %f", (kind, cv, cvTolerance) => {
    const draws = 300_000;
    const moments = momentsOf({ kind, meanMs: 10, cv }, draws);
    expect(Math.abs(moments.mean - 10)).toBeLessThan((4 * 10 * cv) / Math.sqrt(draws));
    expect(Math.abs(moments.cv / cv - 1)).toBeLessThan(cvTolerance);
  });

  test.each([
    { kind: "constant", meanMs: 2.5, cv: 3 },
    { kind: "gamma", meanMs: 2.5, cv: 0 },
    { kind: "lognormal", meanMs: 2.5, cv: 0 },
  ] as const)("$kind with nothing to vary is always its mean", (distribution) => {
    const sampler = new DurationSampler(distribution, new RandomStream(1, "still"));
    expect([sampler.sampleNs(), sampler.sampleNs()]).toEqual([2_500_000, 2_500_000]);
  });

  test("a mean of 0 takes no time in every kind", () => {
    for (const kind of ["constant", "exponential", "gamma", "lognormal"] as const) {
      expect(new DurationSampler({ kind, meanMs: 0, cv: 1 }, new RandomStream(1, kind)).sampleNs()).toBe(0);
    }
  });

  test("draws are whole nanoseconds that stay exact, however wild the distribution", () => {
    for (const kind of ["gamma", "lognormal"] as const) {
      const sampler = new DurationSampler({ kind, meanMs: 600_000, cv: 100 }, new RandomStream(9, kind));
      const draws = Array.from({ length: 20_000 }, () => sampler.sampleNs());
      expect(draws.every((draw) => Number.isSafeInteger(draw) && draw >= 0 && draw <= 2 ** 50)).toBe(true);
    }
  });
});
