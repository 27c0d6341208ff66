import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { expectMean, replicate } from "../replications.ts";
import type { Results } from "../results.ts";
import {
  closed,
  component,
  constant,
  exponential,
  link,
  poisson,
  resultsOfComponent,
  singleStation,
} from "../scenario.ts";
import { type Analysis, analyze } from "./network.ts";

const analyzed = (architecture: Architecture, load = 1) => analyze(compileModel(architecture, { load }));

function ofComponent(analysis: Analysis, id: string) {
  const found = analysis.components.find((one) => one.id === id);
  if (found === undefined) throw new Error(`the analysis has no component "${id}"`);
  return found;
}

/** Everything a run and the analysis both say; `bias` is what the theory itself is off by. */
function expectAgreement(architecture: Architecture, runs: readonly Results[], precision: number, bias = 0): void {
  const analysis = analyzed(architecture);
  expectMean(runs, (run) => run.latency.meanMs, analysis.latencyMeanMs.value, { precision, bias });
  expectMean(runs, (run) => run.throughputPerSecond, analysis.throughputPerSecond.value, { precision: 0.01 });
  for (const { id, utilization, waitMeanMs, latencyMeanMs } of analysis.components) {
    const of = (run: Results) => resultsOfComponent(run, id);
    expectMean(runs, (run) => of(run).utilization, utilization.value, { precision: 0.01, bias });
    expectMean(runs, (run) => of(run).latency.meanMs, latencyMeanMs.value, { precision, bias });
    if (waitMeanMs.value > 0) {
      expectMean(runs, (run) => of(run).waitMeanMs, waitMeanMs.value, { precision: 2 * precision, bias: 2 * bias });
    }
  }
}

const tandem: Architecture = {
  components: [
    component("client", "client"),
    component("first", "service", { serviceTime: exponential(10) }),
    component("second", "service", { serviceTime: exponential(5) }),
  ],
  links: [link("client", "first", { latency: constant(3) }), link("client", "second")],
  workloads: [poisson("client", 70)],
};

function held(slots: number, ratePerSecond: number): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: slots, serviceTime: exponential(10) }),
      component("database", "database", { serviceTime: exponential(5) }),
    ],
    links: [link("client", "api"), link("api", "database")],
    workloads: [poisson("client", ratePerSecond)],
  };
}

describe("against the engine", () => {
  test("a single M/M/1 agrees", () => {
    const architecture = singleStation(80, { serviceTime: exponential(10) });
    expectAgreement(
      architecture,
      replicate(architecture, { requests: 20_000, ratePerSecond: 80, warmupSeconds: 10 }),
      0.025,
    );
  });

  test("an M/M/4 agrees", () => {
    const architecture = singleStation(320, { concurrency: 4, serviceTime: exponential(10) });
    expectAgreement(
      architecture,
      replicate(architecture, { requests: 20_000, ratePerSecond: 320, warmupSeconds: 5 }),
      0.02,
    );
  });

  test("a tandem of two agrees", () => {
    expectAgreement(tandem, replicate(tandem, { requests: 15_000, ratePerSecond: 70, warmupSeconds: 5 }), 0.02);
  });

  test("two random choices among ten instances agree within 8 %", () => {
    const architecture = singleStation(900, { instances: 10, serviceTime: exponential(10) });
    const runs = replicate(architecture, { requests: 15_000, ratePerSecond: 900, warmupSeconds: 2 });
    expectAgreement(architecture, runs, 0.02, 0.08);
  });

  test("slots that are held while a slower component is called agree within 5 %", () => {
    const architecture = held(8, 150);
    const runs = replicate(architecture, { requests: 15_000, ratePerSecond: 150, warmupSeconds: 3 });
    const { latencyMeanMs, components } = analyzed(architecture);
    expectMean(runs, (run) => run.latency.meanMs, latencyMeanMs.value, { precision: 0.02, bias: 0.05 });
    const utilization = components[0]?.utilization.value ?? 0;
    expectMean(runs, (run) => resultsOfComponent(run, "api").utilization, utilization, { precision: 0.02, bias: 0.05 });
  });

  test("retries after failures arrive as often as computed", () => {
    const architecture = {
      ...singleStation(50, { serviceTime: exponential(10), errorRatio: 0.2 }),
      links: [link("client", "station", { retries: 2 })],
    };
    const runs = replicate(architecture, { requests: 5000, ratePerSecond: 50, warmupSeconds: 5 });
    const analysis = analyzed(architecture);
    expect(ofComponent(analysis, "station").arrivalsPerSecond.value).toBeCloseTo(62, 9);
    expect(analysis.errorRatio.value).toBeCloseTo(0.008, 9);
    const { value } = ofComponent(analysis, "station").utilization;
    expectMean(runs, (run) => resultsOfComponent(run, "station").utilization, value, { precision: 0.01 });
  });
});

describe("users who go round", () => {
  const stations = [
    component("cpu", "service", { serviceTime: exponential(605) }),
    component("disk1", "database", { serviceTime: exponential(2100) }),
    component("disk2", "database", { serviceTime: exponential(1350) }),
  ];
  const architecture = (users: number): Architecture => ({
    components: [component("terminals", "client"), ...stations],
    links: stations.map(({ id }) => link("terminals", id)),
    workloads: [closed("terminals", users, 15_000)],
  });

  test("are computed by mean value analysis where that is exact", () => {
    const analysis = analyzed(architecture(20));
    expect(analysis.throughputPerSecond.value).toBeCloseTo(0.4745, 4);
    expect(analysis.latencyMeanMs.value / 1000).toBeCloseTo(27.15, 2);
    expect(ofComponent(analysis, "disk1").utilization.value).toBeCloseTo(0.9965, 4);
    expect(analysis.limitingComponent).toBe("disk1");
    expect(analysis.maximumRatePerSecond.value).toBeCloseTo(1 / 2.1, 6);
    expect(analysis.assumptions).toEqual([]);
  });

  test("fill one station of several slots exactly as machines their repair crews", () => {
    const analysis = analyzed({
      ...singleStation(0, { concurrency: 2, serviceTime: exponential(1000) }),
      workloads: [closed("client", 10, 10_000)],
    });
    // 10 machines, 2 crews: 1.039 down, 8.961 running.
    expect(analysis.throughputPerSecond.value).toBeCloseTo(0.8961, 4);
  });
});

