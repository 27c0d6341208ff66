import { describe, expect, test } from "vitest";
import type { Workload } from "../architecture.ts";
import { arrivalTimesMs, countPerWindow, expectMeanOf, seeds, workload } from "./arrival-times.ts";
import { expectedArrivals, peakRatePerSecond } from "./expected-arrivals.ts";
import { resolveWorkload } from "./resolve-workload.ts";

const shaped: readonly Workload[] = [
  workload("poisson"),
  workload("constant"),
  workload("bursty", { burstMs: 100 }),
  workload("diurnal", { periodMs: 7000, amplitude: 0.8 }),
  workload("ramp", { toRatePerSecond: 300, startMs: 2000, lengthMs: 5000 }),
  workload("ramp", { toRatePerSecond: 0, lengthMs: 9000 }),
  workload("spike", { startMs: 3000, lengthMs: 2000 }),
  workload("batch", { batchSize: 5 }),
];

/** Arrivals between two times, in requests per second. */
function rateBetween(timesMs: readonly number[], fromMs: number, toMs: number): number {
  return (timesMs.filter((timeMs) => timeMs >= fromMs && timeMs < toMs).length * 1000) / (toMs - fromMs);
}

describe.each(shaped)("arrivals of kind $kind", (given) => {
  test("are the same for the same seed, and ascend", () => {
    const times = arrivalTimesMs(given, 10_000);
    expect(arrivalTimesMs(given, 10_000)).toEqual(times);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    if (given.kind !== "constant") expect(arrivalTimesMs(given, 10_000, { seed: 2 })).not.toEqual(times);
  });

  test("come at the mean rate, at any load", () => {
    for (const load of [1, 2.5]) {
      const exact = expectedArrivals(resolveWorkload(given), load, 10_000);
      const counts = seeds.map((seed) => arrivalTimesMs(given, 10_000, { seed, changes: [[0, load]] }).length);
      expectMeanOf(counts, exact, given.kind === "bursty" ? 0.06 : 0.02);
    }
  });

  test("pause at load 0 and go on afterwards", () => {
    const changes = [
      [4000, 0],
      [6000, 1],
    ] as const;
    const times = arrivalTimesMs(given, 8000, { changes });
    expect(rateBetween(times, 4001, 6000)).toBe(0);
    expect(rateBetween(times, 0, 4000)).toBeGreaterThan(20);
    expect(rateBetween(times, 6000, 8000)).toBeGreaterThan(10);
  });
});

test("the n-th arrival of every rate that varies with time is where its integral is that of the n-th poisson arrival", () => {
  const sums = arrivalTimesMs(workload("poisson"), 40_000).map((timeMs) => timeMs / 10);
  for (const given of shaped.filter(({ kind }) => ["diurnal", "ramp", "spike"].includes(kind))) {
    const resolved = resolveWorkload(given);
    const integrals = arrivalTimesMs(given, 10_000).map((timeMs) => expectedArrivals(resolved, 1, timeMs));
    expect(integrals.length).toBeGreaterThan(400);
    const off = integrals.map((integral, index) => Math.abs(integral - (sums[index] as number)));
    // Times are whole nanoseconds.
    expect(Math.max(...off)).toBeLessThan(0.001);
  }
});

describe("bursty arrivals", () => {
  const bursty = workload("bursty", { burstFactor: 4, burstShare: 0.2, burstMs: 50 });

  // Heffes and Lucantoni (1986), with the rate of bursts, that of quiet times, and how often a second each of them ends.
  const [burstRate, quietRate, burstEnds, quietEnds] = [400, 25, 20, 5];
  const ends = burstEnds + quietEnds;
  const limit = (2 * burstEnds * quietEnds * (burstRate - quietRate) ** 2) / (ends ** 2 * 100 * ends);

  test.each([10, 100, 1000])("have the index of dispersion of theory over %d ms", (windowMs) => {
    const seconds = windowMs / 1000;
    const exact = 1 + limit * (1 - (1 - Math.exp(-ends * seconds)) / (ends * seconds));
    const count = 100_000 / windowMs;
    const indices = seeds.map((seed) => {
      const counts = countPerWindow(arrivalTimesMs(bursty, 100_000, { seed }), windowMs, count);
      // About the exact mean: about the mean of each run the variance would come out too low.
      const mean = 100 * seconds;
      return counts.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count / mean;
    });
    expectMeanOf(indices, exact, 0.05);
  });

  test("have the same bursts at any load", () => {
    const isBusy = (load: number) =>
      countPerWindow(arrivalTimesMs(workload("bursty"), 60_000, { changes: [[0, load]] }), 200, 300).map(
        (count) => count > 50 * load,
      );
    expect(isBusy(40)).toEqual(isBusy(20));
    expect(isBusy(20).filter(Boolean).length).toBeGreaterThan(5);
  });

  test("send nothing between bursts when the bursts have it all", () => {
    const given = workload("bursty", { burstFactor: 10, burstShare: 0.1, burstMs: 500 });
    const times = arrivalTimesMs(given, 60_000);
    const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
    // A burst has 1000 a second, so a gap of 50 ms within one would be a wonder.
    const pauses = gaps.filter((gap) => gap > 50);
    expect(pauses.length).toBeGreaterThan(3);
    expect(times.length).toBeGreaterThan(1000);
  });
});

