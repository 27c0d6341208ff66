import { describe, expect, test } from "vitest";
import { beatIntervalMs, EventLoopBudget } from "./event-loop-budget.ts";

/** Beats that each come so late, with as many calls ended as milliseconds passed; returns the time of the last one. */
function beatLate(budget: EventLoopBudget, lateMs: number, untilMs: number, refused = 0, fromMs = 0): number {
  let nowMs = fromMs;
  while (nowMs < untilMs) {
    nowMs += beatIntervalMs + lateMs;
    budget.beat(lateMs, beatIntervalMs + lateMs, refused, beatIntervalMs + lateMs, nowMs);
  }
  return nowMs;
}

/** Overdue by 30 ms, ten more than allowed. */
const overdueMs = 30;

describe("a loop that is not overloaded", () => {
  test("lets a burst start, however long it keeps the thread, up to 400 ms", () => {
    const budget = new EventLoopBudget(20);
    const nowMs = beatLate(budget, 1, 100);
    expect(budget.allows(3, 390, nowMs + 400)).toBe(true);
    expect(budget.overloaded).toBe(false);
    expect(budget.allows(3, 391, nowMs + 401)).toBe(false);
    expect(budget.overloaded).toBe(true);
  });

  test("stays so while one beat in 400 ms is on time", () => {
    const budget = new EventLoopBudget(20);
    let nowMs = 0;
    for (let round = 0; round < 10; round += 1) {
      nowMs = beatLate(budget, 90, nowMs + 200, 0, nowMs);
      nowMs = beatLate(budget, 0, nowMs + 1, 0, nowMs);
    }
    expect(budget.allows(2, overdueMs, nowMs + 40)).toBe(true);
  });
});

describe("a loop that has been late for 400 ms", () => {
  function overloaded(lateMs = 21): { budget: EventLoopBudget; nowMs: number } {
    const budget = new EventLoopBudget(20);
    const nowMs = beatLate(budget, lateMs, 600);
    budget.allows(2, overdueMs, nowMs);
    return { budget, nowMs };
  }

  test("starts calls in each turn until the allowed delay", () => {
    const { budget, nowMs } = overloaded();
    expect(budget.allows(2, 5, nowMs)).toBe(true);
    expect(budget.allows(2, overdueMs, nowMs)).toBe(false);
  });

  test("starts important calls for longer, and stops at four times the delay for the most important", () => {
    const { budget, nowMs } = overloaded();
    expect([0, 1, 2, 3].map((priority) => budget.allows(priority, 15, nowMs))).toEqual([true, true, false, false]);
    expect([0, 1, 2, 3].map((priority) => budget.allows(priority, 6, nowMs))).toEqual([true, true, true, false]);
    expect([budget.allows(0, 110, nowMs), budget.allows(0, 111, nowMs)]).toEqual([true, false]);
  });

  test("gives less important calls next to nothing once the important ones make the turns long", () => {
    const { budget, nowMs } = overloaded(80);
    expect([0, 1, 2].map((priority) => budget.allows(priority, -5, nowMs))).toEqual([true, false, false]);
  });

  test("is calm again after a quarter of a second of beats on time and no refusal", () => {
    const { budget, nowMs } = overloaded();
    const stillMs = beatLate(budget, 5, nowMs + 300, 1, nowMs);
    expect(budget.overloaded).toBe(true);
    beatLate(budget, 5, stillMs + 300, 0, stillMs);
    expect(budget.overloaded).toBe(false);
  });

  test("is calm again after a rest", () => {
    const { budget, nowMs } = overloaded();
    budget.rest(nowMs + 5000);
    expect([budget.overloaded, budget.allows(2, overdueMs, nowMs + 5100)]).toEqual([false, true]);
  });
});

describe("handlers that keep the thread for long", () => {
  test("may have a line of six in front of them", () => {
    const budget = new EventLoopBudget(20);
    let nowMs = 0;
    for (let call = 0; call < 20; call += 1) {
      nowMs += 50;
      budget.beat(40, 1, 0, 50, nowMs);
    }
    expect(budget.allows(2, 290, nowMs + 500)).toBe(true);
    expect(budget.allows(2, 310, nowMs + 500)).toBe(false);
  });

  test("cannot be mistaken for the time that refusing takes", () => {
    const budget = new EventLoopBudget(20);
    for (let nowMs = 50; nowMs < 2000; nowMs += 50) {
      budget.beat(40, 1, 1000, 50, nowMs);
    }
    expect(budget.allows(2, overdueMs, 2000)).toBe(false);
  });
});
