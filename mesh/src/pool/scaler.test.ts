import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  activeLookMs,
  conservativeProfile,
  decideScale,
  initialScalerState,
  lookAgainInMs,
  marksFor,
  type PoolReading,
  type ScalerOptions,
  type ScalerState,
  scalerDefaults,
  slowLookMs,
  utilization,
} from "./scaler.ts";

/** Ten calls per connection and 100 calls per second make the thresholds easy to hit with small numbers. */
const options: ScalerOptions = { ...scalerDefaults, callsPerConnection: 10, scaleUpCallsPerSecond: 100 };
const calm: PoolReading = { connections: 8, connecting: 0, inFlight: 40, queueDepth: 0, callsPerSecond: 0 };
const delayMs = options.scaleDownDelayMs;

function decide(reading: Partial<PoolReading>, state: ScalerState = initialScalerState, nowMs = 0, deviations = {}) {
  return decideScale({ ...calm, ...reading }, state, { ...options, ...deviations }, nowMs);
}

describe("the defaults", () => {
  test("are those of POOL-01, POOL-02 and POOL-03", () => {
    expect(scalerDefaults).toMatchObject({
      minConnections: 5,
      maxConnections: 20,
      scaleUpUtilization: 0.8,
      scaleUpQueueDepth: 10,
      scaleDownUtilization: 0.3,
      scaleDownQueueDepth: 2,
      scaleDownDelayMs: 300_000,
    });
    expect(conservativeProfile.scaleUpCallsPerSecond).toBe(100);
  });
});

describe("utilization", () => {
  test("is the share of the capacity that is in use", () => {
    expect(utilization({ ...calm, inFlight: 20 }, options)).toBe(0.25);
  });

  test("is zero without connections", () => {
    expect(utilization({ ...calm, connections: 0, inFlight: 3 }, options)).toBe(0);
  });
});

describe("growing", () => {
  test.each<[what: string, reading: Partial<PoolReading>, target: number, reason: string | undefined]>([
    ["fills up to the minimum", { connections: 0, inFlight: 0 }, 5, "minimum"],
    ["fills up to the minimum from just below", { connections: 4, inFlight: 0 }, 5, "minimum"],
    [
      "has no load yet where nothing is open",
      { connections: 0, inFlight: 0, queueDepth: 9, callsPerSecond: 9 },
      5,
      "minimum",
    ],
    ["opens more than the minimum for many that wait", { connections: 0, inFlight: 0, queueDepth: 100 }, 13, "queue"],
    ["stays at exactly 80 % of the capacity", { inFlight: 64 }, 8, undefined],
    ["grows above 80 % of the capacity", { inFlight: 65 }, 9, "utilization"],
    ["grows by as much as brings utilization back to 80 %", { inFlight: 80, queueDepth: 8 }, 11, "utilization"],
    ["stays with exactly ten waiting", { queueDepth: 10 }, 8, undefined],
    ["grows with eleven waiting", { queueDepth: 11 }, 9, "queue"],
    ["grows at once for all that wait", { inFlight: 80, queueDepth: 40 }, 15, "queue"],
    ["stays while connections to come have room for those that wait", { connecting: 2, queueDepth: 26 }, 8, undefined],
    ["grows for those that wait beyond the room to come", { connecting: 2, inFlight: 60, queueDepth: 27 }, 11, "queue"],
    ["stays at exactly the rate of all connections", { callsPerSecond: 800 }, 8, undefined],
    ["grows above the rate of all connections", { callsPerSecond: 801 }, 9, "rate"],
    ["grows at once for the whole rate", { callsPerSecond: 1250 }, 13, "rate"],
    ["stops at the maximum", { inFlight: 80, queueDepth: 1000 }, 20, "queue"],
    ["stays at the maximum however much waits", { connections: 20, inFlight: 200, queueDepth: 1000 }, 20, undefined],
  ])("%s", (_what, reading, target, reason) => {
    const decision = decide(reading);
    expect({ target: decision.target, reason: decision.reason }).toEqual({ target, reason });
  });
});

