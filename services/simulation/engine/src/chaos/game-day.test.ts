import { describe, expect, test } from "vitest";
import { type ChaosRecord, diffReports } from "./diff-reports.ts";
import { runChaosExperiment } from "./experiment.ts";
import { checkGameDay, type GameDay, planOfGameDay, readGameDay } from "./game-day.ts";
import { readAbortRule } from "./read-fault.ts";
import { stormSystem } from "./sample-system.ts";

const outage = { kind: "retry_storm", on: "link:client-api", at: "10s", for: "5s", abort: "errors>50% for 20s" };
const file = {
  version: 1,
  name: "Storm",
  duration: "60s",
  warmup: "1s",
  replications: 4,
  hypotheses: ["errors < 50%"],
  faults: [outage],
};

describe("readGameDay", () => {
  test("fills in what the file leaves out", () => {
    expect(readGameDay({ version: 1, faults: [outage] })).toEqual({
      version: 1,
      name: "Game day",
      set: [],
      load: 1,
      seed: 1,
      replications: 20,
      durationMs: 120_000,
      warmupMs: 1000,
      stepMs: 500,
      band: { errors: 0.05, latency: 0.5, goodput: 0.1, settleMs: 10_000 },
      hypotheses: [],
      faults: [
        {
          kind: "retry_storm",
          on: ["link:client-api"],
          startMs: 10_000,
          durationMs: 5000,
          abort: { figure: "errors", above: 0.5, forMs: 20_000 },
        },
      ],
    });
  });

  test("reads durations with their units, and delays in short", () => {
    const faults = [
      { kind: "latency", on: ["a", "b"], at: "1.5m", for: "500ms", ramp: "100ms", extra: "80ms" },
      { kind: "latency", on: "a", at: "1s", for: "1s", extra: { kind: "pareto", mean: "80ms", max: "2s" } },
      { kind: "retry_storm", on: "a", startMs: 1000, durationMs: 1000, backoff: "20ms", retries: 3 },
      { kind: "stampede", on: "w", at: "5s", requests: 10, jitter: "1s" },
    ];
    const [first, second, third, fourth] = readGameDay({
      version: 1,
      faults,
      band: { settle: "5s", errors: 0.1 },
    }).faults;
    expect(first).toMatchObject({
      startMs: 90_000,
      durationMs: 500,
      rampMs: 100,
      extra: { kind: "constant", meanMs: 80 },
    });
    expect(second).toMatchObject({ extra: { kind: "pareto", meanMs: 80, maxMs: 2000, cv: 1 } });
    expect(third).toMatchObject({ startMs: 1000, durationMs: 1000, backoffMs: 20, retries: 3 });
    expect(fourth).toMatchObject({ durationMs: 0, jitterMs: 1000 });
  });

  test("reads what errors say, hot keys, and the times of retransmissions and hedges", () => {
    const { faults } = readGameDay({
      version: 1,
      name: "a",
      faults: [
        { kind: "error", on: "a", at: "1s", for: "1s", ratio: 1, code: "not_found", isRetryable: true },
        { kind: "traffic_spike", on: ["w", "kind:cache"], at: "1s", for: "1s", skew: 1.5, hotShare: 0.3 },
        { kind: "packet_loss", on: "a", at: "1s", for: "1s", ratio: 0.1, retransmit: "100ms" },
        { kind: "brown_out", on: "a", at: "1s", for: "1s", factor: 2, hedgeAfter: "20ms" },
      ],
    });
    expect(faults).toMatchObject([
      { code: "not_found", isRetryable: true },
      { skew: 1.5, hotShare: 0.3 },
      { retransmitMs: 100 },
      { hedgeAfterMs: 20 },
    ]);
  });

  test("says everything that is wrong at once", () => {
    const wrong = {
      version: 2,
      lode: 1,
      duration: "60",
      replications: 0,
      hypotheses: ["p98<1s"],
      faults: [{ kind: "x" }, { ...outage, at: "10", abort: "bad" }],
    };
    expect(() => readGameDay(wrong)).toThrow(
      [
        "game day: lode is no field of it",
        "game day: version is 2; allowed is 1",
        `fault 1: kind is "x"; allowed are latency,`,
        `fault 2: at is "10"; write a number with a unit`,
        `fault 2: abort is "bad"; write a figure`,
        `there is no figure "p98"`,
        `game day: duration is "60"; write a number with a unit`,
        "game day: replications is 0; allowed are whole numbers from 1 to 10000",
      ].reduce((pattern, text) => new RegExp(`${pattern.source}.*${text.replace(/[()]/g, "\\$&")}`, "s"), /^/),
    );
  });

  test.each([[[]], ["text"], [null], [undefined]])("refuses %j", (data) => {
    expect(() => readGameDay(data)).toThrow("game day: allowed are fields (version, name,");
  });
});

