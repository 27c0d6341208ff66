import { describe, expect, test } from "vitest";
import { analyze } from "../analytic/network.ts";
import type { Architecture } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { component, exponential, link, poisson, singleStation } from "../scenario.ts";
import { analyticLatency } from "./analytic-latency.ts";

function latencyOf(architecture: Architecture) {
  const model = compileModel(architecture);
  const found = analyticLatency(model, analyze(model));
  if (found === undefined) throw new Error("theory finds no latency");
  return found;
}

describe("latency quantiles by theory", () => {
  test("are exact for an M/M/1", () => {
    const latency = latencyOf(singleStation(80, { serviceTime: exponential(10) }));
    expect(latency.p50Ms / (50 * Math.log(2))).toBeCloseTo(1, 2);
    expect(latency.p99Ms / (50 * Math.log(100))).toBeCloseTo(1, 2);
  });

  test("are those of the M/M/10 in the books", () => {
    const latency = latencyOf(singleStation(80, { concurrency: 10, serviceTime: exponential(100) }));
    expect(latency.p50Ms / 91.21).toBeCloseTo(1, 2);
    expect(latency.p95Ms / 332.8).toBeCloseTo(1, 2);
    expect(latency.p99Ms / 494.6).toBeCloseTo(1, 2);
  });

  test("are those of the slowest of a hundred calls", () => {
    const latency = latencyOf({
      components: [
        component("client", "client", { fanOut: "parallel" }),
        component("leg", "service", { concurrency: 10_000, serviceTime: exponential(10) }),
      ],
      links: [link("client", "leg", { callsPerRequest: 100 })],
      workloads: [poisson("client", 1)],
    });
    expect(latency.p99Ms / 92.05).toBeCloseTo(1, 2);
  });

  test("do not exist without a steady state", () => {
    const model = compileModel(singleStation(120, { serviceTime: exponential(10) }));
    expect(analyticLatency(model, analyze(model))).toBe(undefined);
  });

  test("do not exist where nothing takes time", () => {
    const model = compileModel(singleStation(10, {}));
    expect(analyticLatency(model, analyze(model))).toBe(undefined);
  });
});