describe("limits", () => {
  test("a saturated component is endless, named, and never NaN", () => {
    const analysis = analyzed(tandem, 2);
    expect(ofComponent(analysis, "first")).toMatchObject({ isSaturated: true, utilization: { value: 1 } });
    expect(ofComponent(analysis, "first").waitMeanMs.value).toBe(Infinity);
    expect(analysis.latencyMeanMs.value).toBe(Infinity);
    expect(analysis.throughputPerSecond.value).toBeCloseTo(100, 6);
    expect(analysis.assumptions.join()).toContain('component "first": it gets more than it can do');
    expect(JSON.stringify(analysis, (_key, value) => (Number.isNaN(value) ? "NaN" : value))).not.toContain("NaN");
  });

  test("the largest load and what limits it follow from the demands", () => {
    const analysis = analyzed(tandem);
    expect(analysis.limitingComponent).toBe("first");
    expect(analysis.maximumLoad.value).toBeCloseTo(100 / 70, 6);
    expect(analysis.maximumRatePerSecond.value).toBeCloseTo(100, 4);
  });

  test("callers whose slots wait for a callee limit before the callee does", () => {
    // Four slots that go round between 10 ms of work and a queue of 5 ms: a closed network.
    const analysis = analyzed(held(4, 100));
    expect(analysis.limitingComponent).toBe("api");
    expect(analysis.maximumRatePerSecond.value).toBeCloseTo(200 * (9.5 / 10.5), 3);
  });

  test("a bounded queue sheds as theory says, also when overloaded", () => {
    const analysis = analyzed(singleStation(120, { serviceTime: exponential(10), queueCapacity: 19 }));
    const station = ofComponent(analysis, "station");
    expect(station.shedRatio.value).toBeCloseTo(0.1704, 4);
    expect(station.latencyMeanMs.value).toBeCloseTo(155.4, 1);
    expect(analysis.throughputPerSecond.value).toBeCloseTo(99.56, 2);
    expect(station.waitMeanMs.valid).toBe(true);
  });

  test("nothing to do takes no time and has no limit", () => {
    const analysis = analyzed(singleStation(5, {}));
    expect(analysis).toMatchObject({ latencyMeanMs: { value: 0 }, maximumLoad: { value: Infinity } });
    expect(analysis.limitingComponent).toBeUndefined();
  });
});

describe("calls", () => {
  test("parallel calls last as long as the slowest", () => {
    const analysis = analyzed({
      components: [
        component("client", "client", { fanOut: "parallel" }),
        component("leg", "service", { concurrency: 10_000, serviceTime: exponential(10) }),
      ],
      links: [link("client", "leg", { callsPerRequest: 10 })],
      workloads: [poisson("client", 100)],
    });
    expect(analysis.latencyMeanMs.value).toBeCloseTo(29.2897, 2);
  });

  test("weights, hits and calls per request split the rates", () => {
    const analysis = analyzed({
      components: [
        component("client", "client"),
        component("balancer", "load_balancer", { concurrency: 100 }),
        component("small", "service", { concurrency: 100 }),
        component("large", "service", { concurrency: 100 }),
        component("cache", "cache", { concurrency: 100, hitRatio: 0.8 }),
        component("database", "database", { concurrency: 100, serviceTime: constant(5) }),
      ],
      links: [
        link("client", "balancer"),
        link("balancer", "small", { weight: 1 }),
        link("balancer", "large", { weight: 3 }),
        link("large", "cache", { callsPerRequest: 2.5 }),
        link("cache", "database"),
      ],
      workloads: [poisson("client", 400)],
    });
    const rate = (id: string) => ofComponent(analysis, id).arrivalsPerSecond.value;
    expect([rate("small"), rate("large"), rate("cache")]).toEqual([100, 300, 750]);
    expect(rate("database")).toBeCloseTo(150, 9);
    expect(analysis.latencyMeanMs.value).toBeCloseTo(0.75 * 2.5 * 0.2 * 5, 6);
  });

  test("a sequential request stops at the first call that fails", () => {
    const analysis = analyzed({
      components: [
        component("client", "client"),
        component("first", "service", { concurrency: 100, errorRatio: 0.25 }),
        component("second", "service", { concurrency: 100 }),
      ],
      links: [link("client", "first"), link("client", "second")],
      workloads: [poisson("client", 100)],
    });
    expect(ofComponent(analysis, "second").arrivalsPerSecond.value).toBeCloseTo(75, 9);
    expect(analysis.errorRatio.value).toBeCloseTo(0.25, 9);
  });

  test("time-outs are told of, with the link and their share, and make the figures doubtful", () => {
    const architecture = {
      ...singleStation(70, { serviceTime: exponential(10) }),
      links: [link("client", "station", { timeoutMs: 100, retries: 0 })],
    };
    const analysis = analyzed(architecture);
    // The time in an M/M/1 is exponential: e^-3.
    expect(analysis.errorRatio.value).toBeCloseTo(Math.exp(-3), 6);
    expect(analysis.errorRatio.valid).toBe(false);
    expect(analysis.assumptions.join()).toContain('link "client-station": 5.0 % of its attempts time out');
  });
});
