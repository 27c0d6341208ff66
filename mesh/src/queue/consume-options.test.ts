import { describe, expect, test } from "vitest";
import { judgeFailure, resolveConsumeOptions } from "./consume-options.ts";
import { UnretryableJobError } from "./work-queue.ts";

describe("resolveConsumeOptions", () => {
  test.each([
    ["concurrency", { concurrency: 7 }, { concurrency: 1.5 }],
    ["leaseMs", { leaseMs: 77 }, { leaseMs: 5 }],
    ["maxAttempts", { maxAttempts: 7 }, { maxAttempts: 0 }],
    ["drainTimeoutMs", { drainTimeoutMs: 7 }, { drainTimeoutMs: -1 }],
    ["backoff.maxMs", { backoff: { baseMs: 7, maxMs: 7 } }, { backoff: { baseMs: 7, maxMs: 6 } }],
  ])("keeps a good %s and refuses a bad one by its name", (field, good, bad) => {
    expect(resolveConsumeOptions(good)).toMatchObject(good);
    expect(() => resolveConsumeOptions(bad)).toThrow(new RegExp(`^${field}: `));
  });
});

describe("judgeFailure", () => {
  const facts = { maxAttempts: 3, backoff: { baseMs: 100, maxMs: 150 }, random: { next: () => 0.5 } };

  test("backs off up to the maximum, then gives up", () => {
    const verdicts = [1, 2, 3].map((attempt) => judgeFailure({ ...facts, attempt, error: new Error("x") }));
    expect(verdicts).toEqual([{ kind: "retry", delayMs: 50 }, { kind: "retry", delayMs: 75 }, { kind: "dead" }]);
  });

  test("gives up at once when the handler says so", () => {
    expect(judgeFailure({ ...facts, attempt: 1, error: new UnretryableJobError("x") })).toEqual({ kind: "dead" });
  });
});
