import { describe, expect, test } from "vitest";
import { boundedStation } from "./bounded-station.ts";
import { erlangB, erlangC } from "./erlang.ts";
import {
  batchStation,
  erlangArrivalsStation,
  ggcStation,
  kingmanWaitMs,
  mg1Station,
  sharedSojournMs,
} from "./general-station.ts";
import { impatientStation } from "./impatient-station.ts";
import {
  mm1Elasticity,
  mm1PresentTail,
  mmcSojournQuantileMs,
  mmcStation,
  mmcWaitQuantileMs,
} from "./markov-station.ts";
import { priorityWaitsMs } from "./priority-station.ts";
import { choicesSojourn, choicesWait } from "./two-choices.ts";

/** Four significant digits, as the expected values are printed. */
function expectDigits(value: number, printed: number, digits = 4): void {
  expect(Number(value.toPrecision(digits))).toBe(printed);
}

describe("M/M/1", () => {
  const load = { arrivalsPerSecond: 90, meanServiceMs: 10, slots: 1 };

  test("has the means of theory at 90 %", () => {
    const station = mmcStation(load);
    expectDigits(station.utilization, 0.9);
    expectDigits(station.meanPresent, 9);
    expectDigits(station.meanQueueLength, 8.1);
    expectDigits(station.meanSojournMs, 100);
    expectDigits(station.meanWaitMs, 90);
    expectDigits(mm1PresentTail(load, 10), 0.3487);
  });

  test.each([
    [0.5, 69.31],
    [0.95, 299.6],
    [0.99, 460.5],
    [0.999, 690.8],
  ])("has a sojourn quantile of theory at %f", (share, ms) => expectDigits(mmcSojournQuantileMs(load, share), ms));

  test("reacts to speed ten times as much as to itself, to arrivals nine times", () => {
    expectDigits(mm1Elasticity(load).ofSpeed, -10);
    expectDigits(mm1Elasticity(load).ofArrivals, 9);
  });

  test("is honest when saturated: endless, never NaN", () => {
    const saturated = { arrivalsPerSecond: 100, meanServiceMs: 10, slots: 1 };
    expect(mmcStation(saturated)).toEqual({
      utilization: 1,
      waitProbability: 1,
      meanWaitMs: Infinity,
      meanSojournMs: Infinity,
      meanQueueLength: Infinity,
      meanPresent: Infinity,
    });
    expect(mmcWaitQuantileMs(saturated, 0.5)).toBe(Infinity);
    expect(mmcSojournQuantileMs(saturated, 0.5)).toBe(Infinity);
  });

  test("does nothing without arrivals", () => {
    const idle = mmcStation({ ...load, arrivalsPerSecond: 0 });
    expect(idle).toMatchObject({ utilization: 0, waitProbability: 0, meanWaitMs: 0, meanPresent: 0 });
  });
});

describe("M/M/c", () => {
  test("ten slots at 80 % wait as Erlang C says", () => {
    const load = { arrivalsPerSecond: 80, meanServiceMs: 100, slots: 10 };
    const station = mmcStation(load);
    expectDigits(station.waitProbability, 0.4092);
    expectDigits(station.meanWaitMs, 20.46);
    expectDigits(station.meanSojournMs, 120.5);
    expectDigits(station.meanQueueLength, 1.637);
    expectDigits(mmcWaitQuantileMs(load, 0.99), 185.6);
    expectDigits(mmcSojournQuantileMs(load, 0.5), 91.21);
    expectDigits(mmcSojournQuantileMs(load, 0.95), 332.8);
    expectDigits(mmcSojournQuantileMs(load, 0.99), 494.6);
    expect(mmcWaitQuantileMs(load, 0.5)).toBe(0);
  });

  test("three slots wait as the Ciw example computes", () => {
    const station = mmcStation({ arrivalsPerSecond: 0.2, meanServiceMs: 10_000, slots: 3 });
    expectDigits(station.waitProbability, 0.4444);
    expectDigits(station.meanWaitMs, 4444);
    expectDigits(station.meanSojournMs, 14_440);
    expectDigits(station.meanQueueLength, 0.8889);
  });

  test("a pool of five connections waits like five slots", () => {
    const load = { arrivalsPerSecond: 40, meanServiceMs: 100, slots: 5 };
    expectDigits(mmcStation(load).waitProbability, 0.5541);
    expectDigits(mmcStation(load).meanWaitMs, 55.41);
    expectDigits(mmcStation(load).meanSojournMs, 155.4);
    expectDigits(mmcWaitQuantileMs(load, 0.99), 401.5);
  });

  test("the sojourn tail is right where wait and work fall alike", () => {
    const equal = mmcSojournQuantileMs({ arrivalsPerSecond: 1, meanServiceMs: 1000, slots: 2 }, 0.99);
    const nearly = mmcSojournQuantileMs({ arrivalsPerSecond: 1 + 1e-9, meanServiceMs: 1000, slots: 2 }, 0.99);
    expect(equal).toBeCloseTo(nearly, 3);
  });

  test("ten thousand slots neither overflow nor lose digits", () => {
    expect(erlangC(10_000, 9900)).toBeGreaterThan(0.2);
    expect(erlangC(10_000, 9900)).toBeLessThan(0.3);
    // Halfin and Whitt 1981, whose limit is close at this size.
    expect(erlangC(10_000, 9900)).toBeCloseTo(0.2234, 2);
    expect(mmcStation({ arrivalsPerSecond: 1, meanServiceMs: 1000, slots: 10_000 }).meanWaitMs).toBe(0);
  });
});

