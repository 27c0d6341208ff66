import { describe, expect, it } from "vitest";
import { FrameBudget } from "./frame-budget.ts";

describe("FrameBudget", () => {
  it("allows a burst of one second's frames and refuses the next", () => {
    const budget = new FrameBudget(3, 0);
    expect([0, 0, 0, 0].map((nowMs) => budget.tryTake(nowMs))).toEqual([true, true, true, false]);
  });

  it("fills with time, up to one second's frames", () => {
    const budget = new FrameBudget(2, 0);
    expect([0, 0, 499, 500, 500].map((nowMs) => budget.tryTake(nowMs))).toEqual([true, true, false, true, false]);
    expect([60_000, 60_000, 60_000].map((nowMs) => budget.tryTake(nowMs))).toEqual([true, true, false]);
  });
});
