import { describe, expect, test } from "vitest";
import type { Distribution } from "./architecture.ts";
import { checkArchitecture } from "./check-architecture.ts";
import { link, singleStation } from "./scenario.ts";

const plain: Distribution = { kind: "gamma", meanMs: 10, cv: 1 };
const point = (upToMs: number, weight = 1) => ({ upToMs, weight });
const empirical = (...points: { upToMs: number; weight: number }[]): Partial<Distribution> => ({
  kind: "empirical",
  points,
});

function issuesOf(given: Partial<Distribution>) {
  return checkArchitecture(singleStation(10, { serviceTime: { ...plain, ...given } }), 1);
}

describe("durations that are refused", () => {
  test.each<[string, Partial<Distribution>, string, string]>([
    [
      "an unknown kind",
      { kind: "weibull" as "gamma" },
      "kind",
      'is "weibull"; allowed are constant, exponential, erlang',
    ],
    ["a mean below 0", { meanMs: -1 }, "meanMs", "is -1; allowed is 0 to 600000"],
    ["a mean that is no number", { meanMs: Number.NaN }, "meanMs", "is NaN; allowed is 0 to 600000"],
    ["a cv above 100", { cv: 101 }, "cv", "is 101; allowed is 0 to 100"],
    [
      "a hyperexponential calmer than an exponential",
      { kind: "hyperexponential", cv: 0.9 },
      "cv",
      "is 0.9; allowed is 1 to 100",
    ],
    ["a hyperexponential without a cv that is a number", { kind: "hyperexponential", cv: Number.NaN }, "cv", "is NaN"],
    ["an erlang wilder than an exponential", { kind: "erlang", cv: 1.1 }, "cv", "is 1.1; allowed is 0 to 1 "],
    ["an erlang with a cv below 0", { kind: "erlang", cv: -0.1 }, "cv", "is -0.1; allowed is 0 to 100"],
    ["a tail index of 0", { kind: "pareto", tailIndex: 0 }, "tailIndex", "is 0; allowed is 0.1 to 100"],
    ["a maximum at the mean", { kind: "pareto", maxMs: 10 }, "maxMs", "is 10; allowed is above the mean, which is 10"],
    ["a maximum beyond a week", { kind: "pareto", maxMs: 1e9 }, "maxMs", "is 1000000000; allowed is 0 to 600000000"],
    ["an empirical one without points", { kind: "empirical" }, "points", "has 0 points; allowed are 1 to 1000"],
    ["too many points", empirical(...Array.from({ length: 1001 }, (_, i) => point(i))), "points", "has 1001 points"],
    [
      "points that do not ascend",
      empirical(point(1), point(5), point(5)),
      "points",
      "has an upToMs of 5 at 2; allowed is above the one before it, which is 5",
    ],
    ["a point below 0", empirical(point(-1)), "points", "has an upToMs of -1 at 0; allowed is 0 to 600000000"],
    [
      "a weight below 0",
      empirical(point(1), point(2, -1)),
      "points",
      "has a weight of -1 at 1; allowed is 0 to 1000000000000",
    ],
    ["a weight that is no number", empirical(point(1, Number.NaN)), "points", "has a weight of NaN at 0"],
    ["weights that are all 0", empirical(point(1, 0), point(2, 0)), "points", "has only weights of 0"],
    ["points whose mean is too long", empirical(point(2_000_000)), "meanMs", "is 1000000; allowed is 0 to 600000"],
  ])("%s", (_name, given, field, message) => {
    const issues = issuesOf(given);
    expect(issues.map((issue) => [issue.component, issue.field])).toEqual([["station", `serviceTime.${field}`]]);
    expect(issues[0]?.message).toContain(`component "station": serviceTime.${field} ${message}`);
  });

  test("on a link with the link's name and its shorter limit", () => {
    const architecture = {
      ...singleStation(10, {}),
      links: [link("client", "station", { latency: { ...plain, meanMs: 60_001 } })],
    };
    expect(checkArchitecture(architecture, 1)).toEqual([
      {
        link: "client-station",
        field: "latency.meanMs",
        message: 'link "client-station": latency.meanMs is 60001; allowed is 0 to 60000',
      },
    ]);
  });
});

test("durations at the limits are accepted", () => {
  const good: Partial<Distribution>[] = [
    { kind: "hyperexponential", cv: 1 },
    { kind: "erlang", cv: 1 },
    { kind: "erlang", cv: 0 },
    { kind: "pareto" },
    { kind: "pareto", tailIndex: 0.1, maxMs: 6e8 },
    { kind: "pareto", meanMs: 0, maxMs: 0 },
    empirical(...Array.from({ length: 1000 }, (_, index) => point(index, index % 2))),
    { kind: "gamma", tailIndex: -1, maxMs: -1, points: [] },
  ];
  expect(good.map(issuesOf)).toEqual(good.map(() => []));
});
