import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { constant, singleStation } from "../scenario.ts";
import {
  type BoundaryOptions,
  BoundarySearch,
  boundarySentence,
  locateBoundary,
  type RunEnd,
} from "./locate-boundary.ts";
import { stormSystem } from "./sample-system.ts";

/** Answers a search with runs that fall with a probability that rises with the load. */
function search(
  options: BoundaryOptions,
  probabilityAt: (load: number) => number,
  { seed = 1, end = "stays-down" }: { seed?: number; end?: RunEnd } = {},
) {
  const stream = new RandomStream(seed, "runs");
  const boundary = new BoundarySearch(options);
  for (let step = boundary.ask(); ; step = boundary.ask()) {
    if (step.kind === "done") return step.answer;
    const { load, more } = step;
    boundary.tell(Array.from({ length: more }, () => (stream.chance(probabilityAt(load)) ? end : "comes-back")));
  }
}

const logistic = (middle: number, width: number) => (load: number) =>
  1 / (1 + Math.exp((middle - load) / (width * middle)));

describe("BoundarySearch", () => {
  test.each([0.03, 1, 7, 50])("finds a sharp boundary at %d within 5 %, from a load of 1", (at) => {
    const { outcome, isPrecise, load = 0, points } = search({}, (tried) => (tried >= at ? 1 : 0));
    expect({ outcome, isPrecise }).toEqual({ outcome: "found", isPrecise: true });
    expect(Math.abs(load / at - 1)).toBeLessThan(0.05);
    expect(points.every(({ replications }) => replications === 10)).toBe(true);
  });

  test("holds the crossing between its ends where the same load sometimes falls", () => {
    let held = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { below = 0, above = 0 } = search({ maximumReplications: 160 }, logistic(3, 0.02), { seed });
      if (below <= 3 && above >= 3) held++;
    }
    // Each of some eight loads is decided right with 95 %, those away from the boundary nearly always.
    expect(held).toBeGreaterThanOrEqual(34);
  });

  test("finds the load for another level", () => {
    const { below = 0, above = 0 } = search({ level: 0.1, maximumReplications: 320 }, logistic(3, 0.05));
    const exact = 3 - 0.05 * 3 * Math.log(9);
    expect(below).toBeLessThanOrEqual(exact * 1.01);
    expect(above).toBeGreaterThanOrEqual(exact * 0.99);
  });

  test("gives up at the ends of the loads it may try", () => {
    const bounds = { lowestLoad: 0.5, highestLoad: 4 };
    expect(search(bounds, () => 0)).toMatchObject({ outcome: "never-falls", isPrecise: false, below: 4 });
    expect(search(bounds, () => 1)).toMatchObject({ outcome: "always-falls", isPrecise: false, above: 0.5 });
  });

  test("climbs to 64 times its start at most", () => {
    expect(search({ startLoad: 2 }, () => 0)).toMatchObject({ outcome: "never-falls", below: 128 });
  });

  test("ends also where every load is undecided", () => {
    expect(search({ lowestLoad: 0.5, highestLoad: 4, maximumReplications: 20 }, () => 0.5)).toMatchObject({
      isPrecise: false,
    });
  });

  test("says the answer in words", () => {
    expect(boundarySentence(search({}, (load) => (load >= 2 ? 1 : 0)))).toMatch(
      /^from load [\d.]+ on \(1\.\d+ to 2(\.\d+)?\) the system stays down in 50 % of the runs$/,
    );
    expect(boundarySentence(search({}, (load) => (load >= 2 ? 1 : 0), { end: "collapses" }))).toMatch(
      /stays down in 50 % of the runs, without faults as well: it is too much for it$/,
    );
    expect(boundarySentence(search({}, () => 0))).toBe(
      "no boundary up to load 64, where the search ends: at none does the system stay down in 50 % of the runs",
    );
    expect(boundarySentence(search({ lowestLoad: 0.25 }, () => 1))).toBe(
      "no boundary down to load 0.25, where the search ends: at each the system stays down in 50 % of the runs or more",
    );
  });

  test.each([
    [{ level: 1 }, "level: 1 given"],
    [{ relativePrecision: 0 }, "relativePrecision: 0 given"],
    [{ startLoad: 5, highestLoad: 2 }, "startLoad: 5 given; must be from lowestLoad"],
    [{ maximumReplications: 9 }, "maximumReplications: 9 given"],
  ])("refuses %j", (options, message) => {
    expect(() => new BoundarySearch(options)).toThrow(message);
  });
});

test("without faults locateBoundary looks for collapse by itself", () => {
  const run = { seed: 1, durationMs: 20_000, warmupMs: 1000, faults: [] };
  const options = { startLoad: 0.8, maximumReplications: 10, relativePrecision: 0.9 };
  const { below = 0, above = 0 } = locateBoundary(stormSystem(60), run, options);
  // It needs a backlog by chance; mean-field theory's limit of 80.8/s is an upper bound of where it lasts.
  expect(below * 60).toBeGreaterThan(40);
  expect(above * 60).toBeLessThan(100);
});

test("a load that the system cannot bear counts as down, although its faults change nothing", () => {
  const system = singleStation(10, { serviceTime: constant(50), queueCapacity: 20 });
  const faults = [
    { kind: "crash", on: ["component:station"], inFlight: "fail", startMs: 15_000, durationMs: 100 },
  ] as const;
  const run = { seed: 1, durationMs: 46_000, warmupMs: 1000, stepMs: 1000, faults };
  const answer = locateBoundary(system, run, { startLoad: 3, maximumReplications: 10, relativePrecision: 0.9 });
  // It does 20/s, so that from 40/s on less than half is answered.
  expect(answer.outcome).toBe("found");
  expect(answer.above).toBeGreaterThan(3.9);
  expect(answer.above).toBeLessThan(8.1);
  expect(answer.points.at(-1)).toMatchObject({ probability: { value: 1 }, collapse: { value: 1 } });
});
