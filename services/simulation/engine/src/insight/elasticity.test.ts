import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { ModelError } from "../model-error.ts";
import {
  closed,
  component,
  constant,
  constantRate,
  exponential,
  link,
  poisson,
  simulate,
  singleStation,
} from "../scenario.ts";
import { type ElasticityJudgement, judgeElasticity, type Objective } from "./elasticity.ts";
import { type ElasticityOptions, planElasticity } from "./elasticity-plan.ts";

interface Given extends ElasticityOptions {
  readonly replications?: number;
  readonly durationMs: number;
  readonly warmupMs?: number;
  readonly objective?: Objective;
}

function judge(architecture: Architecture, given: Given): ElasticityJudgement {
  const { replications = 20, durationMs, warmupMs = 0, objective, ...options } = given;
  const run = (one: Architecture) =>
    Array.from({ length: replications }, (_, index) => ({
      results: simulate(one, { seed: 70 + index, durationMs, warmupMs }).results(),
    }));
  const variants = planElasticity(architecture, options).map(({ architecture: changed, ...variant }) => ({
    variant,
    outcomes: run(changed),
  }));
  return judgeElasticity(run(architecture), variants, objective === undefined ? {} : { objective });
}

/** A station that is used more, in even steps, before one where chance makes requests wait. */
const evenThenNarrow: Architecture = {
  components: [
    component("client", "client"),
    component("even", "service", { serviceTime: constant(13.5) }),
    component("narrow", "database", { serviceTime: exponential(10) }),
  ],
  links: [link("client", "even"), link("client", "narrow")],
  workloads: [constantRate("client", 70)],
};

describe("elasticity of an M/M/1", () => {
  const standardErrors = 4 / 2.093;

  test.each([
    [0.5, 0.01, 0.03, 5000],
    [0.8, 0.01, 0.06, 10_000],
  ])("at a utilization of %f is the slope that theory gives", (utilization, speedStep, precision, requests) => {
    const rate = 100 * utilization;
    const { variants } = judge(singleStation(rate, { serviceTime: exponential(10) }), {
      changes: ["speed"],
      speedStep,
      warmupMs: 3000,
      durationMs: 3000 + (1000 * requests) / rate,
    });
    const { value = 0, high = 0 } = variants[0]?.elasticity ?? {};
    const slope = -1 / (1 - utilization);
    // A step of this size shows a little less than the slope.
    const exact = Math.log((100 - rate) / (100 * (1 + speedStep) - rate)) / Math.log(1 + speedStep);
    expect(exact / slope).toBeGreaterThan(0.98);
    expect(high - value).toBeLessThan(precision * Math.abs(slope));
    expect(Math.abs(value - exact)).toBeLessThan((high - value) * standardErrors);
  });
});

