import { describe, expect, test } from "vitest";
import { type HedgeOptions, Hedging, hedgingFor, mayHedge } from "./hedging.ts";

const never = Number.POSITIVE_INFINITY;

/** Hedging that has seen calls of 1 to 100 ms, evenly. */
function seasoned(options: HedgeOptions = {}): Hedging {
  const hedging = new Hedging(options);
  for (let round = 0; round < 8; round += 1) {
    for (let latencyMs = 1; latencyMs <= 100; latencyMs += 1) {
      hedging.observe(latencyMs);
    }
  }
  return hedging;
}

describe("the wait before a hedge", () => {
  test("is the time within which 95 of 100 calls are answered", () => {
    expect(seasoned().delayMs(never)).toBeGreaterThan(90);
    expect(seasoned().delayMs(never)).toBeLessThan(100);
    expect(seasoned({ percentile: 0.5 }).delayMs(never)).toBeGreaterThan(46);
    expect(seasoned({ percentile: 0.5 }).delayMs(never)).toBeLessThan(54);
  });

  test("lies between its limits", () => {
    expect(seasoned({ minDelayMs: 150 }).delayMs(never)).toBe(150);
    expect(seasoned({ maxDelayMs: 20 }).delayMs(never)).toBe(20);
    expect(seasoned({ minDelayMs: 30, maxDelayMs: 20 }).delayMs(never)).toBe(30);
  });

  test("is the longest while nothing is known", () => {
    expect(new Hedging({ maxDelayMs: 70 }).delayMs(never)).toBe(70);
  });

  test("is endless when the call ends before a hedge could be answered", () => {
    expect(seasoned().delayMs(120)).toBe(never);
    expect(seasoned().delayMs(200)).toBeLessThan(100);
  });
});

describe("a hedge", () => {
  test("is there only for idempotent methods of peers that ask for it", () => {
    expect(hedgingFor(true, {})).toBeInstanceOf(Hedging);
    expect(hedgingFor(false, {})).toBeUndefined();
    expect(hedgingFor(true, undefined)).toBeUndefined();
  });

  test("is sent once, to another instance, and not after a retry", () => {
    expect([mayHedge(1, true), mayHedge(1, false), mayHedge(2, true)]).toEqual([true, false, false]);
  });
});
