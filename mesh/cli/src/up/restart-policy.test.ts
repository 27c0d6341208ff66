import { describe, expect, test } from "vitest";
import { noFailures, planRestart } from "./restart-policy.ts";

describe("planRestart", () => {
  test("doubles the pause with every early death, up to its ceiling", () => {
    let history = noFailures;
    const delays = Array.from({ length: 9 }, () => {
      const plan = planRestart(history, 100);
      history = plan.history;
      return plan.delayMs;
    });
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test("forgets earlier deaths once a process has lived long", () => {
    expect(planRestart({ failures: 8 }, 30_000)).toEqual({ delayMs: 250, history: { failures: 1 } });
  });
});
