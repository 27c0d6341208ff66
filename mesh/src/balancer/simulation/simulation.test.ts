import { describe, expect, test } from "vitest";
import { type Answer, SimulatedInstance, Simulation, type SimulationResult } from "./simulation.ts";

/** 5 to 15 ms. */
const quick = (draw: number): Answer => ({ afterMs: 5 + 10 * draw, outcome: "success" });
const stuck: Answer = { afterMs: 2000, outcome: "success" };
const lost: Answer = { afterMs: 1, outcome: "failure" };

const successRate = ({ succeeded, calls }: SimulationResult): number => succeeded / calls;
const share = ({ callsOf, calls }: SimulationResult, index: number): number => (callsOf[index] ?? 0) / calls;

describe("one of 11 instances stuck at 2 s, 1000 calls a second, a timeout of 1 s", () => {
  const options = {
    instances: 11,
    callsPerSecond: 1000,
    timeoutMs: 1000,
    answer: (index: number, _atMs: number, draw: number) => (index === 4 ? stuck : quick(draw)),
  };

  test("leaves 95 % of the calls with round robin a success or less, so that this can fail", () => {
    const result = new Simulation({ ...options, choose: (call) => call }).run(60_000);
    expect(successRate(result)).toBeLessThan(0.95);
    expect(successRate(result)).toBeGreaterThan(0.9);
  });

  test.each([1, 2, 3])("leaves at least 99.9 % a success, from the first call on (seed %d)", (seed) => {
    expect(successRate(new Simulation({ ...options, seed }).run(60_000))).toBeGreaterThanOrEqual(0.999);
  });

  test("does so too when it gets stuck amid traffic", () => {
    const simulation = new Simulation({
      ...options,
      answer: (index, atMs, draw) => (index === 4 && atMs > 30_000 ? stuck : quick(draw)),
    });
    expect(successRate(simulation.run(30_000))).toBe(1);
    expect(successRate(simulation.run(60_000))).toBeGreaterThanOrEqual(0.999);
  });

  test("does so without a breaker too, by the choice alone", () => {
    const simulation = new Simulation({
      ...options,
      balancer: { breaker: { minCalls: 1e9, maxFailures: 1e9 }, outliers: { intervalMs: 1e9 } },
    });
    expect(successRate(simulation.run(60_000))).toBeGreaterThanOrEqual(0.999);
  });

  test("gives it its share again soon after it has recovered", () => {
    const simulation = new Simulation({
      ...options,
      answer: (index, atMs, draw) => (index === 4 && atMs < 60_000 ? stuck : quick(draw)),
    });
    simulation.run(60_000);
    simulation.run(90_000);
    expect(share(simulation.run(10_000), 4)).toBeGreaterThan(0.06);
  });
});

describe("an instance that flaps", () => {
  // It loses every call for 5 s of every 8.
  const options = {
    instances: 4,
    callsPerSecond: 200,
    timeoutMs: 1000,
    answer: (index: number, atMs: number, draw: number) => (index === 0 && atMs % 8000 < 5000 ? lost : quick(draw)),
  };

  test("costs a sixth of all calls with round robin", () => {
    expect(successRate(new Simulation({ ...options, choose: (call) => call }).run(80_000))).toBeLessThan(0.86);
  });

  test("costs two calls of a thousand at most, since it is trusted less with each fall", () => {
    const simulation = new Simulation(options);
    expect(successRate(simulation.run(80_000))).toBeGreaterThan(0.99);
    expect(successRate(simulation.run(160_000))).toBeGreaterThanOrEqual(0.998);
  });
});

describe("slow start", () => {
  test("gives a new instance a growing share, and all of it in the end", () => {
    const simulation = new Simulation({
      instances: 4,
      callsPerSecond: 400,
      timeoutMs: 1000,
      answer: (_index, _atMs, draw) => quick(draw),
    });
    simulation.run(30_000);
    simulation.members.push(new SimulatedInstance(4, simulation.nowMs));
    simulation.balancer.add(simulation.members[4] as SimulatedInstance);
    const shares = Array.from({ length: 12 }, () => share(simulation.run(1000), 4));
    expect(shares[0]).toBeGreaterThan(0);
    expect(shares[0]).toBeLessThan(0.08);
    expect(shares[1]).toBeLessThan(0.1);
    expect(Math.max(...shares.slice(6))).toBeGreaterThan(0.15);
    expect(share(simulation.run(20_000), 4)).toBeCloseTo(0.2, 1);
  });

  test("starves nobody when all are new", () => {
    const simulation = new Simulation({
      instances: 5,
      callsPerSecond: 500,
      timeoutMs: 1000,
      answer: (_index, _atMs, draw) => quick(draw),
    });
    const result = simulation.run(2000);
    for (const calls of result.callsOf) {
      expect(calls / result.calls).toBeCloseTo(0.2, 1);
    }
    expect(successRate(result)).toBe(1);
  });
});

