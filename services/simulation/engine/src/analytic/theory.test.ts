import { describe, expect, test } from "vitest";
import {
  attemptsPerCall,
  callFailureRatio,
  callsUntilTrip,
  layeredAttempts,
  openShare,
  recoveryMs,
  spontaneousStormPerSecond,
  stormBoundaryPerSecond,
} from "./amplification.ts";
import { finiteSourceStation, nodeAvailability, quorumAvailability } from "./availability.ts";
import { exactLruHitRatio, lruHitRatio, ttlHitRatio, zipfPopularity } from "./cache.ts";
import { closedNetwork, operationalBounds, operationalLaws } from "./closed-network.ts";
import { anyLegAbove, hedged, slowestMeanMs, slowestQuantileMs } from "./fan-out.ts";
import { arrivalsForPrecision, relaxationMs, sinusoidPresent, spikeBacklog } from "./transient.ts";

function expectDigits(value: number, printed: number, digits = 4): void {
  expect(Number(value.toPrecision(digits))).toBe(printed);
}

describe("closed networks", () => {
  const stations = [{ demandMs: 605 }, { demandMs: 2100 }, { demandMs: 1350 }];

  test.each([
    [1, 0.05248, 4055],
    [3, 0.1515, 4800],
    [20, 0.4745, 27_150],
  ])("%i users circulate as mean value analysis says", (users, ratePerSecond, responseMs) => {
    const figures = closedNetwork(stations, { users, thinkMs: 15_000 });
    expectDigits(figures.throughputPerSecond, ratePerSecond);
    expectDigits(figures.responseMs, responseMs);
    if (users === 20) expectDigits(figures.stations[1]?.utilization ?? 0, 0.9965);
  });

  test("two users on two stations come out as by hand", () => {
    const figures = closedNetwork([{ demandMs: 500 }, { demandMs: 1000 }], { users: 2, thinkMs: 1000 });
    expectDigits(figures.throughputPerSecond, 0.6667);
    expectDigits(figures.responseMs, 2000);
  });

  test("a delay is a think time", () => {
    const delay = { demandMs: 700, isDelay: true };
    const withDelay = closedNetwork([...stations, delay], { users: 7, thinkMs: 300 });
    expect(withDelay.throughputPerSecond).toBeCloseTo(
      closedNetwork(stations, { users: 7, thinkMs: 1000 }).throughputPerSecond,
      12,
    );
  });

  test("bounds hold and meet at the saturation point", () => {
    const bounds = operationalBounds([605, 2100, 1350], { users: 20, thinkMs: 15_000 });
    expectDigits(bounds.saturationUsers, 9.074);
    expect(closedNetwork(stations, { users: 20, thinkMs: 15_000 }).throughputPerSecond).toBeLessThan(
      bounds.maximumRatePerSecond,
    );
  });

  test("busy time and completions give the operational laws", () => {
    const laws = operationalLaws({ periodMs: 60_000, busyMs: 36_000, completions: 1800 });
    expect(laws).toEqual({ utilization: 0.6, meanServiceMs: 20, throughputPerSecond: 30 });
  });
});

describe("machines and nodes", () => {
  test.each([
    [1, 2.146, 0.7854, 0.2146],
    [2, 1.039, 0.8961, 0.368],
  ])("ten machines and %i crews", (slots, down, availability, allUp) => {
    const figures = finiteSourceStation({ sources: 10, thinkMs: 10_000, meanServiceMs: 1000, slots });
    expectDigits(figures.meanPresent, down);
    expectDigits(figures.awayShare, availability);
    expectDigits(figures.emptyShare, allUp);
  });

  test("one crew is a closed network of one station", () => {
    const machines = finiteSourceStation({ sources: 30, thinkMs: 10_000, meanServiceMs: 1000, slots: 1 });
    const network = closedNetwork([{ demandMs: 1000 }], { users: 30, thinkMs: 10_000 });
    expect(machines.throughputPerSecond).toBeCloseTo(network.throughputPerSecond, 9);
  });

  test("many sources without think time keep all slots busy", () => {
    const figures = finiteSourceStation({ sources: 5000, thinkMs: 0, meanServiceMs: 100, slots: 8 });
    expect(figures.throughputPerSecond).toBeCloseTo(80, 6);
    expect(figures.meanQueueLength).toBeCloseTo(4992, 6);
  });

  test("a quorum is up as the binomial says", () => {
    const node = nodeAvailability(1000, 10);
    expectDigits(node, 0.9901);
    expectDigits(quorumAvailability(3, 3, node), 0.9706);
    expectDigits(quorumAvailability(3, 2, node), 0.9997);
    expectDigits(quorumAvailability(2, 1, node), 0.9999);
  });
});

