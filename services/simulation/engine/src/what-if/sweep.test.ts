import { describe, expect, test } from "vitest";
import { makeStudy } from "../replications/make-study.ts";
import { runReplication } from "../replications/run-replication.ts";
import { exponential, singleStation } from "../scenario.ts";
import { parseObjective } from "./objective.ts";
import { makeSweep, type SweepRun } from "./sweep.ts";
import { parseSweep } from "./sweep-values.ts";

describe("parseSweep", () => {
  test.each([
    ["checkout.instances=1..4", "checkout.instances", ["1", "2", "3", "4"]],
    ["load=0.5,1, 2", "load", ["0.5", "1", "2"]],
    ["load=0.1..0.5:0.1", "load", ["0.1", "0.2", "0.3", "0.4", "0.5"]],
    ["link:a.b.timeoutMs=50..140:40", "link:a.b.timeoutMs", ["50", "90", "130"]],
    ["lb.balancing=random,round_robin", "lb.balancing", ["random", "round_robin"]],
  ])("reads %j", (text, target, values) => {
    expect(parseSweep(text)).toEqual({ target, values });
  });

  test.each([
    ["checkout.instances", "write what to vary and its values"],
    ["=1,2", "write what to vary and its values"],
    ["a.b=4..1", "the range ends at 1, which is not above 4"],
    ["a.b=1..x", '"1..x" is no range'],
    ["a.b=1..9:0", '"1..9:0" is no range'],
    ["a.b=1,,2", "a value is missing between commas"],
    ["a.b=1,2,1", "the value 1 is there twice"],
    ["a.b=1", "a sweep needs at least two values"],
    ["a.b=1..1000000000", "1000000000 values; allowed are 100"],
  ])("refuses %j", (text, message) => {
    expect(() => parseSweep(text)).toThrow(`"${text}": ${message}`);
  });
});

describe("makeSweep", () => {
  const given = { durationMs: 20_000, warmupMs: 2000, warmupFrom: "given" } as const;
  const runs = [1, 2, 3].map((instances): SweepRun => {
    const architecture = singleStation(80, { serviceTime: exponential(10), instances });
    const outcomes = Array.from({ length: 20 }, (_, index) =>
      runReplication(architecture, { seed: 9 + index, ...given, load: 1, slices: 20 }),
    );
    return { value: String(instances), architecture, outcomes, study: makeStudy(outcomes, given) };
  });
  const options = { objectives: [parseObjective("mean<20ms")], prices: { station: 2 } };
  const { points, findings, replications } = makeSweep("station.instances", runs, options);

  test("compares each value with the one before, under the same seeds", () => {
    expect(points.map(({ step }) => step?.mean.change)).toEqual([undefined, "better", "better"]);
    const [first, second] = [points[1], points[2]].map((point) => -(point?.step?.mean.difference.value ?? 0));
    expect(first).toBeGreaterThan(4 * (second ?? 0));
    expect(replications).toBe(20);
  });

  test("says at which values the objectives are met, and what each step changes", () => {
    expect(points.map(({ missed }) => missed[0]?.isMet)).toEqual([false, true, true]);
    expect(findings[0]).toBe("mean<20ms: met at station.instances = 2, 3");
    expect(findings[1]).toMatch(/^station.instances 1 → 2: p99 latency falls by /);
  });

  test("says what each value costs", () => {
    expect(points.map(({ cost }) => cost?.perHour)).toEqual([2, 4, 6]);
  });
});