describe("diurnal arrivals", () => {
  test.each([0.5, 1])("have at four phases the rate of the sine with an amplitude of %d", (amplitude) => {
    const given = workload("diurnal", { amplitude, periodMs: 40_000 });
    const runs = seeds.map((seed) => arrivalTimesMs(given, 80_000, { seed }));
    for (const phase of [0, 0.25, 0.5, 0.75]) {
      // A tenth of a period around the phase, whose mean sine is the sine times sinc(0.1).
      const mean = amplitude * Math.sin(2 * Math.PI * phase) * (Math.sin(0.1 * Math.PI) / (0.1 * Math.PI));
      const middleMs = 40_000 * (1 + phase);
      const rates = runs.map((times) => rateBetween(times, middleMs - 2000, middleMs + 2000));
      expectMeanOf(rates, 100 * (1 + mean), 0.1);
    }
  });

  test("take one draw each, so that the n-th arrival moves only as far as the rates do", () => {
    const calm = arrivalTimesMs(workload("diurnal", { amplitude: 0.5, periodMs: 10_000 }), 10_000);
    const calmer = arrivalTimesMs(workload("diurnal", { amplitude: 0.499, periodMs: 10_000 }), 10_000);
    const moved = calmer.slice(0, 900).map((time, index) => Math.abs(time - (calm[index] as number)));
    expect(Math.max(...moved)).toBeLessThan(10);
  });
});

describe("a ramp", () => {
  test("climbs evenly and stays", () => {
    const given = workload("ramp", { ratePerSecond: 50, toRatePerSecond: 250, startMs: 10_000, lengthMs: 20_000 });
    const runs = seeds.map((seed) => arrivalTimesMs(given, 50_000, { seed }));
    for (const [fromMs, toMs, rate] of [
      [0, 10_000, 50],
      [10_000, 15_000, 75],
      [15_000, 25_000, 150],
      [25_000, 30_000, 225],
      [30_000, 50_000, 250],
    ] as const) {
      expectMeanOf(
        runs.map((times) => rateBetween(times, fromMs, toMs)),
        rate,
        0.02,
      );
    }
  });
});

describe("a spike", () => {
  test("multiplies the rate while it lasts", () => {
    const given = workload("spike", { ratePerSecond: 50, spikeFactor: 4, startMs: 10_000, lengthMs: 5000 });
    const runs = seeds.map((seed) => arrivalTimesMs(given, 30_000, { seed }));
    for (const [fromMs, toMs, rate] of [
      [0, 10_000, 50],
      [10_000, 15_000, 200],
      [15_000, 30_000, 50],
    ] as const) {
      expectMeanOf(
        runs.map((times) => rateBetween(times, fromMs, toMs)),
        rate,
        0.02,
      );
    }
  });

  test("can be silence", () => {
    const times = arrivalTimesMs(workload("spike", { spikeFactor: 0, startMs: 1000, lengthMs: 1000 }), 3000);
    expect(rateBetween(times, 1000, 2000)).toBe(0);
    expect(rateBetween(times, 2000, 3000)).toBeGreaterThan(50);
  });
});

describe("batches", () => {
  test("arrive as a whole at one instant, and a load brings more of the same size", () => {
    for (const load of [1, 3]) {
      const times = arrivalTimesMs(workload("batch", { batchSize: 7 }), 20_000, { changes: [[0, load]] });
      const sizes = Object.values(Object.groupBy(times, (time) => String(time))).map((batch) => batch?.length);
      expect(new Set(sizes)).toEqual(new Set([7]));
    }
  });
});

describe("a replay", () => {
  const given = workload("replay", { arrivalsMs: [0, 5, 5, 20, 21.5, 400] });

  test("sends what was recorded, then nothing more", () => {
    expect(arrivalTimesMs(given, 1e6)).toEqual([0, 5, 5, 20, 21.5, 400]);
  });

  test("plays twice as fast at load 2", () => {
    // The arrival at 0 has been when the load changes at 0.
    expect(arrivalTimesMs(given, 1000, { changes: [[0, 2]] })).toEqual([0, 2.5, 2.5, 10, 10.75, 200]);
  });

  test("goes on from where it is when its speed changes, and pauses at 0", () => {
    const changes = [
      [10, 0.5],
      [20, 0],
      [100, 4],
    ] as const;
    // 10 ms at 1, 10 ms at a half: 15 ms are played when it pauses.
    expect(arrivalTimesMs(given, 1000, { changes })).toEqual([0, 5, 5, 101.25, 101.625, 196.25]);
  });
});

describe("what a workload is expected to send", () => {
  test("counts a replay by its arrivals and its speed", () => {
    const replay = resolveWorkload(workload("replay", { arrivalsMs: [0, 10, 10, 30] }));
    expect([0, 10, 15, 100].map((untilMs) => expectedArrivals(replay, 1, untilMs))).toEqual([1, 3, 3, 4]);
    expect(expectedArrivals(replay, 2, 15)).toBe(4);
    expect(expectedArrivals(replay, 0, 15)).toBe(0);
  });

  test.each([
    [workload("bursty"), 500],
    [workload("diurnal"), 150],
    [workload("ramp", { toRatePerSecond: 20 }), 100],
    [workload("ramp", { toRatePerSecond: 200 }), 200],
    [workload("spike"), 300],
    [workload("spike", { spikeFactor: 0.1 }), 100],
    [workload("batch"), 100],
  ])("peaks at the rate of its highest moment: %j", (given, peak) => {
    expect(peakRatePerSecond(resolveWorkload(given))).toBe(peak);
  });
});
