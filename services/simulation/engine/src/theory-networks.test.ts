import { describe, expect, test } from "vitest";
import { expectMean, replicate } from "./replications.ts";
import type { Results } from "./results.ts";
import {
  closed,
  component,
  constant,
  exponential,
  link,
  poisson,
  resultsOfComponent,
  singleStation,
} from "./scenario.ts";

const arrivals = (results: Results, id: string) => resultsOfComponent(results, id).arrivals;

describe("closed workloads", () => {
  test.each([
    [1, 0.05248, 4.055],
    [3, 0.1515, 4.8],
    [20, 0.4745, 27.15],
  ])("%i users circulate as mean value analysis says", (users, ratePerSecond, seconds) => {
    const architecture = {
      components: [
        component("terminals", "client"),
        component("cpu", "service", { serviceTime: exponential(605) }),
        component("disk1", "database", { serviceTime: exponential(2100) }),
        component("disk2", "database", { serviceTime: exponential(1350) }),
      ],
      links: [link("terminals", "cpu"), link("terminals", "disk1"), link("terminals", "disk2")],
      workloads: [closed("terminals", users, 15_000)],
    };
    const runs = replicate(architecture, { requests: 4000, warmupSeconds: 600, ratePerSecond });
    expectMean(runs, (run) => run.throughputPerSecond, ratePerSecond, { precision: 0.01 });
    expectMean(runs, (run) => run.latency.meanMs / 1000, seconds, { precision: 0.02 });
  });
});

describe("balancing", () => {
  test("the less loaded of two random instances comes close to its mean-field limit", () => {
    const architecture = singleStation(90, { instances: 100, serviceTime: exponential(1000) });
    const runs = replicate(architecture, { requests: 20_000, warmupSeconds: 60, ratePerSecond: 90 });
    expectMean(runs, (run) => run.latency.meanMs, 2641, { precision: 0.015 });
  });

  test("a balancer splits by weight, one link per request", () => {
    const backend = { concurrency: 100, serviceTime: constant(1) };
    const architecture = {
      components: [
        component("client", "client"),
        component("balancer", "load_balancer", { concurrency: 100 }),
        component("small", "service", backend),
        component("large", "service", backend),
        component("off", "service", backend),
      ],
      links: [
        link("client", "balancer"),
        link("balancer", "small", { weight: 1, callsPerRequest: 5 }),
        link("balancer", "large", { weight: 3 }),
        link("balancer", "off", { weight: 0 }),
      ],
      workloads: [poisson("client", 1000)],
    };
    const runs = replicate(architecture, { requests: 5000, warmupSeconds: 0, ratePerSecond: 1000 });
    expectMean(runs, (run) => arrivals(run, "small") / arrivals(run, "balancer"), 0.25, { precision: 0.01 });
    expectMean(runs, (run) => arrivals(run, "large") / arrivals(run, "balancer"), 0.75, { precision: 0.01 });
    expect(runs.map((run) => arrivals(run, "off"))).toEqual(runs.map(() => 0));
  });
});

describe("calls", () => {
  test("ten parallel calls last as long as the slowest", () => {
    const architecture = {
      components: [
        component("client", "client", { fanOut: "parallel" }),
        component("leg", "service", { concurrency: 10_000, serviceTime: exponential(10) }),
      ],
      links: [link("client", "leg", { callsPerRequest: 10 })],
      workloads: [poisson("client", 100)],
    };
    const runs = replicate(architecture, { requests: 2000, warmupSeconds: 1, ratePerSecond: 100 });
    // Ten times the tenth harmonic number.
    expectMean(runs, (run) => run.latency.meanMs, 29.2897, { precision: 0.005 });
    const p99Ms = -10 * Math.log(1 - 0.99 ** 0.1);
    expectMean(runs, (run) => run.latency.p99Ms, p99Ms, { precision: 0.01, bias: 0.01 });
  });

  test.each([
    [0.5, 3, 1.875, 0.9375],
    [0.2, 2, 1.24, 0.992],
  ])(
    "independent failures of %f with %i retries are amplified as computed",
    (errorRatio, retries, attempts, success) => {
      const architecture = {
        ...singleStation(100, { concurrency: 1000, serviceTime: constant(1), errorRatio }),
        links: [link("client", "station", { retries })],
      };
      const runs = replicate(architecture, { requests: 4000, warmupSeconds: 0, ratePerSecond: 100 });
      expectMean(runs, (run) => arrivals(run, "station") / arrivals(run, "client"), attempts, { precision: 0.005 });
      expectMean(runs, (run) => 1 - run.errorRatio, success, { precision: 0.005 });
    },
  );

  test("a fraction of a call is made by that share of the requests", () => {
    const architecture = {
      ...singleStation(100, { concurrency: 1000 }),
      links: [link("client", "station", { callsPerRequest: 2.3 })],
    };
    const runs = replicate(architecture, { requests: 2000, warmupSeconds: 0, ratePerSecond: 100 });
    expectMean(runs, (run) => arrivals(run, "station") / arrivals(run, "client"), 2.3, { precision: 0.005 });
  });
});