describe("shrinking", () => {
  const quiet: Partial<PoolReading> = { inFlight: 0 };
  const since = (quietSinceMs: number): ScalerState => ({ quietSinceMs });

  test("remembers since when it has been quiet", () => {
    expect(decide(quiet, initialScalerState, 70).state).toEqual(since(70));
    expect(decide(quiet, since(70), 80).state).toEqual(since(70));
  });

  test.each<[what: string, reading: Partial<PoolReading>]>([
    ["30 % of the capacity in use", { inFlight: 24 }],
    ["two calls waiting", { inFlight: 0, queueDepth: 2 }],
  ])("starts its delay anew with %s", (_what, reading) => {
    expect(decide(reading, since(0), delayMs)).toMatchObject({
      target: 8,
      reason: undefined,
      state: initialScalerState,
    });
  });

  test.each<[what: string, reading: Partial<PoolReading>]>([
    ["just below 30 %", { inFlight: 23 }],
    ["one call waiting", { inFlight: 0, queueDepth: 1 }],
  ])("counts %s as quiet", (_what, reading) => {
    expect(decide(reading, since(0), delayMs)).toMatchObject({ target: 7, reason: "quiet" });
  });

  test("waits for the whole delay", () => {
    expect(decide(quiet, since(0), delayMs - 1)).toMatchObject({ target: 8, reason: undefined });
    expect(decide(quiet, since(0), delayMs)).toMatchObject({ target: 7, reason: "quiet" });
  });

  test("takes one step and then waits for the whole delay again", () => {
    const first = decide(quiet, since(0), delayMs);
    expect(first).toMatchObject({ target: 7, state: since(delayMs) });
    expect(decide({ ...quiet, connections: 7 }, first.state, delayMs + 1)).toMatchObject({
      target: 7,
      reason: undefined,
    });
    expect(decide({ ...quiet, connections: 7 }, first.state, 2 * delayMs)).toMatchObject({
      target: 6,
      reason: "quiet",
    });
  });

  test("never goes below the minimum", () => {
    expect(decide({ ...quiet, connections: 5 }, since(0), 10 * delayMs)).toMatchObject({
      target: 5,
      reason: undefined,
    });
  });

  test("does not shrink to a size that the rate would make it leave again", () => {
    expect(decide({ ...quiet, callsPerSecond: 701 }, since(0), delayMs)).toMatchObject({
      target: 8,
      reason: undefined,
    });
    expect(decide({ ...quiet, callsPerSecond: 700 }, since(0), delayMs)).toMatchObject({ target: 7, reason: "quiet" });
  });
});

describe("any reading", () => {
  const anyReading = fc.record({
    connections: fc.nat(20),
    connecting: fc.nat(5),
    inFlight: fc.nat(500),
    queueDepth: fc.nat(100),
    callsPerSecond: fc.nat(5000),
  });
  const anyState = fc.record({ quietSinceMs: fc.option(fc.nat(1_000_000), { nil: undefined }) });

  test("gives a target within the limits, a reason exactly when it changes something, and one step at a time down", () => {
    fc.assert(
      fc.property(anyReading, anyState, fc.nat(2_000_000), (reading, state, nowMs) => {
        const { target, reason } = decideScale(reading, state, options, nowMs);
        expect(target).toBeGreaterThanOrEqual(options.minConnections);
        expect(target).toBeLessThanOrEqual(options.maxConnections);
        expect(reason !== undefined).toBe(target !== reading.connections);
        expect(target).toBeGreaterThanOrEqual(reading.connections - 1);
      }),
    );
  });
});

