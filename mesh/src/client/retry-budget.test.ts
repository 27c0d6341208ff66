import { describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { RetryBudget } from "./retry-budget.ts";

function withdrawn(budget: RetryBudget): number {
  let count = 0;
  while (budget.tryWithdraw()) {
    count += 1;
  }
  return count;
}

describe("RetryBudget", () => {
  test("starts with what ten seconds earn, so that a quiet client may retry", () => {
    expect(withdrawn(new RetryBudget({ clock: new FakeClock() }))).toBe(100);
  });

  test("earns a fifth of a retry per call", () => {
    const budget = new RetryBudget({ clock: new FakeClock() });
    withdrawn(budget);
    for (let call = 0; call < 50; call += 1) {
      budget.deposit();
    }
    // Fifths do not add up exactly in binary.
    expect(withdrawn(budget)).toBeGreaterThanOrEqual(9);
    expect(withdrawn(budget)).toBe(0);
  });

  test("earns ten retries per second without calls, and saves no more than ten seconds' worth", async () => {
    const clock = new FakeClock();
    const budget = new RetryBudget({ clock });
    withdrawn(budget);
    await clock.advance(1000);
    expect(withdrawn(budget)).toBe(10);
    await clock.advance(3_600_000);
    expect(withdrawn(budget)).toBe(100);
  });

  test("saves at most twice that from calls", () => {
    const budget = new RetryBudget({ clock: new FakeClock() });
    for (let call = 0; call < 10_000; call += 1) {
      budget.deposit();
    }
    expect(withdrawn(budget)).toBe(200);
  });

  test("adds at most a fifth to the load of a client whose every call fails", async () => {
    const clock = new FakeClock();
    const budget = new RetryBudget({ clock });
    withdrawn(budget);
    let retries = 0;
    for (let second = 0; second < 10; second += 1) {
      await clock.advance(1000);
      for (let call = 0; call < 1000; call += 1) {
        budget.deposit();
        retries += budget.tryWithdraw() ? 1 : 0;
      }
    }
    expect(retries).toBeLessThanOrEqual(10_000 * 0.2 + 10 * 10 + 1);
    expect(retries).toBeGreaterThan(1900);
  });
});
