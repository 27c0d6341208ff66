import { describe, expect, test } from "vitest";
import { expectMean, replicate } from "./replications.ts";
import type { Results } from "./results.ts";
import { component, constant, exponential, link, poisson, resultsOfComponent, singleStation } from "./scenario.ts";

/** Of the histogram. */
const bias = 0.004;
const station = (results: Results) => resultsOfComponent(results, "station");

describe("M/M/1", () => {
  test.each([
    [0.5, 10_000, 2, 0.02],
    [0.8, 20_000, 10, 0.02],
    [0.9, 50_000, 40, 0.03],
  ])("agrees with theory at a utilization of %f", (rho, requests, warmupSeconds, precision) => {
    const ratePerSecond = 100 * rho;
    const architecture = singleStation(ratePerSecond, { serviceTime: exponential(10) });
    const runs = replicate(architecture, { requests, warmupSeconds, ratePerSecond });
    const sojournMs = 10 / (1 - rho);
    expectMean(runs, (run) => station(run).utilization, rho, { precision: 0.004 });
    expectMean(runs, (run) => run.throughputPerSecond, ratePerSecond, { precision: 0.005 });
    expectMean(runs, (run) => run.latency.meanMs, sojournMs, { precision });
    expectMean(runs, (run) => station(run).waitMeanMs, sojournMs * rho, { precision });
    expectMean(runs, (run) => station(run).inFlightMean, rho / (1 - rho), { precision });
    expectMean(runs, (run) => station(run).queueLengthMean, rho ** 2 / (1 - rho), { precision });
    expectMean(runs, (run) => run.latency.p50Ms, Math.log(2) * sojournMs, { precision, bias });
    expectMean(runs, (run) => run.latency.p99Ms, Math.log(100) * sojournMs, { precision: 2 * precision, bias });
  });
});

describe("M/M/c", () => {
  test("agrees with Erlang C for ten slots at 80 %", () => {
    const architecture = singleStation(80, { concurrency: 10, serviceTime: exponential(100) });
    const runs = replicate(architecture, { requests: 20_000, warmupSeconds: 10, ratePerSecond: 80 });
    expectMean(runs, (run) => station(run).waitMeanMs, 20.46, { precision: 0.035 });
    expectMean(runs, (run) => station(run).queueLengthMean, 1.637, { precision: 0.04 });
    expectMean(runs, (run) => run.latency.meanMs, 120.46, { precision: 0.01 });
    expectMean(runs, (run) => run.latency.p50Ms, 91.21, { precision: 0.01, bias });
    expectMean(runs, (run) => run.latency.p95Ms, 332.8, { precision: 0.01, bias });
    expectMean(runs, (run) => run.latency.p99Ms, 494.6, { precision: 0.01, bias });
  });

  test("a connection pool whose connections are held by calls waits like a station of that size", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("pool", "service", { concurrency: 5 }),
        component("database", "database", { concurrency: 10_000, serviceTime: exponential(100) }),
      ],
      links: [link("client", "pool"), link("pool", "database")],
      workloads: [poisson("client", 40)],
    };
    const runs = replicate(architecture, { requests: 15_000, warmupSeconds: 20, ratePerSecond: 40 });
    const pool = (run: Results) => resultsOfComponent(run, "pool");
    expectMean(runs, (run) => pool(run).waitMeanMs, 55.41, { precision: 0.03 });
    expectMean(runs, (run) => pool(run).utilization, 0.8, { precision: 0.01 });
    expectMean(runs, (run) => run.latency.meanMs, 155.4, { precision: 0.015 });
    expect(runs.map((run) => pool(run).workUtilization)).toEqual(runs.map(() => 0));
  });
});

describe("M/M/1/K", () => {
  test("sheds as theory says when overloaded", () => {
    // 20 in the system: one in the slot, 19 waiting.
    const architecture = singleStation(120, { serviceTime: exponential(10), queueCapacity: 19 });
    const runs = replicate(architecture, { requests: 15_000, warmupSeconds: 5, ratePerSecond: 120 });
    expectMean(runs, (run) => station(run).shed / station(run).arrivals, 0.1704, { precision: 0.015 });
    expectMean(runs, (run) => run.errorRatio, 0.1704, { precision: 0.015 });
    expectMean(runs, (run) => station(run).throughputPerSecond, 99.56, { precision: 0.005 });
    expectMean(runs, (run) => station(run).inFlightMean, 15.47, { precision: 0.01 });
    expectMean(runs, (run) => station(run).latency.meanMs, 155.4, { precision: 0.01 });
    expectMean(runs, (run) => station(run).utilization, 0.9956, { precision: 0.005 });
  });
});

describe("M/G/1", () => {
  test.each([
    [constant(10), 20],
    [{ kind: "gamma", meanMs: 10, cv: 0.5 }, 25],
    [{ kind: "lognormal", meanMs: 10, cv: 1 }, 40],
    [{ kind: "gamma", meanMs: 10, cv: 1.5 }, 65],
  ] as const)("waits as Pollaczek and Khinchine say with %j", (serviceTime, waitMs) => {
    const architecture = singleStation(80, { serviceTime });
    const runs = replicate(architecture, { requests: 20_000, warmupSeconds: 15, ratePerSecond: 80 });
    expectMean(runs, (run) => station(run).waitMeanMs, waitMs, { precision: 0.035 });
  });
});
