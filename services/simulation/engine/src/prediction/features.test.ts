import { describe, expect, test } from "vitest";
import { analyze } from "../analytic/network.ts";
import type { Architecture, Distribution } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { analyticLatency } from "./analytic-latency.ts";
import { featureNames, featuresOf } from "./features.ts";
import { randomTopologies } from "./random-topology.ts";

const architectures = randomTopologies(9, 5).map(({ architecture }) => architecture);

function featuresOfArchitecture(architecture: Architecture): Float64Array {
  const model = compileModel(architecture);
  const analysis = analyze(model);
  const latency = analyticLatency(model, analysis);
  if (latency === undefined) throw new Error("theory finds no latency");
  return featuresOf(model, analysis, latency);
}

describe("features", () => {
  const rows = architectures.map(featuresOfArchitecture);

  test("are finite, one for each name, and differ between architectures", () => {
    for (const row of rows) {
      expect(row.length).toBe(featureNames.length);
      expect(row.every(Number.isFinite)).toBe(true);
    }
    expect(new Set(rows.map(String)).size).toBe(rows.length);
  });

  test("do not change when everything takes seven times as long at a seventh of the rate, under other names", () => {
    const longer = (time: Distribution) => ({ ...time, meanMs: 7 * time.meanMs });
    for (const [at, architecture] of architectures.entries()) {
      const scaled: Architecture = {
        components: architecture.components.map((one) => ({
          ...one,
          id: `x-${one.id}`,
          serviceTime: longer(one.serviceTime),
        })),
        links: architecture.links.map((one) => ({
          ...one,
          from: `x-${one.from}`,
          to: `x-${one.to}`,
          latency: longer(one.latency),
        })),
        workloads: architecture.workloads.map((one) => ({
          ...one,
          component: `x-${one.component}`,
          ratePerSecond: one.ratePerSecond / 7,
        })),
      };
      const before = rows[at] as Float64Array;
      const after = featuresOfArchitecture(scaled);
      for (const [index, name] of featureNames.entries()) {
        expect(after[index], name).toBeCloseTo(before[index] as number, 5);
      }
    }
  });
});
