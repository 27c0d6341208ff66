import { describe, expect, test } from "vitest";
import type { Workload } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { ModelError } from "../model-error.ts";
import { singleStation } from "../scenario.ts";
import { workload } from "./arrival-times.ts";

function issuesOf(given: Workload, load = 1) {
  try {
    compileModel({ ...singleStation(1, {}), workloads: [given] }, { load });
  } catch (error) {
    if (error instanceof ModelError) return error.issues;
    throw error;
  }
  return [];
}

describe("a workload", () => {
  test.each([
    workload("bursty"),
    workload("bursty", { burstFactor: 3, burstShare: 1 / 3 }),
    workload("bursty", { burstFactor: 1, burstShare: 0.9999 }),
    workload("diurnal", { amplitude: 1 }),
    workload("ramp", { toRatePerSecond: 0 }),
    workload("spike", { spikeFactor: 0, lengthMs: 1 }),
    workload("batch", { batchSize: 10_000 }),
    workload("replay", { arrivalsMs: [0, 0, 3], ratePerSecond: Number.NaN }),
    workload("poisson", { burstFactor: -1, arrivalsMs: [] }),
  ])("is taken with values at its limits, and with what another kind left behind: %j", (given) => {
    expect(issuesOf(given)).toEqual([]);
  });

  test.each([
    ["burstShare", workload("bursty", { burstFactor: 5, burstShare: 0.25 }), /is 0.25; allowed is at most 1 ÷ .* 0.2$/],
    ["burstShare", workload("bursty", { burstShare: 0 }), /is 0; allowed is 0.0001 to 0.9999/],
    ["burstFactor", workload("bursty", { burstFactor: 0.5 }), /is 0.5; allowed is 1 to 1000/],
    ["burstMs", workload("bursty", { burstMs: 0 }), /is 0; allowed is 1 to 86400000/],
    ["amplitude", workload("diurnal", { amplitude: 1.1 }), /is 1.1; allowed is 0 to 1/],
    ["periodMs", workload("diurnal", { periodMs: 0 }), /is 0; allowed is 1 to/],
    ["toRatePerSecond", workload("ramp"), /is undefined; allowed is 0 to 1000000/],
    ["lengthMs", workload("ramp", { toRatePerSecond: 1, lengthMs: 0 }), /is 0; allowed is 1 to/],
    ["startMs", workload("spike", { startMs: -1 }), /is -1; allowed is 0 to/],
    ["spikeFactor", workload("spike", { spikeFactor: Number.NaN }), /is NaN; allowed is 0 to 1000/],
    ["batchSize", workload("batch", { batchSize: 2.5 }), /is 2.5; allowed are whole numbers from 1 to 10000/],
    ["batchSize", workload("batch", { batchSize: 10_001 }), /is 10001/],
    ["arrivalsMs", workload("replay"), /has 0 arrivals; allowed are 1 to 1000000/],
    ["arrivalsMs", workload("replay", { arrivalsMs: [1, 3, 2] }), /is 2 at 2; allowed is no less than .* which is 3/],
    ["arrivalsMs", workload("replay", { arrivalsMs: [-1] }), /is -1 at 0; allowed is 0 to/],
    ["kind", workload("weekly" as Workload["kind"]), /is "weekly"; allowed are poisson, .*replay/],
    ["ratePerSecond", workload("batch", { ratePerSecond: -1 }), /is -1; allowed is 0 to 1000000/],
  ])("is refused for its %s: %j", (field, given, message) => {
    const [issue] = issuesOf(given);
    expect(issue).toMatchObject({ component: "client", field, message: expect.stringMatching(message) });
    expect(issue?.message).toContain(`workload "w": ${field} `);
  });

  test.each([
    workload("bursty", { ratePerSecond: 1_000_000 }),
    workload("spike", { ratePerSecond: 1_000_000, spikeFactor: 5 }),
    workload("ramp", { toRatePerSecond: 1_000_000 }),
    workload("diurnal", { ratePerSecond: 1_000_000, amplitude: 1 }),
  ])("is refused a load by its highest rate: %j", (given) => {
    expect(issuesOf(given, 2)).toEqual([]);
    const [issue] = issuesOf(given, 11);
    expect(issue?.message).toMatch(/^workload "w": its peak rate times the load is \d+; allowed is at most 10000000$/);
  });
});
