import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link, Workload } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { expectMean, replicate } from "../replications.ts";
import { component, constant, exponential, link, poisson, resultsOfComponent, singleStation } from "../scenario.ts";
import { analyze } from "./network.ts";

const analyzed = (architecture: Architecture) => analyze(compileModel(architecture));
const lognormal = (meanMs: number, cv: number) => ({ kind: "lognormal" as const, meanMs, cv });

function station(ratePerSecond: number, of: Partial<Component>, by: Partial<Link> = {}): Architecture {
  return { ...singleStation(ratePerSecond, of), links: [link("client", "station", by)] };
}

/** End to end, and the use and wait of the station, against 20 replications. */
function expectAgreement(architecture: Architecture, ratePerSecond: number, precision: number, bias = 0): void {
  const runs = replicate(architecture, { requests: 2000, ratePerSecond, warmupSeconds: 2 });
  const { latencyMeanMs, components } = analyzed(architecture);
  expect(latencyMeanMs.valid).toBe(true);
  expectMean(runs, (run) => run.latency.meanMs, latencyMeanMs.value, { precision, bias });
  const [theory] = components;
  const of = (run: (typeof runs)[number]) => resultsOfComponent(run, theory?.id ?? "");
  expectMean(runs, (run) => of(run).utilization, theory?.utilization.value ?? 0, { precision, bias });
  const waitMs = theory?.waitMeanMs.value ?? 0;
  if (waitMs > 0.1) expectMean(runs, (run) => of(run).waitMeanMs, waitMs, { precision: 5 * precision, bias: 3 * bias });
}

describe("cores that are shared", () => {
  test("make a request last S ÷ (1 - ρ), whatever the distribution of its work", () => {
    for (const serviceTime of [exponential(10), constant(10), lognormal(10, 2)]) {
      const { latencyMeanMs } = analyzed(station(70, { cpus: 1, concurrency: 1000, serviceTime }));
      expect(latencyMeanMs.value).toBeCloseTo(10 / 0.3, 6);
    }
  });

  test.each<[string, number, Partial<Component>, number]>([
    ["one core, uneven work, many slots", 70, { cpus: 1, concurrency: 1000, serviceTime: lognormal(10, 2) }, 0],
    ["half a core", 30, { cpus: 0.5, concurrency: 1000, serviceTime: exponential(10) }, 0],
    ["three cores, constant work", 240, { cpus: 3, concurrency: 1000, serviceTime: constant(10) }, 0],
    ["one and a half cores", 110, { cpus: 1.5, concurrency: 1000, serviceTime: exponential(10) }, 0],
    ["fewer slots than requests", 70, { cpus: 1, concurrency: 3, serviceTime: exponential(10) }, 0],
    ["two instances of random choice", 130, { cpus: 1, concurrency: 99, instances: 2, balancing: "random" }, 0],
  ])("agree with the engine: %s", (_, ratePerSecond, of, bias) => {
    expectAgreement(station(ratePerSecond, { serviceTime: exponential(10), ...of }), ratePerSecond, 0.05, bias);
  });

  test("saturate when all cores work, not when all slots are held", () => {
    const { maximumRatePerSecond, components } = analyzed(
      station(50, { cpus: 2, concurrency: 64, serviceTime: exponential(10) }),
    );
    expect(maximumRatePerSecond.value).toBeCloseTo(200, 4);
    expect(components[0]?.offeredLoad).toEqual({ value: expect.closeTo(0.25, 9), valid: true });
    expect(components[0]?.station).toBe("one station of 2 shared cores for 64 slots");
  });

  test("say nothing where every slot has a core", () => {
    const plain = { concurrency: 4, serviceTime: exponential(10) };
    expect(analyzed(station(300, { ...plain, cpus: 4 }))).toEqual(analyzed(station(300, plain)));
  });
});

