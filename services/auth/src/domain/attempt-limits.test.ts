import { describe, expect, test } from "vitest";
import { attemptLimits, counted, keysOfLogin, remainingWaitMs, waitAfterMs } from "./attempt-limits.ts";

const limit = { freeAttempts: 3, baseWaitMs: 1000, mostWaitMs: 10_000, forgetAfterMs: 60_000 };

describe("attempt limits", () => {
  test("some attempts are free, then each doubles the wait up to the most", () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 2000].map((count) => waitAfterMs(count, limit));
    expect(waits).toEqual([0, 0, 0, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
  });

  test("the wait runs from the last attempt that counted, and is over to the millisecond", () => {
    const state = { count: 4, lastAtMs: 5000 };
    expect([5000, 6000, 6999, 7000].map((nowMs) => remainingWaitMs(state, nowMs, limit))).toEqual([2000, 1000, 1, 0]);
  });

  test("a clock that is behind makes nobody wait longer", () => {
    expect(remainingWaitMs({ count: 4, lastAtMs: 50_000 }, 0, limit)).toBe(2000);
  });

  test("a count that was left alone for long enough begins again", () => {
    const state = { count: 8, lastAtMs: 0 };
    expect(counted(state, 60_000, limit)).toEqual({ count: 9, lastAtMs: 60_000 });
    expect(counted(state, 60_001, limit)).toEqual({ count: 1, lastAtMs: 60_001 });
    expect(remainingWaitMs(state, 60_001, limit)).toBe(0);
  });

  test.each(Object.entries(attemptLimits))(
    "%s is remembered for at least as long as its longest wait",
    (_kind, one) => {
      expect(one.forgetAfterMs).toBeGreaterThanOrEqual(one.mostWaitMs);
      expect(one.mostWaitMs).toBeLessThanOrEqual(60 * 60_000);
    },
  );

  test("a login is one, however it is written", () => {
    expect(keysOfLogin(" ADA@Example.org", "n")).toEqual(keysOfLogin("ada@example.org", "n"));
    expect(keysOfLogin("ada", "n")).not.toEqual(keysOfLogin("ada", "m"));
  });
});
