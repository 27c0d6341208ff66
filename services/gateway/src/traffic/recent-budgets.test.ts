import { describe, expect, it } from "vitest";
import { RecentBudgets } from "./recent-budgets.ts";

describe("RecentBudgets", () => {
  it("never holds more than it may, however many there are", () => {
    const budgets = new RecentBudgets<number>({ most: 100, generationMs: 1000 });
    for (let at = 0; at < 10_000; at += 1) {
      budgets.get(`ip:${at}`, 0, () => at);
      expect(budgets.size).toBeLessThanOrEqual(100);
    }
  });

  it("keeps what is asked for and forgets what is not", () => {
    const budgets = new RecentBudgets<string>({ most: 100, generationMs: 1000 });
    budgets.get("kept", 0, () => "first");
    budgets.get("left", 0, () => "first");
    for (const nowMs of [1001, 2002, 3003]) {
      budgets.get(`new at ${nowMs}`, nowMs, () => "first");
      expect(budgets.get("kept", nowMs, () => "second")).toBe("first");
    }
    expect(budgets.get("left", 3003, () => "second")).toBe("second");
  });
});
