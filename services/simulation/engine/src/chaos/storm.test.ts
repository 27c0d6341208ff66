/** A retry storm against what is known of it: the metastable M/M/1 of mean-field theory, and its time to recover. */
import { describe, expect, test } from "vitest";
import { locateBoundary } from "./locate-boundary.ts";
import { runDisturbed } from "./run-chaos.ts";
import { stormSystem } from "./sample-system.ts";
import type { Verdict } from "./verdict.ts";

/** An outage of 10 s from 20 s on, and then `watchedMs`. */
const outage = (watchedMs: number) => ({
  seed: 1,
  warmupMs: 1000,
  durationMs: 30_000 + watchedMs,
  faults: [{ kind: "retry_storm", on: ["link:client-api"], startMs: 20_000, durationMs: 10_000 }] as const,
});

function verdicts(ratePerSecond: number, retries: number, watchedMs: number, runs = 20): Verdict[] {
  const system = stormSystem(ratePerSecond, retries);
  return Array.from({ length: runs }, (_, index) => {
    const { verdict } = runDisturbed(system, { ...outage(watchedMs), load: 1, seed: 100 + index });
    return verdict as Verdict;
  });
}

const names = (found: readonly Verdict[]) => [...new Set(found.map(({ verdict }) => verdict))];

describe("a retry storm", () => {
  test("ends by itself at 20/s, and at 24/s when it is watched for long enough", () => {
    expect(names(verdicts(20, 3, 90_000, 10))).toEqual(["recovered"]);
    expect(names(verdicts(24, 3, 500_000, 3))).toEqual(["recovered"]);
  });

  test.each([30, 50])("feeds itself for ever at %i/s", (rate) => {
    const found = verdicts(rate, 3, 40_000, 10);
    expect(names(found)).toEqual(["metastable"]);
    expect(Math.max(...found.map(({ goodputAtEnd }) => goodputAtEnd))).toBeLessThan(0.05);
  });

  // Fluid: (4 λ × 10 - 20) / (100 - 4 λ) s, without retries (λ × 10 - 20) / (100 - λ) s. A call fails up to 0.8 s after it was
  // made and a step takes 0.2 to 0.5 s, so what is seen may come a second later.
  test.each([
    [10, 3, 6.3],
    [15, 3, 14.5],
    [50, 0, 9.6],
  ])("is over in time at %i/s with %i retries", (rate, retries, exactSeconds) => {
    const times = verdicts(rate, retries, 30_000).map(({ timeToRecoverMs = Number.NaN }) => timeToRecoverMs / 1000);
    const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
    const error = Math.sqrt(times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / 19 / 20);
    expect(error).toBeLessThan(0.08 * exactSeconds);
    expect(mean).toBeGreaterThan(exactSeconds - 4 * error);
    expect(mean).toBeLessThan(exactSeconds + 1 + 4 * error);
  });

  test("begins to feed itself at 25/s, located within 5 % as a probability with its interval", () => {
    const {
      outcome,
      isPrecise,
      load = 0,
      below = 0,
      above = 0,
      points,
    } = locateBoundary(stormSystem(20), outage(60_000), {
      maximumReplications: 20,
    });
    expect({ outcome, isPrecise }).toEqual({ outcome: "found", isPrecise: true });
    expect(above / below).toBeLessThanOrEqual(1.05 * (1 + 1e-9));
    expect(Math.abs(load * 20 - 25)).toBeLessThan(0.05 * 25);
    for (const { probability, replications } of points) {
      expect(replications).toBeGreaterThanOrEqual(10);
      expect(probability.low).toBeLessThanOrEqual(probability.value);
      expect(probability.high - probability.low).toBeGreaterThan(0.1);
    }
  });
});
