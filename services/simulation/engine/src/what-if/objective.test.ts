import { describe, expect, test } from "vitest";
import { runReplication } from "../replications/run-replication.ts";
import { constant, exponential, singleStation } from "../scenario.ts";
import { collapseProbability, hasCollapsed } from "./collapse.ts";
import { isMissed, missProbability, parseObjective } from "./objective.ts";

function replicate(architecture: Parameters<typeof runReplication>[0], count: number, load = 1) {
  return Array.from({ length: count }, (_, index) =>
    runReplication(architecture, { seed: 50 + index, durationMs: 20_000, warmupMs: 2000, load, slices: 60 }),
  );
}

describe("parseObjective", () => {
  test.each([
    ["p99<200ms", "p99", 200],
    [" p99.9 <= 0.2 s", "p99.9", 200],
    ["mean<500us", "mean", 0.5],
    ["P50<1m", "p50", 60_000],
    ["errors<1%", "errors", 0.01],
    ["errors<0.001", "errors", 0.001],
  ])("reads %j", (text, name, limit) => {
    const objective = parseObjective(text);
    expect([objective.figure.name, objective.limit]).toEqual([name, expect.closeTo(limit, 12)]);
  });

  test.each([
    ["p99", 'objective "p99": write a figure'],
    ["p98<20ms", 'there is no figure "p98"; allowed are errors, mean, p50, p90, p95, p99, p99.9'],
    ["throughput<20", 'there is no figure "throughput"'],
    ["p99>200ms", '">" is not allowed; less is better for p99'],
    ["p99<200", 'the limit "200" is no time above 0 with a unit: us, ms, s or m'],
    ["p99<0ms", 'the limit "0ms" is no time above 0'],
    ["p99<5constructor", "is no time above 0"],
    ["errors<5ms", 'the limit "5ms" is no share above 0 to 1'],
    ["errors<200%", 'the limit "200%" is no share'],
    ["p99<1.2.3ms", "is no time above 0"],
  ])("refuses %j", (text, message) => {
    expect(() => parseObjective(text)).toThrow(message);
  });
});

describe("missProbability", () => {
  test("is the share of replications that missed, with Wilson's interval", () => {
    const runs = replicate(singleStation(50, { serviceTime: exponential(10) }), 20);
    const sorted = runs.map(({ results }) => results.latency.p99Ms).sort((a, b) => a - b);
    const objective = parseObjective(`p99<${sorted[16]}ms`);
    const { value, low, high } = missProbability(objective, runs);
    expect(value).toBe(0.2);
    // Newcombe (1998): 4 of 20 is 0.0807 to 0.4160.
    expect([low, high]).toEqual([expect.closeTo(0.0807, 3), expect.closeTo(0.416, 3)]);
  });

  test("counts a run that answered nothing well as missed for latencies", () => {
    const [broken] = replicate(singleStation(50, { errorRatio: 1 }), 1);
    expect(broken && isMissed(parseObjective("p99<1m"), broken)).toBe(true);
  });
});

describe("collapse", () => {
  const station = singleStation(50, { serviceTime: exponential(10) });

  test("is not what an ordinary busy system shows", () => {
    expect(collapseProbability(replicate(station, 20, 1.4)).value).toBe(0);
  });

  test("is a queue that still grows at the end", () => {
    expect(replicate(station, 5, 2.4).every(hasCollapsed)).toBe(true);
  });

  test("is a goodput below half of what is offered in the last third", () => {
    const refusing = (errorRatio: number) => singleStation(50, { serviceTime: constant(1), errorRatio });
    expect(collapseProbability(replicate(refusing(0.6), 5)).value).toBe(1);
    expect(collapseProbability(replicate(refusing(0.4), 5)).value).toBe(0);
  });

  test("is over when the run recovers before its last third", () => {
    const [run] = replicate(station, 1);
    const failing = run?.series.map((point, slice) => (slice < 40 ? { ...point, failuresPerSecond: 1000 } : point));
    expect(run && hasCollapsed({ ...run, series: failing ?? [] })).toBe(false);
    const late = run?.series.map((point, slice) => (slice < 40 ? point : { ...point, failuresPerSecond: 1000 }));
    expect(run && hasCollapsed({ ...run, series: late ?? [] })).toBe(true);
  });
});
