import { describe, expect, test } from "vitest";
import { progressSentence, withShare } from "./progress.ts";
import type { StudyProgress } from "./run-study.ts";
import { cheaperPlan } from "./study-cost.ts";

const step = (phase: StudyProgress["phase"], done: number, of: number): StudyProgress => ({
  phase,
  done,
  of,
  p99Ms: undefined,
});

describe("progress", () => {
  test("counts pilots and replications as one work, in which every step begins with none done", () => {
    const shares: (number | undefined)[] = [];
    const report = withShare(10, ({ share }) => shares.push(share));
    for (let done = 0; done <= 2; done++) report(step("warm-up", done, 2));
    for (let done = 0; done <= 8; done += 4) report(step("replications", done, 8));
    expect(shares).toEqual([0, 0.1, 0.2, 0.2, 0.6, 1]);
  });

  test("is told in words, with how well the p99 is known as soon as there are two", () => {
    expect(progressSentence(step("warm-up", 1, 5))).toBe("finding the warm-up: 1 of 5 pilots");
    const known = { ...step("replications", 2, 9), p99Ms: { value: 20, low: 18, high: 22 } };
    expect(progressSentence({ ...known, subject: "load 2" })).toBe("load 2: 2 of 9 replications, p99 ±10.0 %");
    expect(progressSentence({ ...known, done: 1 })).toBe("1 of 9 replications");
  });
});

test("cheaperPlan says what to lower, each alone, in the words of whoever is told", () => {
  const plan = { durationMs: 600_000, warmupMs: undefined, load: 2, replications: 40 };
  const names = { duration: "the duration", replications: "the replications", load: "the load" };
  expect(cheaperPlan(plan, 0.1, names)).toBe("lower the duration to 60s, or the replications to 4, or the load to 0.2");
  expect(cheaperPlan(plan, 0.02, names)).toBe("lower the duration to 12s, or the load to 0.04");
  expect(cheaperPlan(plan, 0, names)).toBe("lower the load and the duration");
});