test.each([
  ["errors>50% for 10s", { figure: "errors", above: 0.5, forMs: 10_000 }],
  ["errors > 0.2 for 500ms", { figure: "errors", above: 0.2, forMs: 500 }],
  ["p99>2s for 5s", { figure: "p99", above: 2000, forMs: 5000 }],
  ["inFlight>1000 for 1m", { figure: "inFlight", above: 1000, forMs: 60_000 }],
  ["p99>2 for 5s", undefined],
  ["errors>2s for 5s", undefined],
  ["errors>50%", undefined],
])("readAbortRule reads %j", (text, rule) => {
  expect(readAbortRule(text)).toEqual(rule);
});

describe("checkGameDay", () => {
  const system = stormSystem(10);
  const messages = (over: object): string => {
    return checkGameDay(readGameDay({ ...file, ...over }), system)
      .map(({ message }) => message)
      .join("\n");
  };

  test("finds nothing wrong with what can be run", () => {
    expect(messages({})).toBe("");
  });

  test.each([
    [{ faults: [] }, "faults are missing"],
    [
      { faults: [{ ...outage, at: "2s" }] },
      "the first fault begins at 2 s; allowed is from 3 s, for a baseline after the warm-up",
    ],
    [{ duration: "40s" }, "duration is 40 s; allowed is from 45 s, three times band.settle after the last fault"],
    [
      { faults: [{ ...outage, on: "link:api" }] },
      `fault "retry_storm": on names "link:api"; allowed are link:client-api`,
    ],
    [{ step: "1ms" }, "step is 1 ms; allowed is 3 ms"],
    [
      {
        faults: [1, 2].map((extra) => ({
          kind: "latency",
          on: "link:client-api",
          at: "10s",
          for: "5s",
          extra: `${extra}ms`,
        })),
      },
      `"latency" and "latency" both set the delay of link "client-api" at 10 s`,
    ],
  ])("refuses %j", (over, message) => {
    expect(messages(over)).toContain(message);
  });
});

describe("diffReports", () => {
  const record = (gameDay: GameDay, rate: number): ChaosRecord => {
    return { gameDay, ...runChaosExperiment(stormSystem(rate), planOfGameDay(gameDay)) };
  };
  const gameDay = readGameDay({ ...file, replications: 6 });
  const calm = record(gameDay, 10);
  const change = (difference: ReturnType<typeof diffReports>, label: string) =>
    difference.figures.find((figure) => figure.label === label)?.change;

  test("finds nothing between a result and its replay", () => {
    const difference = diffReports(calm, JSON.parse(JSON.stringify(record(gameDay, 10))));
    expect(difference.settings).toEqual([]);
    expect(new Set(difference.figures.map((figure) => figure.change))).toEqual(new Set(["same"]));
  });

  test("says what was set differently and what came of it", () => {
    const worse = {
      ...gameDay,
      name: "Worse",
      faults: gameDay.faults.map((fault) => ({ ...fault, durationMs: 8000 })),
    };
    const difference = diffReports(calm, record(worse, 40));
    expect(difference.settings).toEqual([
      { field: "name", before: '"Storm"', after: '"Worse"' },
      { field: "faults.0.durationMs", before: "5000", after: "8000" },
    ]);
    expect(change(difference, "P(recovered)")).toBe("worse");
    expect(change(difference, "P(metastable)")).toBe("worse");
    expect(change(difference, "P(degraded)")).toBe("same");
    expect(change(difference, "error ratio")).toBe("worse");
    expect(change(difference, "time to recover, median")).toBe("unclear");
  });
});
