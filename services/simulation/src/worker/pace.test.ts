import { describe, expect, test } from "vitest";
import { achievedSpeed, nextFrameDueMs, planSlice, startPace } from "./pace.ts";

describe("planSlice", () => {
  test("sets no target for a run that goes as fast as possible", () => {
    expect(planSlice(startPace(0, 100, 0), 5000, 7).targetMs).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([1, 10, 0.5])("lets simulated time run %f times as fast as the wall", (speed) => {
    const pace = startPace(speed, 1000, 40);
    expect(planSlice(pace, 1000, 40)).toEqual({ pace, targetMs: 40 });
    expect(planSlice(pace, 1200, 40)).toEqual({ pace, targetMs: 40 + 200 * speed });
  });

  test("catches up with a small delay and forgives a long one", () => {
    const pace = startPace(10, 0, 0);
    expect(planSlice(pace, 250, 0)).toEqual({ pace, targetMs: 2500 });
    const forgiven = planSlice(pace, 10_000, 300);
    expect(forgiven.targetMs).toBe(2800);
    expect(planSlice(forgiven.pace, 10_016, 2800).targetMs).toBe(2960);
  });
});

describe("nextFrameDueMs", () => {
  test("keeps the rhythm, and starts it anew after a missed beat", () => {
    expect(nextFrameDueMs(100, 103, 16)).toBe(116);
    expect(nextFrameDueMs(100, 140, 16)).toBe(156);
  });
});

describe("achievedSpeed", () => {
  test("is simulated per wall time, and 0 when no time passed", () => {
    expect(achievedSpeed(500, 50)).toBe(10);
    expect(achievedSpeed(500, 0)).toBe(0);
  });
});
