import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import { makeStudy } from "../replications/make-study.ts";
import { runReplication } from "../replications/run-replication.ts";
import { component, exponential, link, singleStation } from "../scenario.ts";
import { compareVersions, type Version } from "./compare.ts";
import { readPrices } from "./cost.ts";
import { differenceOf } from "./difference.ts";
import { parseObjective } from "./objective.ts";

const given = { durationMs: 30_000, warmupMs: 2000, warmupFrom: "given" } as const;

function version(name: string, architecture: Architecture, firstSeed = 1, count = 20): Version {
  const outcomes = Array.from({ length: count }, (_, index) =>
    runReplication(architecture, { seed: firstSeed + index, ...given, load: 1, slices: 30 }),
  );
  return { name, architecture, outcomes, study: makeStudy(outcomes, given) };
}

/** M/M/1 at utilization 0.6 and 0.54: mean response 1 ÷ (μ - λ), 25 ms and 19.6 ms. */
const slow = version("slow", singleStation(60, { serviceTime: exponential(10) }));
const fast = version("fast", singleStation(60, { serviceTime: exponential(9) }));

describe("compareVersions", () => {
  const comparison = compareVersions(slow, fast);
  const figure = (name: string) => comparison.figures.find((one) => one.name === name);

  test("finds the exact difference within its interval, far narrower than those of the figures", () => {
    const { difference, change } = figure("mean") ?? {};
    const exact = 1000 / (1000 / 9 - 60) - 25;
    const halfWidth = ((difference?.high ?? 0) - (difference?.low ?? 0)) / 2;
    expect(change).toBe("better");
    // t(0.975, 19) = 2.093: four standard errors, which are below 5 % of the difference.
    expect(Math.abs((difference?.value ?? 0) - exact)).toBeLessThan((4 * halfWidth) / 2.093);
    expect(halfWidth / 2.093).toBeLessThan(0.05 * -exact);
    expect(difference?.varianceReduction).toBeGreaterThan(5);
  });

  test("says what changes and by how much, and what cannot be told apart", () => {
    expect(figure("p99")?.sentence).toMatch(
      /^p99 latency falls by [\d.]+ ms \([\d.]+ to [\d.]+\), from \d+ ms to [\d.]+ ms$/,
    );
    expect(figure("errors")?.sentence).toBe("error ratio is the same in every replication: 0 %");
    expect(figure("throughput")?.sentence).toMatch(/^no difference to see: throughput changes by −[\d.e−]+\/s to /);
  });

  test("tells answers in time from those that come too late", () => {
    const late = (meanMs: number) => {
      const { workloads, ...rest } = singleStation(60, { serviceTime: exponential(meanMs) });
      return { ...rest, workloads: workloads.map((one) => ({ ...one, deadlineMs: 20 })) };
    };
    const { figures } = compareVersions(version("slow", late(10)), version("fast", late(9)));
    const [throughput, goodput] = figures;
    expect([throughput?.name, throughput?.change]).toEqual(["throughput", "unclear"]);
    expect([goodput?.name, goodput?.change]).toEqual(["goodput", "better"]);
    // M/M/1 answers a share 1 - e^(-(μ - λ) t) within t.
    expect(goodput?.before.value).toBeCloseTo(60 * (1 - Math.exp(-40 * 0.02)), -0.3);
    expect(goodput?.sentence).toMatch(/^goodput in time rises by [\d.]+\/s \(/);
  });

  test("compares components by id, and names those that only one version has", () => {
    const both: Architecture = {
      ...fast.architecture,
      components: [...fast.architecture.components, component("extra", "service")],
      links: [...fast.architecture.links, link("station", "extra")],
    };
    const { components, onlyBefore, onlyAfter } = compareVersions(slow, version("both", both));
    expect(components.map(({ id }) => id)).toEqual(["station"]);
    expect([onlyBefore, onlyAfter]).toEqual([[], ["extra"]]);
    const used = components[0]?.utilization;
    expect(used?.difference.value).toBeCloseTo(-0.06, 1);
    expect(used?.sentence).toMatch(/^utilization of station falls by [\d.]+ points /);
    expect([used?.change, components[0]?.waitMean.change]).toEqual(["different", "better"]);
  });

  test("says how likely a run misses an objective, before and after", () => {
    const { missed, collapse } = compareVersions(slow, fast, { objectives: [parseObjective("mean<22ms")] });
    expect(missed[0]?.objective).toBe("mean<22ms");
    expect(missed[0]?.before.value).toBeGreaterThan(0.5);
    expect(missed[0]?.after.value).toBeLessThan(0.2);
    expect(collapse).toMatchObject({ before: { value: 0, low: 0 }, after: { value: 0 } });
  });

  test("says what both cost, by the hour and by a million answers", () => {
    const prices = readPrices({ station: 0.36 }, [slow.architecture]);
    const doubled = version("two", singleStation(60, { serviceTime: exponential(10), instances: 2 }));
    const { cost } = compareVersions(slow, doubled, { prices });
    expect([cost?.before.perHour, cost?.after.perHour]).toEqual([0.36, 0.72]);
    // 60 requests/s are 216 000 an hour, so a million costs 0.36 ÷ 0.216.
    expect(cost?.before.perMillionRequests?.value).toBeCloseTo(0.36 / 0.216, 1);
    // The more is answered, the less each costs, so the ends change places.
    const { throughputPerSecond } = slow.study;
    expect(cost?.before.perMillionRequests?.low).toBeCloseTo(100 / throughputPerSecond.high, 9);
    expect(cost?.before.perMillionRequests?.high).toBeCloseTo(100 / throughputPerSecond.low, 9);
    expect(cost?.before.unpriced).toEqual([]);
  });

  test("counts the instances that an autoscaler kept, and not those it began with", () => {
    const autoscaler = { minInstances: 2, maxInstances: 4, targetUtilization: 0.5, intervalMs: 500, startDelayMs: 500 };
    const scaled = version("scaled", singleStation(60, { serviceTime: exponential(10), instances: 4, autoscaler }));
    const { cost } = compareVersions(slow, scaled, { prices: { station: 1 } });
    // Its scale-down delay is longer than the run, so it keeps what it began with; which is what the run had.
    expect(cost?.after.perHour).toBeCloseTo(4, 9);
    const growing = version("growing", singleStation(160, { serviceTime: exponential(10), instances: 2, autoscaler }));
    const grown = compareVersions(slow, growing, { prices: { station: 1 } }).cost?.after.perHour ?? 0;
    expect(grown).toBeGreaterThan(2.5);
    expect(grown).toBeLessThanOrEqual(4);
  });

  test("shows a single pair without an interval", () => {
    const pair = compareVersions(version("a", slow.architecture, 1, 1), version("b", fast.architecture, 1, 1));
    const mean = pair.figures.find(({ name }) => name === "mean");
    expect(mean?.change).toBe("unclear");
    expect(mean?.sentence).toContain("in a single pair of runs");
  });

  test("refuses versions that ran under other seeds", () => {
    expect(() => compareVersions(slow, version("other", fast.architecture, 2))).toThrow(
      /"slow" and "other" differ in seeds/,
    );
  });
});

describe("differenceOf", () => {
  const names = { name: "p99", label: "p99", unit: "ms", better: "lower" } as const;

  test("leaves out pairs of which one has no figure", () => {
    const { pairs, difference } = differenceOf(names, [10, undefined, 12, 14], [11, 50, undefined, 16]);
    expect([pairs, difference.value]).toEqual([2, 1.5]);
    expect(differenceOf(names, [undefined], [4])).toMatchObject({ pairs: 0, change: "unclear" });
  });

  test("shows the ends in the unit of the difference", () => {
    const rise = differenceOf(names, [100, 100, 100], [2000, 2100, 2200]);
    expect(rise.sentence).toMatch(/^p99 rises by 2 s \(1\.75 to 2\.25\), from 100 ms to 2\.1 s$/);
    expect(rise.change).toBe("worse");
  });
});

describe("readPrices", () => {
  test.each([
    [[1], "prices: must be an object"],
    [{ nobody: 1 }, 'price of "nobody": there is no such component; components: client, station'],
    [{ station: -1 }, 'price of "station": -1 given; must be a number from 0'],
    [{ station: "2" }, 'price of "station": "2" given'],
  ])("refuses %j", (prices, message) => {
    expect(() => readPrices(prices, [slow.architecture])).toThrow(message);
  });
});