describe("outlier ejection", () => {
  test("leaves out an instance that fails a fifth of its calls, which no breaker minds", () => {
    const simulation = new Simulation({
      instances: 8,
      callsPerSecond: 800,
      timeoutMs: 1000,
      answer: (index, _atMs, draw) => (index === 3 && draw < 0.2 ? lost : quick(draw)),
    });
    simulation.run(11_000);
    expect(simulation.ejections).toMatchObject([{ index: 3 }]);
    expect(share(simulation.run(20_000), 3)).toBe(0);
    simulation.run(120_000);
    const times = simulation.ejections.map(({ atMs }) => atMs);
    const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] as number));
    expect(pauses.length).toBeGreaterThanOrEqual(2);
    expect(pauses[1]).toBeGreaterThan(pauses[0] as number);
  });

  test("does not judge by what was counted before a long pause", () => {
    const simulation = new Simulation({
      instances: 8,
      callsPerSecond: 800,
      timeoutMs: 1000,
      answer: (index, _atMs, draw) => (index === 3 && draw < 0.2 ? lost : quick(draw)),
    });
    simulation.run(9000);
    simulation.balancer.pick("group", undefined, simulation.nowMs + 3_600_000);
    expect(simulation.ejections).toEqual([]);
  });

  test("takes out half at most, however many are bad", () => {
    const outliers = { minRateGap: 0, deviations: 0, latencyFactor: 1, minLatencyMs: 0 };
    const simulation = new Simulation({
      instances: 8,
      callsPerSecond: 2000,
      timeoutMs: 1000,
      // All are bad, each a little differently, and everything worse than the mean lies out.
      answer: (index, _atMs, draw) => (draw < 0.1 + 0.03 * index ? lost : quick(draw)),
      balancer: { outliers },
    });
    let most = 0;
    for (let second = 0; second < 120; second += 1) {
      const { refused } = simulation.run(1000);
      const out = simulation.members.filter(({ ejectedUntilMs }) => ejectedUntilMs > simulation.nowMs).length;
      most = Math.max(most, out);
      expect(refused).toBe(0);
    }
    expect(most).toBe(4);
  });

  test("leaves an only instance in, however bad", () => {
    const simulation = new Simulation({
      instances: 1,
      callsPerSecond: 500,
      timeoutMs: 1000,
      answer: (_index, _atMs, draw) => (draw < 0.3 ? lost : quick(draw)),
    });
    const result = simulation.run(60_000);
    expect(simulation.ejections).toEqual([]);
    expect(result.refused).toBe(0);
  });
});

describe("zones", () => {
  /** Instances 0 to 3 are in the own zone, 4 to 7 elsewhere. */
  function zoned(callsPerSecond: number, afterMs = 10): Simulation {
    const simulation = new Simulation({
      instances: 8,
      callsPerSecond,
      timeoutMs: 5000,
      answer: (_index, _atMs, draw) => ({ afterMs: afterMs * (0.5 + draw), outcome: "success" }),
    });
    for (const member of simulation.members) {
      simulation.balancer.describe(member, { ready: true, draining: false, local: member.index < 4 });
    }
    return simulation;
  }

  function localShare({ callsOf, calls }: SimulationResult): number {
    return callsOf.slice(0, 4).reduce((sum, count) => sum + count, 0) / calls;
  }

  test("keeps all calls in the own zone while it is well", () => {
    expect(localShare(zoned(400).run(10_000))).toBe(1);
  });

  test("lets calls spill over when too few of the zone's instances can be called", () => {
    const simulation = zoned(400);
    simulation.run(5000);
    for (const member of simulation.members.slice(0, 2)) {
      member.up = false;
    }
    // 2 of 4, times 1.4; what spills over goes to all that are left, and now and then back to the zone.
    const staying = localShare(simulation.run(20_000));
    expect(staying).toBeGreaterThan(0.68);
    expect(staying).toBeLessThan(0.8);
    for (const member of simulation.members.slice(0, 4)) {
      member.up = false;
    }
    simulation.run(100);
    expect(localShare(simulation.run(5000))).toBe(0);
  });

  test("lets calls spill over when the zone has too many in flight, and no more than needed", () => {
    // 4 instances that hold 150 calls each if all stay, and 100 is the limit.
    const simulation = zoned(600, 1000);
    simulation.run(20_000);
    const staying = localShare(simulation.run(20_000));
    expect(staying).toBeGreaterThan(0.6);
    expect(staying).toBeLessThan(0.8);
  });
});
