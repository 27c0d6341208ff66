import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link, Workload } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { component, constant, exponential, link, poisson, singleStation } from "../scenario.ts";
import trained from "./emulator.json" with { type: "json" };
import { type Prediction, predict } from "./predict.ts";

function shop(given: {
  ratePerSecond: number;
  api?: Partial<Component>;
  call?: Partial<Link>;
  workload?: Partial<Workload>;
}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: 8, serviceTime: exponential(4), holdsSlot: false, ...given.api }),
      component("cache", "cache", { concurrency: 16, hitRatio: 0.7, serviceTime: constant(1), holdsSlot: false }),
      component("database", "database", {
        concurrency: 4,
        serviceTime: { kind: "lognormal", meanMs: 12, cv: 1.2 },
      }),
    ],
    links: [
      link("client", "api", { latency: constant(1), ...given.call }),
      link("api", "cache"),
      link("cache", "database"),
    ],
    workloads: [{ ...poisson("client", given.ratePerSecond), ...given.workload }],
  };
}

const reasonsFor = (given: Omit<Parameters<typeof shop>[0], "ratePerSecond">) =>
  predict(shop({ ratePerSecond: 500, ...given })).reasons.join("\n");

describe("a prediction", () => {
  const prediction = predict(shop({ ratePerSecond: 500 }));

  test("has figures in order, each in its interval", () => {
    const { mean, p50, p95, p99 } = prediction.latencyMs as NonNullable<Prediction["latencyMs"]>;
    expect(p50.value).toBeLessThan(p95.value);
    expect(p95.value).toBeLessThan(p99.value);
    for (const figure of [mean, p50, p95, p99]) {
      expect(figure.low).toBeLessThan(figure.value);
      expect(figure.high).toBeGreaterThan(figure.value);
      expect(Math.abs(figure.value / figure.theory - 1)).toBeLessThan(0.2);
    }
  });

  test("is of a kind that was trained on, and says what is busiest", () => {
    expect(prediction).toMatchObject({ isSaturated: false, isExtrapolated: false, reasons: [], busiest: "database" });
    expect(prediction.utilization?.value).toBeCloseTo(0.45, 1);
  });

  test("saturates at 1 ÷ the largest demand", () => {
    expect(prediction.maximumRatePerSecond).toBeCloseTo(4 / (0.3 * 0.012), 3);
    expect(prediction.limitingComponent).toBe("database");
  });

  test("is the same for a compiled model, and from one call to the next", () => {
    expect(predict(compileModel(shop({ ratePerSecond: 500 })))).toEqual(prediction);
  });

  test("never falls when the load rises", () => {
    const architecture = shop({ ratePerSecond: 1000 });
    const limit = predict(architecture).maximumLoad;
    const read = ({ latencyMs, utilization }: Prediction) => [
      latencyMs?.mean.value ?? Number.NaN,
      latencyMs?.p50.value ?? Number.NaN,
      latencyMs?.p95.value ?? Number.NaN,
      latencyMs?.p99.value ?? Number.NaN,
      utilization?.value ?? Number.NaN,
    ];
    let before = [0, 0, 0, 0, 0];
    for (let share = 0.01; share < 0.99; share += 0.035) {
      const values = read(predict(compileModel(architecture, { load: share * limit })));
      for (const [index, value] of values.entries()) expect(value).toBeGreaterThanOrEqual(before[index] as number);
      before = values;
    }
  });
});

describe("limits", () => {
  test("a saturated architecture has no latency, and says so", () => {
    const prediction = predict(shop({ ratePerSecond: 1500 }));
    expect(prediction).toMatchObject({ isSaturated: true, limitingComponent: "database" });
    expect(prediction.latencyMs).toBe(undefined);
    expect(prediction.maximumLoad).toBeCloseTo(1111.1 / 1500, 3);
  });

  test("what takes no time has no latency, and nothing is NaN", () => {
    const prediction = predict(singleStation(5, {}));
    expect(prediction).toMatchObject({ isSaturated: false, isExtrapolated: true });
    expect(JSON.stringify(prediction, (_key, value) => (Number.isNaN(value) ? "NaN" : value))).not.toContain("NaN");
  });

  test("what was not trained on is named", () => {
    expect(reasonsFor({ workload: { kind: "bursty" } })).toContain('workload "client-load" is bursty');
    expect(reasonsFor({ api: { errorRatio: 0.1 } })).toContain('component "api": some of its requests fail');
    expect(reasonsFor({ api: { discipline: "lifo" } })).toContain('component "api": it serves last in, first out');
    expect(reasonsFor({ api: { queueCapacity: 0, concurrency: 3 } })).toContain('component "api": it sheds requests');
    expect(reasonsFor({ call: { timeoutMs: 5, retries: 2 } })).toContain("its rates are in doubt");
    expect(reasonsFor({ call: { asynchronous: true } })).toContain('link "client-api": nobody waits');
  });

  test("a feature beyond the training is named", () => {
    expect(reasonsFor({ api: { concurrency: 5000 } })).toBe("");
    expect(predict(shop({ ratePerSecond: 1105 })).reasons.join()).toContain("busiest is 0.99");
  });

  test("an emulator of another schema or for other features is refused", () => {
    const architecture = shop({ ratePerSecond: 1 });
    expect(() => predict(architecture, { ...trained, schemaVersion: 2 })).toThrow("schema 2; allowed is 1");
    expect(() => predict(architecture, { ...trained, features: ["size"] })).toThrow("trained on the features size");
  });
});
