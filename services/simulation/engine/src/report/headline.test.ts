import { describe, expect, it } from "vitest";
import type { BottleneckFinding } from "../replications/study.ts";
import { firstLimit, headlineOf } from "./headline.ts";
import { around, shop, shopStudy, studyOf } from "./sample-study.ts";

const full = (reason: string, headroom: number): BottleneckFinding => ({
  component: "payments-db",
  reason,
  message: "",
  utilization: 0.98,
  headroom,
});

describe("headlineOf", () => {
  it("says what is held, how fast, what is refused and what limits", () => {
    expect(headlineOf(shopStudy).sentence).toBe(
      "Holds 120 requests/s: p99 182 ms (171–193), nothing is shed; payments-db limits at 1.4 times this load.",
    );
  });

  it("names the component that bears the least more load, and not the one where requests wait", () => {
    const waiting = { ...full("highest-demand", 2.14), component: "checkout" };
    const nearest = full("highest-demand", 1.08);
    const both = studyOf(shop, { bottlenecks: [waiting, nearest] });
    expect(headlineOf(both).sentence).toMatch(/; payments-db limits at 1\.08 times this load\.$/);
    expect(firstLimit([full("saturated", 1), nearest])?.reason).toBe("saturated");
  });

  it("says single run where there is no interval", () => {
    expect(headlineOf({ ...shopStudy, replications: 1 }).sentence).toContain("p99 182 ms (single run), ");
  });

  it("says that a load is not held when a queue grows or more is asked than can be done", () => {
    for (const finding of [full("growing-queue", 1.02), full("saturated", 0.7)]) {
      const { verdict, sentence } = headlineOf(studyOf(shop, { bottlenecks: [finding], errorRatio: around(0.3) }));
      expect(verdict).toBe("overloaded");
      expect(sentence).toMatch(
        /^Does not hold: 120 requests\/s answered well, p99 .* 30 % \(28.2–31.8\) of requests fail/,
      );
    }
  });

  it("calls a component that is full but keeps up the limit", () => {
    expect(headlineOf(studyOf(shop, { bottlenecks: [full("saturated", 1)] })).verdict).toBe("full");
  });

  it("does not say holds when many requests fail without any limit", () => {
    expect(headlineOf(studyOf(shop, { errorRatio: around(0.2) })).verdict).toBe("failing");
    expect(headlineOf(studyOf(shop, { errorRatio: around(0.01) })).verdict).toBe("holds");
  });

  it("counts what comes too late as little as what fails", () => {
    const late = studyOf(shop, { goodputPerSecond: around(90), goodputRatio: around(0.75) });
    expect(headlineOf(late).verdict).toBe("failing");
    expect(headlineOf(late).sentence).toMatch(/^Answers well: 90 requests\/s in time, p99 .*, 30\/s too late, nothing/);
  });

  it("says so when nothing was answered", () => {
    const nothing = { throughputPerSecond: around(0), goodputPerSecond: around(0) };
    const { verdict, sentence } = headlineOf(studyOf(shop, nothing));
    expect([verdict, sentence]).toEqual(["empty", "No request was answered well in the measured time."]);
  });
});