describe("what to watch for", () => {
  const quietSince: ScalerState = { quietSinceMs: 0 };

  test.each<[what: string, reading: Partial<PoolReading>, state: ScalerState, inFlight: number, queueDepth: number]>([
    ["80 % of the capacity and ten in line", {}, initialScalerState, 64, 10],
    ["the end of the quiet", { inFlight: 10 }, quietSince, 23, 10],
    ["growth only, at the minimum", { connections: 5, inFlight: 0 }, quietSince, 40, 10],
    ["those beyond the room to come", { connecting: 2 }, initialScalerState, 64, 26],
    ["the first that waits, when nothing is open", { connections: 0, inFlight: 0 }, initialScalerState, 0, 0],
    ["nothing, at the maximum", { connections: 20 }, initialScalerState, Infinity, Infinity],
    ["nothing that has been seen already", { inFlight: 70, queueDepth: 11 }, initialScalerState, Infinity, Infinity],
  ])("is %s", (_what, reading, state, inFlight, queueDepth) => {
    expect(marksFor({ ...calm, ...reading }, state, options)).toEqual({ inFlight, queueDepth });
  });

  test("misses nothing: below its marks the decision stays what it was", () => {
    const reading = fc.record({ connections: fc.integer({ min: 5, max: 20 }), inFlight: fc.nat(200) });
    fc.assert(
      fc.property(reading, fc.boolean(), (given, isQuiet) => {
        const before: PoolReading = { connecting: 0, queueDepth: 0, callsPerSecond: 0, ...given };
        const { state, reason } = decideScale(before, isQuiet ? quietSince : initialScalerState, options, 1);
        const { inFlight } = marksFor(before, state, options);
        const last = Math.min(inFlight, before.connections * options.callsPerConnection);
        if (reason === undefined) {
          const after = decideScale({ ...before, inFlight: Math.max(last, before.inFlight) }, state, options, 2);
          expect([after.reason, after.state]).toEqual([undefined, before.connections > 5 ? state : after.state]);
        }
      }),
    );
  });

  test.each<[what: string, reading: Partial<PoolReading>, state: ScalerState, inMs: number]>([
    ["soon while calls start", { callsPerSecond: 1 }, initialScalerState, activeLookMs],
    ["soon while calls wait", { queueDepth: 1 }, initialScalerState, activeLookMs],
    ["now and then while something is held that ends unannounced", {}, initialScalerState, slowLookMs],
    ["when the quiet has lasted long enough", { inFlight: 0 }, quietSince, delayMs - 1000],
    ["never at the minimum", { connections: 5 }, initialScalerState, Infinity],
  ])("is looked at %s", (_what, reading, state, inMs) => {
    expect(lookAgainInMs({ ...calm, ...reading }, state, options, 1000)).toBe(inMs);
  });
});

/** A pool without a network: each second a load of calls in flight, and a rate that goes with it. */
function simulate(seconds: number, inFlightAt: (second: number) => number) {
  let connections = options.minConnections;
  let state = initialScalerState;
  const changes: { second: number; by: number }[] = [];
  for (let second = 0; second < seconds; second += 1) {
    const wanted = inFlightAt(second);
    const capacity = connections * options.callsPerConnection;
    const reading: PoolReading = {
      connections,
      connecting: 0,
      inFlight: Math.min(wanted, capacity),
      queueDepth: Math.max(0, wanted - capacity),
      callsPerSecond: wanted * 5,
    };
    const decision = decideScale(reading, state, options, second * 1000);
    state = decision.state;
    if (decision.target !== connections) {
      changes.push({ second, by: decision.target - connections });
      connections = decision.target;
    }
  }
  return { connections, changes, ups: changes.filter(({ by }) => by > 0), downs: changes.filter(({ by }) => by < 0) };
}

describe("a simulated pool", () => {
  const hour = 3600;

  test("follows a ramp upwards and never takes a step back on the way", () => {
    const { connections, downs } = simulate(600, (second) => Math.min(160, second / 3));
    expect(connections).toBe(20);
    expect(downs).toEqual([]);
  });

  test("keeps its size through a sawtooth whose teeth are shorter than the delay", () => {
    const { ups, downs } = simulate(2 * hour, (second) => (second % 240 < 120 ? 120 : 5));
    expect(ups).toHaveLength(1);
    expect(downs).toEqual([]);
  });

  test("answers a spike at once and gives back one connection per delay afterwards", () => {
    const { ups, downs, connections } = simulate(2 * hour, (second) => (second === 60 ? 150 : 10));
    expect(ups).toEqual([{ second: 60, by: 14 }]);
    expect(new Set(downs.map(({ by }) => by))).toEqual(new Set([-1]));
    const gaps = downs.map(({ second }, index) => second - (downs[index - 1]?.second ?? 60));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(300);
    expect(connections).toBe(5);
  });

  test("settles under a steady load, whatever its size", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), (load) => {
        const { changes } = simulate(3 * hour, () => load);
        expect(changes.filter(({ second }) => second > 2 * hour)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test("turns round at most twice per delay, whatever the traffic", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 60, maxLength: 60 }), (levels) => {
        const { downs } = simulate(hour, (second) => levels[Math.floor(second / 60)] ?? 0);
        const gaps = downs.slice(1).map(({ second }, index) => second - (downs[index]?.second ?? 0));
        expect(gaps.every((gap) => gap >= 300)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
