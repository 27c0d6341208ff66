import { describe, expect, test } from "vitest";
import { expectMean, replicate } from "./replications.ts";
import type { Results } from "./results.ts";
import { constant, exponential, poisson, resultsOfComponent, simulate, singleStation } from "./scenario.ts";

const station = (read: (one: ReturnType<typeof resultsOfComponent>) => number) => (run: Results) =>
  read(resultsOfComponent(run, "station"));

describe("the wait", () => {
  test("of an M/M/10 at 80 %: who waits, and for how long the last hundredth does", () => {
    const model = singleStation(80, { concurrency: 10, serviceTime: exponential(100) });
    const runs = replicate(model, { requests: 10_000, ratePerSecond: 80, warmupSeconds: 10 });
    expectMean(
      runs,
      station((one) => one.waitProbability),
      0.4092,
      { precision: 0.025 },
    );
    expectMean(
      runs,
      station((one) => one.waitP99Ms),
      185.6,
      { precision: 0.05, bias: 0.004 },
    );
    expectMean(
      runs,
      station((one) => one.waitMeanMs),
      20.46,
      { precision: 0.06 },
    );
    // Fewer than half wait at all.
    expectMean(
      runs,
      station((one) => one.waitP50Ms),
      0.000_001,
      { precision: 1, bias: 1 },
    );
  });

  test("has its quantiles over all that got a slot, those included that did not wait", () => {
    const model = {
      ...singleStation(0, { serviceTime: constant(100) }),
      workloads: [
        { ...poisson("client", 0), kind: "replay" as const, arrivalsMs: [0, 1000, 2000, 3000, 3000, 3000, 3000, 3000] },
      ],
    };
    // Waits: four of 0, then 100, 200, 300 and 400.
    const one = resultsOfComponent(simulate(model, { durationMs: 10_000 }).results(), "station");
    expect(one).toMatchObject({ waitProbability: 0.5, waitP50Ms: 0, waitMeanMs: 125 });
    expect(one.waitP95Ms / 400).toBeCloseTo(1, 2);
    expect(one.waitP99Ms).toBe(one.waitP95Ms);
  });

  test("is nothing where nobody waits", () => {
    const one = resultsOfComponent(simulate(singleStation(10, {}), { durationMs: 10_000 }).results(), "station");
    expect(one).toMatchObject({ waitProbability: 0, waitP99Ms: 0, waitMeanMs: 0 });
  });
});
