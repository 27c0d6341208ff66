import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import type { Results } from "../results.ts";
import {
  component,
  constant,
  constantRate,
  exponential,
  link,
  poisson,
  resultsOfComponent,
  simulate,
  singleStation,
} from "../scenario.ts";
import { type ElasticityOptions, planElasticity } from "./elasticity-plan.ts";
import { explain, type Insight, type InsightInput, type Limit, limitSentence } from "./explain.ts";
import { sampleQueues } from "./saturation.ts";

const seeds = Array.from({ length: 8 }, (_, index) => 30 + index);
const run = { durationMs: 22_000, warmupMs: 2000 };

type Runs = readonly { readonly results: Results }[];
/** The base of several tests is the same. */
const runsOf = new Map<Architecture, Runs>();

function baseOf(architecture: Architecture): Runs {
  const known = runsOf.get(architecture);
  if (known !== undefined) return known;
  const runs = replicate(architecture);
  runsOf.set(architecture, runs);
  return runs;
}

function replicate(architecture: Architecture): Runs {
  return seeds.map((seed) => ({ results: simulate(architecture, { seed, ...run }).results() }));
}

function explained(
  architecture: Architecture,
  plan: ElasticityOptions | "no variants",
  rest: Partial<InsightInput> = {},
): Insight {
  const variants = plan === "no variants" ? [] : planElasticity(architecture, plan);
  return explain({
    architecture,
    base: baseOf(architecture),
    queues: seeds.slice(0, 3).map((seed) => sampleQueues(architecture, { seed, ...run, load: 1 })),
    variants: variants.map(({ architecture: changed, ...variant }) => ({ variant, outcomes: baseOf(changed) })),
    ...rest,
  });
}

/** 94.5 % in even steps, before 70 % where chance makes requests wait. */
const evenThenNarrow: Architecture = {
  components: [
    component("client", "client"),
    component("even", "service", { serviceTime: constant(13.5) }),
    component("narrow", "database", { serviceTime: exponential(10) }),
  ],
  links: [link("client", "even"), link("client", "narrow")],
  workloads: [constantRate("client", 70)],
};

const overloaded: Architecture = {
  components: [
    component("client", "client"),
    component("api", "service", { concurrency: 20, serviceTime: exponential(2) }),
    component("db", "database", { serviceTime: exponential(10) }),
  ],
  links: [link("client", "api", { timeoutMs: 1000, retries: 2 }), link("api", "db")],
  workloads: [poisson("client", 60)],
};

function expectPlainSentences({ evidence }: Insight): void {
  for (const sentence of evidence) {
    expect(sentence).toMatch(/\d/);
    expect(sentence).not.toMatch(
      /\b(may|might|could|probably|likely|perhaps|possibly|seems?|appears?|NaN|undefined)\b/,
    );
  }
}

describe("explain, where the component with the highest utilization is not the one that limits", () => {
  test("names by elasticity the one that makes requests wait, and says what the other would gain", () => {
    const insight = explained(evenThenNarrow, { changes: ["speed"] });
    const results = simulate(evenThenNarrow, { seed: 1, ...run }).results();
    const [even, narrow] = ["even", "narrow"].map((id) => resultsOfComponent(results, id).utilization);
    expect(even).toBeGreaterThan((narrow ?? 0) + 0.2);
    expect(insight.limit).toMatchObject({ component: "narrow", by: "elasticity" });
    expect(insight.buy).toMatchObject({ id: "narrow/speed", verdict: "better" });
    expect(insight.evidence).toContainEqual(
      expect.stringMatching(
        /^even is used more \(94\.\d % against [67]\d\.\d %\), but requests spend 0\.0 % of their time in its queues, and its best change of capacity gains [12]\.\d %$/,
      ),
    );
    expectPlainSentences(insight);
  });

  test("names it by its queue when no variant was run", () => {
    const insight = explained(evenThenNarrow, "no variants");
    expect(insight.limit).toMatchObject({ component: "narrow", by: "waiting" });
    expect(insight.elasticity).toBeUndefined();
    expect(insight.buy).toBeUndefined();
    expectPlainSentences(insight);
  });
});