describe("loss and bounded queues", () => {
  test.each([
    [8, 10, 0.1217],
    [4, 5, 0.1991],
    [90, 100, 0.02696],
  ])("%i Erlangs at %i slots are blocked as Erlang B says", (offered, slots, blocked) => {
    expectDigits(erlangB(slots, offered), blocked);
  });

  test("an overloaded M/M/1/20 sheds as theory says", () => {
    const station = boundedStation({ arrivalsPerSecond: 120, meanServiceMs: 10, slots: 1, capacity: 20 });
    expectDigits(station.shedRatio, 0.1704);
    expectDigits(120 * station.shedRatio, 20.44);
    expectDigits(station.throughputPerSecond, 99.56);
    expectDigits(station.meanPresent, 15.47);
    expectDigits(station.meanSojournMs, 155.4);
    expectDigits(station.utilization, 0.9956);
  });

  test("M/M/c/K spans Erlang B and Erlang C", () => {
    const load = { arrivalsPerSecond: 80, meanServiceMs: 100, slots: 10 };
    expect(boundedStation({ ...load, capacity: 10 }).shedRatio).toBeCloseTo(erlangB(10, 8), 12);
    const long = boundedStation({ ...load, capacity: 100_000 });
    expect(long.meanWaitMs).toBeCloseTo(mmcStation(load).meanWaitMs, 9);
    expect(long.waitProbability).toBeCloseTo(erlangC(10, 8), 12);
  });

  test("M/M/c/K is the same from both sides of saturation", () => {
    const at = (arrivalsPerSecond: number) =>
      boundedStation({ arrivalsPerSecond, meanServiceMs: 1000, slots: 4, capacity: 24 });
    expect(at(4 - 1e-9).shedRatio).toBeCloseTo(at(4 + 1e-9).shedRatio, 8);
    expect(at(4 - 1e-9).meanQueueLength).toBeCloseTo(at(4 + 1e-9).meanQueueLength, 6);
  });

  test("Erlang A with patience as long as work is a station of endless slots", () => {
    // Poisson with mean 8: P(10 or more present).
    const station = impatientStation({ arrivalsPerSecond: 8, meanServiceMs: 1000, slots: 10, meanPatienceMs: 1000 });
    expectDigits(station.waitProbability, 0.2834);
  });

  test("Erlang A lies between Erlang B without patience and Erlang C with endless patience", () => {
    const load = { arrivalsPerSecond: 80, meanServiceMs: 100, slots: 10 };
    expect(impatientStation({ ...load, meanPatienceMs: 1e-6 }).abandonRatio).toBeCloseTo(erlangB(10, 8), 6);
    expect(impatientStation({ ...load, meanPatienceMs: 1e9 }).meanWaitMs).toBeCloseTo(mmcStation(load).meanWaitMs, 3);
  });

  test("an overloaded Erlang A loses what exceeds its slots", () => {
    const station = impatientStation({
      arrivalsPerSecond: 2000,
      meanServiceMs: 1000,
      slots: 1000,
      meanPatienceMs: 60_000,
    });
    expect(station.abandonRatio).toBeCloseTo(0.5, 6);
    expect(station.utilization).toBeCloseTo(1, 6);
  });
});