describe("what differs between requests", () => {
  const two = (of: Partial<Component>, workloads: readonly [Partial<Workload>, Partial<Workload>]): Architecture => ({
    components: [component("a", "client"), component("b", "client"), component("station", "service", of)],
    links: [link("a", "station"), link("b", "station")],
    workloads: [
      { ...poisson("a", 30), ...workloads[0] },
      { ...poisson("b", 40), ...workloads[1] },
    ],
  });

  test("makes one station of mixed work", () => {
    expectAgreement(two({ serviceTime: exponential(10) }, [{ workFactor: 0.4 }, { workFactor: 1.5 }]), 70, 0.05);
  });

  test.each<[string, Partial<Component>, number]>([
    ["one slot", { serviceTime: exponential(10) }, 1.6],
    ["four slots", { serviceTime: exponential(40), concurrency: 4 }, 1],
  ])("gives every priority its own wait: %s", (_, of, workFactor) => {
    const architecture = two({ ...of, discipline: "priority" }, [{ priority: 3, workFactor }, { priority: 1 }]);
    const runs = replicate(architecture, { requests: 3000, ratePerSecond: 70, warmupSeconds: 2 });
    const { components, latencyMeanMs } = analyzed(architecture);
    const waits = components[0]?.waitsByPriority ?? [];
    expect(waits.map(({ priority }) => priority)).toEqual([1, 3]);
    const workMs = architecture.components[2]?.serviceTime.meanMs ?? 0;
    const [first, second] = waits.map(({ waitMeanMs }) => waitMeanMs.value);
    const latency = (id: string) => (run: (typeof runs)[number]) => resultsOfComponent(run, id).latency.meanMs;
    expectMean(runs, latency("b"), (first ?? 0) + workMs, { precision: 0.03 });
    expectMean(runs, latency("a"), (second ?? 0) + workMs * workFactor, { precision: 0.09 });
    expectMean(runs, (run) => run.latency.meanMs, latencyMeanMs.value, { precision: 0.08 });
  });

  test("sends writes to the primary alone", () => {
    const of = { instances: 3, readWriteSplit: true, serviceTime: exponential(10), balancing: "random" as const };
    const architecture = {
      ...singleStation(130, {}),
      components: [component("client", "client"), component("station", "database", of)],
      workloads: [{ ...poisson("client", 130), writeShare: 0.6 }],
    };
    // 78/s at the primary and 26/s at each of two replicas.
    expect(analyzed(architecture).components[0]?.offeredLoad.value).toBeCloseTo(0.78, 9);
    expect(analyzed(architecture).maximumRatePerSecond.value).toBeCloseTo(100 / 0.6, 3);
    expectAgreement(architecture, 130, 0.05);
  });

  test("fills the instance with the largest weight first", () => {
    const of = {
      instances: 3,
      balancing: "weighted" as const,
      instanceWeights: [2, 1, 1],
      serviceTime: exponential(10),
    };
    expect(analyzed(station(100, of)).maximumRatePerSecond.value).toBeCloseTo(200, 3);
    expectAgreement(station(140, of), 140, 0.04);
  });
});

describe("what a link limits", () => {
  test.each<[string, Partial<Component>, Partial<Link>, number]>([
    ["two connections to many slots (M/M/2)", { concurrency: 50 }, { maxConnections: 2 }, 150],
    [
      "as many connections as slots, over a network",
      { concurrency: 3 },
      { maxConnections: 3, latency: constant(4) },
      150,
    ],
    ["more connections than slots", { concurrency: 1 }, { maxConnections: 3 }, 75],
  ])("agrees with the engine: %s", (_, of, by, ratePerSecond) => {
    expectAgreement(station(ratePerSecond, { serviceTime: exponential(10), ...of }, by), ratePerSecond, 0.04, 0.03);
  });

  test("bounds the rate by its connections, and names who is called through them", () => {
    const { maximumRatePerSecond, limitingComponent } = analyzed(
      station(50, { concurrency: 50, serviceTime: exponential(10) }, { maxConnections: 2, latency: constant(10) }),
    );
    expect(maximumRatePerSecond.value).toBeCloseTo(100, 3);
    expect(limitingComponent).toBe("station");
  });

  test("counts transfers and their queue", () => {
    // 10 kB take 8 ms at 10 Mbit/s, and 80 % of the time is used on the way back.
    const by = { bandwidthMbps: 10, requestKb: 1, answerKb: 10 };
    expect(analyzed(station(100, {}, by)).latencyMeanMs.value).toBeCloseTo(
      0.8 + 8 + (0.8 * 0.08) / 2 / 0.92 + 8 * 2,
      3,
    );
    expectAgreement(station(100, { serviceTime: constant(0.001), concurrency: 99 }, by), 100, 0.04);
  });
});