describe("judgeElasticity", () => {
  test("ranks the station that makes requests wait before the one with more utilization", () => {
    const judged = judge(evenThenNarrow, { changes: ["speed"], durationMs: 25_000, warmupMs: 3000 });
    expect(judged.objective).toBe("meanMs");
    expect(judged.variants.map(({ id, verdict }) => [id, verdict])).toEqual([
      ["narrow/speed", "better"],
      ["even/speed", "better"],
    ]);
    // The even one saves its 5 % of work and nothing else.
    expect(judged.variants[1]?.meanMs?.value).toBeCloseTo(13.5 / 1.05 - 13.5, 1);
    expect(judged.variants[0]?.message).toMatch(
      /^narrow 5\.0 % faster: mean latency 3\d(\.\d)? to \d+(\.\d)? ms \(-2\.\d+ ms, 95 % interval -2\.?\d* to -2\.?\d*\); p99 /,
    );
  });

  test("says that what nobody waits for makes no difference", () => {
    const architecture = {
      components: [
        component("client", "client"),
        component("api", "service", { concurrency: 50, serviceTime: exponential(10) }),
        component("audit", "service", { serviceTime: exponential(9) }),
      ],
      links: [link("client", "api"), link("client", "audit", { asynchronous: true })],
      workloads: [poisson("client", 100)],
    };
    const { variants } = judge(architecture, { changes: ["speed", "slot"], durationMs: 8000 });
    const verdicts = new Map(variants.map(({ id, verdict }) => [id, verdict]));
    expect(Object.fromEntries(verdicts)).toEqual({
      "api/speed": "better",
      "api/slot": "no difference",
      "audit/speed": "no difference",
      "audit/slot": "no difference",
    });
    expect(variants.find(({ id }) => id === "audit/slot")?.message).toMatch(
      /^1 more slot per instance of audit \(2 instead of 1\) makes no difference: mean latency /,
    );
  });

  test("ranks by gain per price, and what has no price after it", () => {
    const prices = { narrow: { instance: 100 }, even: { instance: 0.1 } };
    const given = { changes: ["speed", "instance"], durationMs: 15_000, warmupMs: 3000, prices } as const;
    const { variants } = judge({ ...evenThenNarrow, workloads: [poisson("client", 60)] }, given);
    expect(variants.map(({ id }) => id)).toEqual(["even/instance", "narrow/instance", "even/speed", "narrow/speed"]);
    expect(variants[0]?.message).toMatch(/; \d+(\.\d+)? % gained for 0\.1, \d+(\.\d+)? % per 1$/);
  });

  test("asks for fewer failures where requests fail, and counts what a pool lets through", () => {
    const shedding = singleStation(150, { serviceTime: exponential(10), queueCapacity: 5 });
    const { objective, variants } = judge(shedding, { changes: ["slot"], durationMs: 8000 });
    expect(objective).toBe("errorRatio");
    expect(variants[0]).toMatchObject({ verdict: "better", throughputPerSecond: { value: expect.closeTo(50, -1) } });
    expect(variants[0]?.message).toMatch(/: failed 3\d\.\d % to \d\.\d+ % \(-3\d(\.\d)? points, 95 % interval -3/);
    expect(variants[0]?.message).toContain("throughput");
  });

  test("measures the throughput of users who go round", () => {
    const architecture = {
      ...singleStation(1, { serviceTime: exponential(10) }),
      workloads: [closed("client", 20, 50)],
    };
    const given = { changes: ["instance"], objective: "throughputPerSecond", durationMs: 5000 } as const;
    const { variants } = judge(architecture, given);
    expect(variants[0]).toMatchObject({ verdict: "better", gain: { value: expect.closeTo(1, 0) } });
  });

  test("widens its intervals so that all of them hold together", () => {
    const { confidence, variants } = judge(evenThenNarrow, { replications: 2, durationMs: 1000 });
    expect(variants).toHaveLength(6);
    expect(confidence).toBeCloseTo(1 - 0.05 / 6, 12);
  });

  test("refuses runs that are no pairs, and single runs", () => {
    const results = (seed: number) => ({ results: simulate(evenThenNarrow, { seed, durationMs: 100 }).results() });
    const [first] = planElasticity(evenThenNarrow);
    const variant = first as NonNullable<typeof first>;
    const base = [results(1), results(2)];
    expect(() => judgeElasticity([results(1)], [])).toThrow("base: 1 replications given; at least 2 are needed");
    expect(() => judgeElasticity(base, [{ variant, outcomes: [results(1)] }])).toThrow(
      'variant "even/speed": 1 replications',
    );
    expect(() => judgeElasticity(base, [{ variant, outcomes: [results(1), results(3)] }])).toThrow(
      "seed 3 given; must be 2",
    );
  });
});

describe("planElasticity", () => {
  const keyed = { keys: 100, skew: 1, capacity: 10, policy: "lru", ttlMs: 0, singleFlight: false } as const;
  const architecture: Architecture = {
    components: [
      component("client", "client"),
      component("api", "service", { instances: 3, concurrency: 4, serviceTime: exponential(5) }),
      component("fixed", "cache", { hitRatio: 0.98 }),
      component("keyed", "cache", { cache: keyed }),
      component("full", "cache", { cache: { ...keyed, capacity: 100 } }),
    ],
    links: [link("client", "api"), link("api", "fixed"), link("fixed", "keyed"), link("keyed", "full")],
    workloads: [poisson("client", 1)],
  };
  const plan = planElasticity(architecture);
  const changed = (id: string) => {
    const variant = plan.find((one) => one.id === id);
    return variant?.architecture.components.find((one) => one.id === variant.component);
  };

  test("changes every component but the client by one step of whatever it has", () => {
    expect(plan.map(({ id }) => id)).toEqual([
      ...["api/speed", "api/instance", "api/slot"],
      ...["fixed/instance", "fixed/slot", "fixed/hits"],
      ...["keyed/instance", "keyed/slot", "keyed/capacity"],
      ...["full/instance", "full/slot"],
    ]);
    expect(changed("api/speed")?.serviceTime.meanMs).toBeCloseTo(5 / 1.05, 12);
    expect(changed("api/instance")).toMatchObject({ instances: 4, concurrency: 4 });
    expect(changed("api/slot")).toMatchObject({ instances: 3, concurrency: 5 });
    expect(changed("fixed/hits")?.hitRatio).toBe(1);
    expect(changed("keyed/capacity")?.cache?.capacity).toBe(13);
    expect(plan[1]).toMatchObject({
      capacityRatio: 4 / 3,
      sentence: "1 more instance of api (4 instead of 3)",
    });
  });

  test("keeps the shape of a service time that it shortens", () => {
    const points = [
      { upToMs: 10, weight: 1 },
      { upToMs: 20, weight: 3 },
    ];
    const [faster] = planElasticity(
      singleStation(1, { serviceTime: { kind: "empirical", meanMs: 0, cv: 0, points } }),
      {
        speedStep: 1,
      },
    );
    expect(faster?.architecture.components[1]?.serviceTime.points).toEqual([
      { upToMs: 5, weight: 1 },
      { upToMs: 10, weight: 3 },
    ]);
  });

  test("refuses options that make no sense, all at once", () => {
    const bad = { prices: { api: { slot: 0 }, nobody: {} }, speedStep: 2 };
    expect(() => planElasticity(architecture, bad)).toThrow(ModelError);
    expect(() => planElasticity(architecture, bad)).toThrow(
      'elasticity: the architecture has no component "nobody"; component "api": prices.slot is 0; allowed is a number above 0; ' +
        "speedStep is 2; allowed is 0.001 to 1",
    );
  });
});

describe("planElasticity of shared cores and connections", () => {
  const architecture: Architecture = {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: 64, cpus: 1.5, serviceTime: exponential(5) }),
      component("db", "database", { serviceTime: exponential(5) }),
      component("scaled", "service", {
        instances: 2,
        serviceTime: exponential(5),
        autoscaler: { minInstances: 2, maxInstances: 4, targetUtilization: 0.5 },
      }),
    ],
    links: [link("client", "api"), link("api", "db", { maxConnections: 4 }), link("api", "scaled")],
    workloads: [poisson("client", 1)],
  };
  const plan = planElasticity(architecture);
  const variant = (id: string) => plan.find((one) => one.id === id);

  test("adds a core, which is what there is more of, and a slot, which is not", () => {
    expect(variant("api/core")).toMatchObject({
      capacityRatio: 2.5 / 1.5,
      sentence: expect.stringContaining("2.5 instead"),
    });
    expect(variant("api/core")?.architecture.components[1]?.cpus).toBe(2.5);
    expect(variant("api/slot")?.capacityRatio).toBeUndefined();
    expect(variant("db/core")).toBeUndefined();
  });

  test("adds a connection to who is called through a pool, and changes nothing else", () => {
    const changed = variant("db/connection");
    expect(changed).toMatchObject({ component: "db", capacityRatio: 5 / 4 });
    expect(changed?.architecture.links.map(({ maxConnections }) => maxConnections)).toEqual([undefined, 5, undefined]);
    expect(changed?.architecture.components).toEqual(architecture.components);
    expect(variant("scaled/connection")).toBeUndefined();
  });

  test("lets an autoscaler keep the instance that was added", () => {
    const scaled = variant("scaled/instance")?.architecture.components[3];
    expect(scaled).toMatchObject({ instances: 3, autoscaler: { minInstances: 3, maxInstances: 5 } });
  });

  test("plans only what can be run", () => {
    for (const { architecture: changed } of plan) expect(() => compileModel(changed)).not.toThrow();
  });
});