describe("other work and arrivals", () => {
  test.each([
    ["constant", 0, 20],
    ["Erlang-4", 0.25, 25],
    ["exponential", 1, 40],
    ["gamma", 4, 100],
    ["lognormal", 10, 220],
  ])("M/G/1 with %s work waits as Pollaczek and Khinchine say", (_kind, serviceScv, waitMs) => {
    expectDigits(mg1Station({ arrivalsPerSecond: 80, meanServiceMs: 10, serviceScv }).meanWaitMs, waitMs);
  });

  test("a shared slot stretches every job alike", () => {
    const load = { arrivalsPerSecond: 80, meanServiceMs: 10 };
    expectDigits(sharedSojournMs(load, 5), 25);
    expectDigits(sharedSojournMs(load, 50), 250);
    expect(sharedSojournMs({ ...load, arrivalsPerSecond: 100 }, 5)).toBe(Infinity);
  });

  test("two classes wait as Cobham says, and together as without priorities", () => {
    const [first, second] = priorityWaitsMs([
      { arrivalsPerSecond: 30, meanServiceMs: 10, serviceScv: 1 },
      { arrivalsPerSecond: 50, meanServiceMs: 10, serviceScv: 1 },
    ]) as [number, number];
    expectDigits(first, 11.43);
    expectDigits(second, 57.14);
    expectDigits((3 * first + 5 * second) / 8, 40);
  });

  test("only the classes that cannot keep up wait for ever", () => {
    const [first, second] = priorityWaitsMs([
      { arrivalsPerSecond: 50, meanServiceMs: 10, serviceScv: 1 },
      { arrivalsPerSecond: 70, meanServiceMs: 10, serviceScv: 1 },
    ]) as [number, number];
    expect(first).toBeCloseTo(20, 9);
    expect(second).toBe(Infinity);
  });

  test("Erlang-4 gaps wait as the embedded chain says, less than Kingman", () => {
    const load = { arrivalsPerSecond: 0.8, meanServiceMs: 1000 };
    const station = erlangArrivalsStation({ ...load, stages: 4 });
    expectDigits(station.waitProbability, 0.6939);
    expectDigits(station.meanSojournMs, 3267);
    expectDigits(station.meanWaitMs, 2267);
    expectDigits(kingmanWaitMs({ ...load, arrivalScv: 0.25, serviceScv: 1 }), 2500);
  });

  test("batches of five wait for those before them in the batch", () => {
    const station = batchStation({ arrivalsPerSecond: 0.8, meanServiceMs: 1000, batchSize: 5, serviceScv: 1 });
    expectDigits(station.meanPresent, 12);
    expectDigits(station.meanSojournMs, 15_000);
  });

  test("without any variability a saturated station is still saturated", () => {
    const load = { arrivalsPerSecond: 2, meanServiceMs: 1000, slots: 1, arrivalScv: 0, serviceScv: 0 };
    expect(ggcStation(load).meanWaitMs).toBe(Infinity);
  });
});

describe("balancing", () => {
  test.each([
    [4, 6.383],
    [10, 5.66],
  ])("round robin over %i instances sends Erlang gaps to each", (stages, sojourn) => {
    expectDigits(
      erlangArrivalsStation({ arrivalsPerSecond: 0.9, meanServiceMs: 1000, stages }).meanSojournMs,
      sojourn * 1000,
    );
  });

  test.each([
    [1, 0.9, 10],
    [2, 0.9, 2.614],
    [3, 0.9, 2.028],
    [2, 0.99, 5.432],
    [2, 0.5, 1.266],
    [1, 0.5, 2],
  ])("the best of %i random instances at %f comes to its mean-field limit", (choices, rho, sojourn) => {
    expectDigits(choicesSojourn(choices, rho), sojourn);
  });

  test("instances of many slots agree with the sum for one slot, and wait less", () => {
    for (const rho of [0.1, 0.5, 0.9, 0.99]) {
      for (const choices of [2, 3, 16]) {
        expect(1 + choicesWait(choices, 1, rho)).toBeCloseTo(choicesSojourn(choices, rho), 9);
        expect(choicesWait(choices, 4, 4 * rho)).toBeLessThan(choicesWait(choices, 1, rho));
      }
    }
    expect(choicesWait(3, 4, 3.6)).toBeLessThan(choicesWait(2, 4, 3.6));
    expect(choicesWait(2, 10_000, 9900)).toBeGreaterThanOrEqual(0);
    expect(choicesWait(3, 4, 4)).toBe(Infinity);
    expect(choicesWait(3, 4, 0)).toBe(0);
  });

  test("a central M/M/10 waits least of all", () => {
    expectDigits(mmcStation({ arrivalsPerSecond: 9, meanServiceMs: 1000, slots: 10 }).meanSojournMs, 1669);
  });
});
