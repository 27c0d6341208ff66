import { describe, test } from "vitest";
import type { Distribution } from "./architecture.ts";
import { momentsOf } from "./distribution-moments.ts";
import { expectMean, replicate } from "./replications.ts";
import { resultsOfComponent, singleStation } from "./scenario.ts";

const points = [
  { upToMs: 5, weight: 60 },
  { upToMs: 10, weight: 15 },
  { upToMs: 40, weight: 25 },
];

/** Expected: utilization × mean × (1 + cv²) ÷ (2 × (1 - utilization)), by hand where theory gives the cv. */
const cases: readonly (readonly [
  string,
  Distribution,
  number | "its moments",
  { requests: number; precision: number },
])[] = [
  ["Erlang of 4 stages", { kind: "erlang", meanMs: 10, cv: 0.5 }, 25, { requests: 20_000, precision: 0.02 }],
  ["gamma of cv² 4", { kind: "gamma", meanMs: 10, cv: 2 }, 100, { requests: 20_000, precision: 0.04 }],
  [
    "lognormal of cv² 10",
    { kind: "lognormal", meanMs: 10, cv: Math.sqrt(10) },
    220,
    { requests: 40_000, precision: 0.06 },
  ],
  [
    "hyperexponential of cv² 4",
    { kind: "hyperexponential", meanMs: 10, cv: 2 },
    100,
    { requests: 20_000, precision: 0.04 },
  ],
  [
    "bounded Pareto",
    { kind: "pareto", meanMs: 10, cv: 1, tailIndex: 1.5, maxMs: 200 },
    "its moments",
    { requests: 20_000, precision: 0.04 },
  ],
  ["empirical", { kind: "empirical", meanMs: 0, cv: 0, points }, "its moments", { requests: 20_000, precision: 0.04 }],
];

describe("M/G/1 at 80 %", () => {
  test.each(cases)(
    "waits as Pollaczek and Khinchine say with %s",
    (_name, serviceTime, given, { requests, precision }) => {
      const { meanMs, cv } = momentsOf(serviceTime);
      const waitMs = given === "its moments" ? (0.8 * meanMs * (1 + cv ** 2)) / (2 * (1 - 0.8)) : given;
      const ratePerSecond = 800 / meanMs;
      const runs = replicate(singleStation(ratePerSecond, { serviceTime }), {
        requests,
        warmupSeconds: 15,
        ratePerSecond,
      });
      expectMean(runs, (run) => resultsOfComponent(run, "station").waitMeanMs, waitMs, { precision });
      expectMean(runs, (run) => resultsOfComponent(run, "station").utilization, 0.8, { precision: 0.01 });
    },
  );
});
