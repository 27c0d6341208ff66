import { describe, expect, it } from "vitest";
import { takeTokens, tokensLeft, waitUs } from "./gcra.ts";

const limit = { ratePerSecond: 10, burst: 20 };

describe("a budget", () => {
  it("gives what it has and no more", () => {
    expect(takeTokens(0, limit, 1, 100)).toEqual({ granted: 20, aheadUs: 2_000_000 });
    expect(takeTokens(2_000_000, limit, 1, 1)).toEqual({ granted: 0, aheadUs: 2_000_000 });
    expect(takeTokens(1_900_001, limit, 1, 1).granted).toBe(0);
    expect(takeTokens(1_900_000, limit, 1, 1).granted).toBe(1);
  });

  it("gives nothing rather than less than the least", () => {
    expect(takeTokens(1_500_000, limit, 6, 9)).toEqual({ granted: 0, aheadUs: 1_500_000 });
    expect(takeTokens(1_500_000, limit, 5, 9).granted).toBe(5);
  });

  it("is taken for empty, not for spent for hours, when the clock was set back", () => {
    expect(takeTokens(3_600_000_000, limit, 1, 1).aheadUs).toBe(2_000_000);
  });

  it("never gives more than its rate when that is no whole number of microseconds", () => {
    const third = { ratePerSecond: 3, burst: 1 };
    expect(takeTokens(0, third, 1, 1).aheadUs).toBe(333_334);
  });

  it("tells what is left, and when more will be", () => {
    expect(tokensLeft(1_900_001, limit)).toBe(0);
    expect(tokensLeft(0, limit)).toBe(20);
    expect(waitUs(2_000_000, limit, 3)).toBe(300_000);
    expect(waitUs(0, limit, 3)).toBe(0);
  });
});
