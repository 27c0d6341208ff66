import { describe, expect, test } from "vitest";
import { ConnectionBudget } from "./connection-budget.ts";

describe("ConnectionBudget", () => {
  test("allows a thousand connections unless told otherwise", () => {
    expect(new ConnectionBudget().limit).toBe(1000);
  });

  test("refuses beyond its limit until one is given back", () => {
    const budget = new ConnectionBudget(2);
    expect([budget.tryAllocate(), budget.tryAllocate(), budget.tryAllocate()]).toEqual([true, true, false]);
    expect(budget.allocated).toBe(2);
    budget.release();
    expect(budget.tryAllocate()).toBe(true);
  });

  test("reports a release without an allocation instead of counting below zero", () => {
    expect(() => new ConnectionBudget(1).release()).toThrow("more connections were released than allocated");
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses the limit %s", (limit) => {
    expect(() => new ConnectionBudget(limit)).toThrow("it takes a whole number from 1");
  });
});
