import { describe, expect, test } from "vitest";
import { RetryBudget } from "./retry-budget.ts";

function withdrawn(budget: RetryBudget, nowMs = 0): number {
  let count = 0;
  while (budget.tryWithdraw(nowMs)) {
    count += 1;
  }
  return count;
}

describe("RetryBudget", () => {
  test("starts with what ten seconds earn, so that a quiet client may retry", () => {
    expect(withdrawn(new RetryBudget())).toBe(100);
  });

  test("earns a fifth of a retry per call", () => {
    const budget = new RetryBudget();
    withdrawn(budget);
    for (let call = 0; call < 50; call += 1) {
      budget.deposit(0);
    }
    // Fifths do not add up exactly in binary.
    expect(withdrawn(budget)).toBeGreaterThanOrEqual(9);
    expect(withdrawn(budget)).toBe(0);
  });

  test("earns ten retries per second without calls, and saves no more than ten seconds' worth", () => {
    const budget = new RetryBudget();
    withdrawn(budget);
    expect(withdrawn(budget, 1000)).toBe(10);
    expect(withdrawn(budget, 3_600_000)).toBe(100);
  });

  test("saves at most twice that from calls", () => {
    const budget = new RetryBudget();
    for (let call = 0; call < 10_000; call += 1) {
      budget.deposit(0);
    }
    expect(withdrawn(budget)).toBe(200);
  });

  test("adds at most a fifth to the load of a client whose every call fails", () => {
    const budget = new RetryBudget();
    withdrawn(budget);
    let retries = 0;
    for (let second = 1; second <= 10; second += 1) {
      for (let call = 0; call < 1000; call += 1) {
        budget.deposit(second * 1000);
        retries += budget.tryWithdraw(second * 1000) ? 1 : 0;
      }
    }
    expect(retries).toBeLessThanOrEqual(10_000 * 0.2 + 10 * 10 + 1);
    expect(retries).toBeGreaterThan(1900);
  });

  test("gives hedges and retries from the same savings, and leaves half of them to retries", () => {
    const budget = new RetryBudget();
    let hedges = 0;
    while (budget.tryWithdrawHedge(0)) {
      hedges += 1;
    }
    expect(hedges).toBe(50);
    expect(withdrawn(budget)).toBe(50);
    expect(budget.tryWithdrawHedge(5000)).toBe(false);
    expect(budget.tryWithdrawHedge(5200)).toBe(true);
  });
});
