import { describe, expect, test } from "vitest";
import { analyze } from "../analytic/network.ts";
import { compileModel } from "../model.ts";
import { randomTopologies, topologyAtRate } from "./random-topology.ts";

const cases = randomTopologies(4, 24);
const analyses = cases.map(({ architecture }) => analyze(compileModel(architecture)));
const components = cases.flatMap(({ architecture }) => architecture.components);

describe("random topologies", () => {
  test("can be run, and none is saturated", () => {
    for (const { latencyMeanMs, components } of analyses) {
      expect(latencyMeanMs.value).toBeGreaterThan(0);
      expect(latencyMeanMs.value).toBeLessThan(Infinity);
      expect(Math.max(...components.map(({ offeredLoad }) => offeredLoad.value))).toBeLessThan(0.9);
    }
  });

  test("are evenly more or less busy", () => {
    const busiest = analyses.map(({ components }) =>
      Math.max(...components.map(({ offeredLoad }) => offeredLoad.value)),
    );
    for (const from of [0.1, 0.25, 0.4, 0.55, 0.7]) {
      expect(busiest.filter((busy) => busy >= from && busy < from + 0.17).length).toBeGreaterThanOrEqual(3);
    }
  });

  test("have 1 to 11 components behind a client, of every kind", () => {
    const sizes = cases.map(({ architecture }) => architecture.components.length - 1);
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([1, 11]);
    const kinds = ["client", "service", "load_balancer", "cache", "database"];
    expect(new Set(components.map(({ kind }) => kind))).toEqual(new Set(kinds));
    expect(components.some(({ holdsSlot }) => holdsSlot)).toBe(true);
    expect(components.some(({ fanOut }) => fanOut === "parallel")).toBe(true);
    expect(Math.max(...components.map(({ serviceTime }) => serviceTime.cv))).toBeGreaterThan(2);
  });

  test("are the same under the same seed, with whatever rate", () => {
    const { architecture } = cases[5] as (typeof cases)[number];
    const rate = architecture.workloads[0]?.ratePerSecond ?? 0;
    expect(topologyAtRate(4, 5, rate)).toEqual(architecture);
    expect(topologyAtRate(5, 5, rate)).not.toEqual(architecture);
  });
});
