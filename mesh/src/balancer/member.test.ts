import { describe, expect, test } from "vitest";
import { Member } from "./member.ts";

class Reached extends Member {
  readonly reachable = true;
}

describe("a member", () => {
  test("is free while it has never been called, and dear until its first answer", () => {
    const member = new Reached(0);
    expect(member.load(0)).toBe(0);
    member.assigned = 1;
    expect(member.load(0)).toBe(2000);
    member.answered(4, 0);
    member.assigned = 0;
    expect(member.load(0)).toBe(5);
  });

  test("costs its latency for each call under way and the next", () => {
    const member = new Reached(0);
    member.answered(4, 0);
    member.assigned = 3;
    expect(member.load(0)).toBe(20);
  });

  test("does not look quick for failing at once, nor slow for a caller that went away at once", () => {
    const failing = new Reached(0);
    failing.failed(0.1, 0);
    expect(failing.latency.valueMs(0)).toBe(100);
    const steady = new Reached(0);
    steady.answered(20, 0);
    steady.failed(0.1, 0);
    steady.left(0.1, 0);
    expect(steady.latency.valueMs(0)).toBe(20);
    steady.left(900, 0);
    expect(steady.latency.valueMs(0)).toBe(900);
  });

  test("is as if new when it can be called again", () => {
    const member = new Reached(0, 10_000);
    member.failed(1000, 0);
    expect([member.latency.valueMs(20_000) > 100, member.warmth(20_000)]).toEqual([true, 1]);
    member.revive(20_000);
    expect([member.load(20_000), member.warmth(20_000)]).toEqual([0, 0.1]);
  });

  test("tells the geometric mean of an interval to a third, which a few long calls hardly move", () => {
    const member = new Reached(0);
    for (let call = 0; call < 97; call += 1) {
      member.answered(3 + (call % 3), 0);
    }
    expect(member.intervalLatencyMs / 4).toBeGreaterThan(0.67);
    expect(member.intervalLatencyMs / 4).toBeLessThan(1.5);
    const before = member.intervalLatencyMs;
    for (let call = 0; call < 3; call += 1) {
      member.answered(60_000, 0);
    }
    expect(member.intervalLatencyMs).toBeLessThan(before * 1.5);
    member.beginInterval();
    expect([member.calls, member.failures, member.intervalLatencyMs]).toEqual([0, 0, 0]);
  });
});