describe("caches", () => {
  const zipf = zipfPopularity(10_000, 0.8);

  test("a TTL cache hits as renewals say, with and without reset", () => {
    const given = { requestsPerSecond: 1000, ttlMs: 60_000 };
    expectDigits(ttlHitRatio(zipf, { ...given, isReset: false }), 0.8782);
    expectDigits(ttlHitRatio(zipf, { ...given, isReset: true }), 0.9689);
    const oneKey = { requestsPerSecond: 1, ttlMs: 10_000, isReset: false };
    expectDigits(ttlHitRatio(Float64Array.of(1), oneKey), 0.9091);
  });

  test("a small LRU hits as King computes, and nearly as Che approximates", () => {
    const popularity = [0.4, 0.3, 0.2, 0.1];
    expectDigits(exactLruHitRatio(popularity, 2), 0.5806);
    expectDigits(lruHitRatio(Float64Array.from(popularity), 2), 0.573);
  });

  test("an empty LRU never hits and a large one always does", () => {
    expect(lruHitRatio(zipf, 0)).toBe(0);
    expect(lruHitRatio(zipf, 10_000)).toBe(1);
    expect(exactLruHitRatio([0.5, 0.5], 0)).toBe(0);
    expect(() => exactLruHitRatio(new Array(21).fill(1 / 21), 2)).toThrow("limited to 20 keys, given were 21");
  });
});

describe("amplification", () => {
  test("independent failures are retried as a truncated geometric series", () => {
    expectDigits(attemptsPerCall(0.5, 3), 1.875);
    expectDigits(1 - callFailureRatio(0.5, 3), 0.9375);
    expectDigits(attemptsPerCall(0.2, 2), 1.24);
    expect(attemptsPerCall(1, 3)).toBe(4);
    expect(layeredAttempts(1, [3, 3, 3])).toBe(64);
  });

  test("a breaker trips after as many calls as a run of failures takes", () => {
    expect(callsUntilTrip(0.5, 5)).toBeCloseTo(62, 9);
    expect(callsUntilTrip(0.1, 5)).toBeCloseTo(111_110, 4);
    expectDigits(callsUntilTrip(0.9, 5), 6.935);
    expect(callsUntilTrip(0, 5)).toBe(Infinity);
    const breaker = { consecutiveFailures: 5, callsPerSecond: 100, openMs: 5000 };
    expectDigits(openShare({ ...breaker, failureRatio: 0.5 }), 0.9416);
    expect(openShare({ ...breaker, failureRatio: 0 })).toBe(0);
    expect(openShare({ ...breaker, failureRatio: 1 })).toBe(1);
  });

  const storm = { capacityPerSecond: 100, retries: 3, timeoutMs: 200 };

  test("a storm sustains itself above capacity ÷ attempts, and begins by itself far above", () => {
    expect(stormBoundaryPerSecond(storm)).toBe(25);
    expectDigits(spontaneousStormPerSecond(storm), 80.8, 3);
  });

  test.each([
    [3, 10, 6.3],
    [3, 15, 14.5],
    [3, 20, 39],
    [3, 22, 71.7],
    [0, 50, 9.6],
    [0, 80, 39],
    [3, 30, Infinity],
  ])("with %i retries at %i calls per second an outage of 10 s takes %f s to recover", (retries, rate, seconds) => {
    expectDigits(recoveryMs({ ...storm, retries }, rate, 10_000) / 1000, seconds, retries === 3 && rate === 10 ? 2 : 3);
  });
});

describe("calls at once", () => {
  test("the slowest of a hundred", () => {
    expectDigits(slowestMeanMs(100, 10), 51.87);
    expectDigits(slowestQuantileMs(100, 10, 0.99), 92.05);
    expectDigits(anyLegAbove(100, 0.99), 0.634);
  });

  test("a second call for every one, or for the late ones only", () => {
    expectDigits(hedged(10, 0, 0.99).meanMs, 5);
    expectDigits(hedged(10, 0, 0.99).quantileMs, 23.03);
    const late = hedged(10, 10 * Math.log(20), 0.99);
    expectDigits(late.extraCallShare, 0.05);
    expectDigits(late.quantileMs, 38);
  });
});

describe("changing loads and run lengths", () => {
  test("a sinusoid is damped and delayed", () => {
    const figures = sinusoidPresent({ ratePerSecond: 100, amplitude: 0.5, periodMs: 60_000, meanServiceMs: 5000 });
    expectDigits(figures.meanPresent, 500);
    expectDigits(figures.amplitude, 221.5);
    expectDigits(figures.lagMs, 4606);
  });

  test("a spike gathers and drains as a fluid", () => {
    const spike = { ratePerSecond: 50, spikePerSecond: 150, lengthMs: 60_000, capacityPerSecond: 100 };
    expect(spikeBacklog(spike)).toEqual({ backlog: 3000, longestWaitMs: 30_000, drainMs: 60_000 });
    expect(spikeBacklog({ ...spike, spikePerSecond: 90 }).drainMs).toBe(0);
    expect(spikeBacklog({ ...spike, ratePerSecond: 100 }).drainMs).toBe(Infinity);
  });

  test.each([
    [0.5, 461.0e3],
    [0.8, 3.457e6],
    [0.9, 14.6e6],
    [0.95, 59.93e6],
  ])("at %f the run length for one per cent is Whitt's", (rho, arrivals) => {
    expectDigits(arrivalsForPrecision(rho, 0.01), arrivals);
  });

  test.each([
    [50, 116.6],
    [90, 3797],
    [95, 15_600],
    [99, 398_000],
  ])("at %i of 100 per second the start is forgotten in %f ms", (arrivalsPerSecond, ms) => {
    expectDigits(relaxationMs({ arrivalsPerSecond, capacityPerSecond: 100 }), ms);
  });
});
