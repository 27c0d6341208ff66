import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { arrivalsFrom } from "./arrivals.ts";
import { poissonTimes } from "./synthetic-traces.ts";

/** Bursts and quiet times of exponential lengths, as BurstyArrivals has them. */
function burstyTimes(count: number, ratePerMs: number, factor: number, burstMs: number, share: number, seed: number) {
  const stream = new RandomStream(seed, "bursts");
  const quietRate = (ratePerMs * (1 - factor * share)) / (1 - share);
  const times: number[] = [];
  let [nowMs, isBurst] = [0, false];
  while (times.length < count) {
    const endMs = nowMs + stream.exponential() * (isBurst ? burstMs : (burstMs * (1 - share)) / share);
    const rate = isBurst ? ratePerMs * factor : quietRate;
    for (;;) {
      nowMs += stream.exponential() / rate;
      if (nowMs > endMs) break;
      times.push(nowMs);
    }
    nowMs = endMs;
    isBurst = !isBurst;
  }
  return times;
}

function dayTimes(days: number, perHour: number, amplitude: number): number[] {
  const stream = new RandomStream(3, "day");
  return poissonTimes(days * 24 * perHour * 2, 1_800_000 / perHour).filter((ms) => {
    const rate = 1 + amplitude * Math.sin((2 * Math.PI * ms) / 86_400_000);
    return stream.uniform() < rate / 2;
  });
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const seeds = Array.from({ length: 20 }, (_, index) => index + 1);

describe("arrivalsFrom", () => {
  test("takes Poisson arrivals for Poisson, at their rate, in at least 19 of 20 cases", () => {
    const facts = seeds.map((seed) => arrivalsFrom(poissonTimes(5000, 10, seed), 1));
    expect(facts.filter(({ workload }) => workload.kind === "poisson").length).toBeGreaterThanOrEqual(19);
    for (const { workload } of facts) expect(workload.ratePerSecond / 100).toBeCloseTo(1, 1);
  });

  test("recovers how strong, long and frequent bursts are, as the median of 20 cases, within a quarter", () => {
    const fits = seeds.map((seed) => arrivalsFrom(burstyTimes(20_000, 0.1, 5, 1000, 0.1, seed), 1).workload);
    expect(fits.every(({ kind }) => kind === "bursty")).toBe(true);
    const recovered = (["burstFactor", "burstMs", "burstShare"] as const).map((key) =>
      median(fits.map((fit) => fit[key] ?? 0)),
    );
    for (const [index, truth] of [5, 1000, 0.1].entries()) {
      expect(Math.abs((recovered[index] as number) / truth - 1)).toBeLessThan(0.25);
    }
  });

  test("sees the same dispersion through a sample", () => {
    const times = burstyTimes(60_000, 0.1, 5, 1000, 0.1, 4);
    const stream = new RandomStream(1, "sample");
    const whole = arrivalsFrom(times, 1);
    const sampled = arrivalsFrom(
      times.filter(() => stream.uniform() < 0.3),
      0.3,
    );
    expect(sampled.workload.kind).toBe("bursty");
    expect(sampled.workload.ratePerSecond / whole.workload.ratePerSecond).toBeCloseTo(1, 1);
    expect(Math.abs((sampled.workload.burstFactor ?? 0) / (whole.workload.burstFactor ?? 1) - 1)).toBeLessThan(0.3);
  });

  test("tells a constant rate", () => {
    expect(
      arrivalsFrom(
        Array.from({ length: 1000 }, (_, index) => index * 10),
        1,
      ).workload.kind,
    ).toBe("constant");
  });

  test("finds a daily pattern in two days, and only hints at it in six hours", () => {
    const { workload } = arrivalsFrom(dayTimes(2, 600, 0.5), 1);
    expect(workload.kind).toBe("diurnal");
    expect(workload.amplitude).toBeCloseTo(0.5, 1);
    const morning = arrivalsFrom(
      dayTimes(2, 600, 0.8).filter((ms) => ms < 6 * 3_600_000),
      1,
    );
    expect(morning.workload.kind).not.toBe("diurnal");
    expect(morning.unclear[0]).toMatch(/the time of day: 5 hours were recorded/);
  });

  test("does not judge the shape of a few arrivals", () => {
    const { workload, unclear } = arrivalsFrom(poissonTimes(50, 10), 1);
    expect(workload.kind).toBe("poisson");
    expect(unclear[0]).toMatch(/only 50 arrivals; at least 200/);
    expect(arrivalsFrom([5], 1).workload.ratePerSecond).toBe(0);
  });
});