describe("what no formula covers", () => {
  const busy = { serviceTime: exponential(10), instances: 2 };
  const failing = { ...busy, errorRatio: 0.3 };
  test.each<[string, Partial<Component>, Partial<Link>, RegExp, "rates" | "waits" | "capacity"]>([
    ["a rate limit", { ...busy, rateLimit: { perSecond: 120, burst: 5 } }, {}, /rate limit of 120\/s refuses/, "rates"],
    [
      "an autoscaler",
      { ...busy, autoscaler: { minInstances: 1, maxInstances: 9, targetUtilization: 0.5 } },
      {},
      /computed with 2 instances/,
      "capacity",
    ],
    ["hashing", { ...busy, balancing: "consistent_hash" }, {}, /unequal shares of the sessions/, "capacity"],
    ["losses", busy, { lossRatio: 0.01, timeoutMs: 500 }, /1 % of its messages are lost/, "rates"],
    ["hedges", busy, { hedgeAfterMs: 20 }, /% of its calls would be hedged/, "rates"],
    ["a breaker", failing, { breaker: { failures: 3, openMs: 1000 } }, /breakers would be open \d/, "rates"],
    [
      "a budget",
      failing,
      { retries: 3, retryBudget: { ratio: 0.1, scope: "client" } },
      /exceed its budget of 0.1/,
      "rates",
    ],
  ])("is said, and its figures are marked: %s", (_, of, by, sentence, what) => {
    const { assumptions, components, throughputPerSecond, latencyMeanMs } = analyzed(station(110, of, by));
    expect(assumptions).toContainEqual(expect.stringMatching(sentence));
    expect(latencyMeanMs.valid).toBe(false);
    expect(components[0]?.waitMeanMs.valid).toBe(false);
    expect(components[0]?.offeredLoad.valid).toBe(what === "waits");
    expect(throughputPerSecond.valid).toBe(what !== "rates");
  });

  test("locked rows and expired work are said as well", () => {
    const of = { serviceTime: exponential(10), locks: { keys: 5, skew: 1, share: 0.5 }, dropsExpired: true };
    const given = {
      ...singleStation(80, {}),
      components: [component("client", "client"), component("station", "database", of)],
      workloads: [{ ...poisson("client", 80), deadlineMs: 60 }],
    };
    const { assumptions, latencyMeanMs } = analyzed(given);
    expect(assumptions.join("\n")).toMatch(/waits for its 5 locked rows are left out[\s\S]*deadline has passed/);
    expect(latencyMeanMs.valid).toBe(false);
  });

  test.each<[string, Partial<Component>, Partial<Link>]>([
    ["a rate limit far above the load", { ...busy, rateLimit: { perSecond: 1000, burst: 5 } }, {}],
    ["a breaker that sees no failures", busy, { breaker: { failures: 5, openMs: 1000 } }],
    ["a hedge long after the answer", busy, { hedgeAfterMs: 2000 }],
    ["a budget that is never used up", busy, { retries: 2, retryBudget: { ratio: 0.2, scope: "tier" } }],
  ])("is not mentioned where it changes nothing: %s", (_, of, by) => {
    expect(analyzed(station(110, of, by))).toEqual(analyzed(station(110, busy, {})));
  });
});

describe("calls that hardly ever fail", () => {
  test("are made all the same: one of 10 ms, a timeout of 200 ms, three retries", () => {
    const { components } = analyzed(
      station(50, { serviceTime: exponential(10), concurrency: 64 }, { timeoutMs: 200, retries: 3 }),
    );
    expect(components[0]?.arrivalsPerSecond.value).toBeCloseTo(50, 6);
  });

  test.each([0, 1])("stop at the first when all fail, and are all made when none does: %i", (errorRatio) => {
    const given = station(10, { errorRatio }, { callsPerRequest: 2.5 });
    expect(analyzed(given).components[0]?.arrivalsPerSecond.value).toBeCloseTo(errorRatio === 1 ? 10 : 25, 9);
    const rarely = station(10, { errorRatio }, { callsPerRequest: 0.4 });
    expect(analyzed(rarely).components[0]?.arrivalsPerSecond.value).toBeCloseTo(4, 9);
  });
});