describe("explain", () => {
  test("names the saturated callee, not the callers that wait for it, and what to buy", () => {
    const prices = { db: { instance: 300 }, api: { instance: 50 } };
    const insight = explained(overloaded, { changes: ["instance"], prices }, { objective: "errorRatio", load: 1 });
    const stormy = explained({ ...overloaded, workloads: [poisson("client", 130)] }, { changes: ["instance"], prices });
    expect(insight.limit).toMatchObject({ component: "db" });
    expect(stormy.limit).toMatchObject({ component: "db", by: "saturation" });
    expect(stormy.saturation.saturated).toEqual(["db", "api"]);
    expect(stormy.buy).toMatchObject({ id: "db/instance", price: 300 });
    expect(stormy.evidence[0]).toMatch(/^db is saturated: its slot \d+\.\d % held, /);
    expect(stormy.evidence).toContainEqual(
      expect.stringMatching(/^to buy: 1 more instance of db \(2 instead of 1\): /),
    );
    expect(stormy.evidence).toContainEqual(
      expect.stringMatching(/^db: callers give up after 1000 ms and a storm brings 3 /),
    );
    expectPlainSentences(stormy);
    expectPlainSentences(insight);
  });

  test("falls back on demand where nobody waits, with the load it bears", () => {
    const roomy = singleStation(50, { concurrency: 10, serviceTime: exponential(10) });
    const insight = explained(roomy, "no variants");
    expect(insight.limit).toMatchObject({ component: "station", by: "demand" });
    expect((insight.limit?.headroom ?? 0) / 20).toBeCloseTo(1, 1);
    expect(insight.evidence[0]).toBe(insight.spare?.message);
    expect(insight.stability).toMatchObject({ kind: "not applicable" });
  });

  test("says first that nothing limits a system that is mostly free, and then only what would come next", () => {
    const roomy = singleStation(50, { concurrency: 10, serviceTime: exponential(10) });
    const { spare, buy, elasticity, evidence } = explained(roomy, { changes: ["speed"] });
    expect(spare).toMatchObject({ component: "station", fullAt: "station" });
    expect(spare?.utilization).toBeCloseTo(0.05, 2);
    expect(spare?.message).toMatch(
      /^nothing limits this system at 50(\.\d)?\/s: the busiest is station at [45]\.\d %, 100\.0 % of the answers are good and in time, and about (19|20|21) times the load fits$/,
    );
    expect(spare?.next).toEqual([
      expect.stringMatching(/^for more load: station is full first, at about (19|20|21) times this load \(\d+\/s\)$/),
      expect.stringMatching(/^for faster answers: station 5\.0 % faster: /),
    ]);
    expect(elasticity?.variants[0]?.verdict).toBe("better");
    expect(buy).toBeUndefined();
    expect(evidence.join()).not.toContain("to buy");
  });

  test.each([
    ["is half full", singleStation(50, { concurrency: 1, serviceTime: constant(10.5) })],
    ["makes requests wait", singleStation(30, { concurrency: 1, serviceTime: exponential(10) })],
    ["fails", singleStation(50, { concurrency: 10, serviceTime: exponential(10), errorRatio: 0.05 })],
    [
      "answers too late",
      {
        ...singleStation(50, { concurrency: 10, serviceTime: exponential(10) }),
        workloads: [{ ...poisson("client", 50), deadlineMs: 30 }],
      },
    ],
    [
      "makes callers wait for connections",
      {
        ...singleStation(100, { concurrency: 50, serviceTime: exponential(10) }),
        links: [link("client", "station", { maxConnections: 2 })],
      },
    ],
    ["is overloaded", overloaded],
  ])("does not say that nothing limits a system that %s", (_what, architecture) => {
    expect(explained(architecture, "no variants").spare).toBeUndefined();
  });

  test("says that nothing limits a system without load", () => {
    const insight = explained(singleStation(0, {}), "no variants");
    expect(insight.limit).toBeUndefined();
    expect(insight.evidence).toEqual(["no slot was held at 0 requests/s: nothing limits"]);
  });

  test("passes on where the slowest requests spent their time", () => {
    const tail = [
      { component: "narrow", part: "queue", share: 0.7, low: 0.6, high: 0.8 },
      { component: "even", part: "service", share: 0.3 },
    ];
    const insight = explained(evenThenNarrow, "no variants", { tail });
    expect(insight.tail).toBe(tail);
    expect(insight.evidence).toContain(
      "the slowest requests spend 70.0 % of their time at narrow (queue) (95 % interval 60.0 % to 80.0 %)",
    );
  });

  test("says where callers wait for connections, which is in nobody's queue", () => {
    const given = { concurrency: 50, serviceTime: exponential(10) };
    const pooled = { ...singleStation(180, given), links: [link("client", "station", { maxConnections: 2 })] };
    const { evidence } = explained(pooled, "no variants");
    expect(evidence).toContainEqual(
      expect.stringMatching(/^[\d.]+ calls from client wait for a connection on average, [4-9]\d\.\d % of the time/),
    );
  });

  test("does not say of what only takes long that it limits how much passes", () => {
    const insight = explained(singleStation(5, { concurrency: 10, serviceTime: constant(20) }), { changes: ["speed"] });
    expect(insight.limit).toMatchObject({ component: "station", by: "elasticity" });
    expect(limitSentence(insight.limit as Limit)).toMatch(/^station sets how long requests take/);
    expect(limitSentence({ ...(insight.limit as Limit), utilization: 0.9 })).toMatch(/^station limits: its capacity/);
  });

  test("is plain data, ready for JSON", () => {
    const insight = explained(evenThenNarrow, { changes: ["slot"] });
    expect(JSON.parse(JSON.stringify(insight))).toEqual(insight);
  });
});
