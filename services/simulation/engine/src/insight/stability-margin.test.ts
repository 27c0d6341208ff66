import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { closed, component, exponential, link, poisson, simulate } from "../scenario.ts";
import { stabilityMargin } from "./stability-margin.ts";

/** One exponential slot of 100/s, timeout 200 ms. */
function station(ratePerSecond: number, given: Partial<Link> = {}, of: Partial<Component> = {}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("station", "service", { serviceTime: exponential(10), ...of }),
    ],
    links: [link("client", "station", { timeoutMs: 200, ...given })],
    workloads: [poisson("client", ratePerSecond)],
  };
}

function marginsOf(architecture: Architecture) {
  const margin = stabilityMargin(compileModel(architecture));
  if (margin.kind === "not applicable") throw new Error(margin.reason);
  return margin;
}

describe("stabilityMargin", () => {
  test.each([
    [10, 3, 6.3],
    [15, 3, 14.5],
    [20, 3, 39],
    [22, 3, 71.7],
    [50, 0, 9.6],
    [80, 0, 39],
  ])(
    "predicts the recovery of %i requests/s with %i retries from 10 s without service: %f s",
    (rate, retries, seconds) => {
      const [first] = marginsOf(station(rate, { retries })).components;
      expect(first?.amplification).toBeCloseTo(retries + 1, 6);
      expect(first?.boundaryPerSecond).toBeCloseTo(100 / (retries + 1), 4);
      expect(first?.loadToBoundary).toBeCloseTo((rate * (retries + 1)) / 100, 6);
      expect((first?.recoveryMs ?? 0) / 1000).toBeCloseTo(seconds, 1);
      expect(first?.message).toMatch(/an outage of 10 s is over \d+(\.\d+)? s after its end$/);
    },
  );

  test("says that a storm above the boundary never ends, and by when it begins by itself", () => {
    const { components, assumptions } = marginsOf(station(30, { retries: 3 }));
    expect(components[0]).toMatchObject({ loadToBoundary: expect.closeTo(1.2, 4) });
    expect(components[0]?.recoveryMs).toBeUndefined();
    expect(components[0]?.message).toContain("never ends by itself: 30 requests/s are 120.0 % of the boundary");
    expect(components[0]?.spontaneousPerSecond).toBeCloseTo(80.8, 0);
    expect(assumptions[0]).toContain("The work of an expired attempt goes on");
  });

  test.each([
    ["every", [200, 200, 200], 64],
    ["the last", [0, 0, 200], 64],
    ["the middle", [0, 200, 0], 16],
    ["the first", [200, 0, 0], 4],
  ])("multiplies the retries of three layers above a timeout on %s link", (_, timeouts, amplification) => {
    const [first = 0, second = 0, third = 0] = timeouts;
    const { components } = marginsOf({
      components: [
        component("client", "client"),
        component("a", "service", { concurrency: 100 }),
        component("b", "service", { concurrency: 100 }),
        component("c", "service", { serviceTime: exponential(10) }),
      ],
      links: [
        link("client", "a", { retries: 3, timeoutMs: first }),
        link("a", "b", { retries: 3, timeoutMs: second }),
        link("b", "c", { retries: 3, timeoutMs: third }),
      ],
      workloads: [poisson("client", 1)],
    });
    const c = components.find((one) => one.component === "c");
    expect(c?.amplification).toBeCloseTo(amplification, 6);
    expect(c?.boundaryPerSecond).toBeCloseTo(100 / amplification, 4);
  });

  test("counts one of several sequential calls in a storm, and all of parallel ones", () => {
    const calls = { retries: 3, callsPerRequest: 2 };
    expect(marginsOf(station(5, calls)).components[0]?.amplification).toBeCloseTo(2, 6);
    const { components, ...rest } = station(5, calls);
    const parallel = components.map((one) => ({ ...one, fanOut: "parallel" as const }));
    expect(marginsOf({ ...rest, components: parallel }).components[0]?.amplification).toBeCloseTo(4, 6);
  });

  test("counts the calls that a cache lets through", () => {
    const cached = {
      components: [
        component("client", "client"),
        component("cache", "cache", { concurrency: 100, hitRatio: 0.75 }),
        component("db", "database", { serviceTime: exponential(10) }),
      ],
      links: [link("client", "cache"), link("cache", "db", { timeoutMs: 200, retries: 1 })],
      workloads: [poisson("client", 10)],
    };
    expect(marginsOf(cached).components[0]?.boundaryPerSecond).toBeCloseTo(200, 3);
  });

  test("does not apply without timeouts, and says how many links retry all the same", () => {
    const margin = stabilityMargin(compileModel(station(50, { timeoutMs: 0, retries: 2 })));
    expect(margin).toMatchObject({ kind: "not applicable" });
    expect(margin).toHaveProperty(
      "reason",
      expect.stringMatching(/^0 of 1 links have a timeout \(1 retry, on failed answers/),
    );
  });

  test("does not apply to users who wait for their answers", () => {
    const architecture = { ...station(1, { retries: 3 }), workloads: [closed("client", 10, 100)] };
    expect(stabilityMargin(compileModel(architecture))).toHaveProperty(
      "reason",
      expect.stringMatching(/^0 requests\/s/),
    );
  });

  test.each([
    ["a queue that is answered in time", { queueCapacity: 15 }, /15 places per instance\) is answered within 160 ms/],
    ["the newest first", { discipline: "lifo" }, /serves the newest first/],
    [
      "a rate limit below the capacity",
      { rateLimit: { perSecond: 90, burst: 5 } },
      /lets 90\/s in and can do 100\/s, .* over 88 s later at the latest/,
    ],
  ] as const)("does not apply to %s", (_, of, reason) => {
    const margin = stabilityMargin(compileModel(station(50, { retries: 3 }, of)));
    expect(margin).toHaveProperty("reason", expect.stringMatching(reason));
  });
});

describe("stabilityMargin with what stops storms", () => {
  test("bounds the amplification by 1 + the ratio of a budget, and says so", () => {
    const budget = { ratio: 0.2, scope: "client" as const };
    const { components, assumptions } = marginsOf(station(50, { retries: 3, retryBudget: budget }));
    expect(components[0]?.amplification).toBeCloseTo(1.2, 6);
    expect(components[0]?.boundaryPerSecond).toBeCloseTo(100 / 1.2, 4);
    expect(assumptions).toContainEqual(expect.stringMatching(/budget bounds attempts at 1.2 per call in the long run/));
  });

  test("lets the calls of a whole tier save for the retries of one link", () => {
    const retryBudget = { ratio: 0.2, scope: "tier" as const };
    const given = station(10, { retries: 3, retryBudget });
    const { components } = marginsOf({
      ...given,
      components: [...given.components, component("other", "service", { concurrency: 100 })],
      links: [link("client", "other", { retryBudget, retries: 1 }), ...given.links],
    });
    expect(components.find((one) => one.component === "station")?.amplification).toBeCloseTo(1.4, 6);
  });

  test("counts hedges, which are sent beside every slow attempt", () => {
    expect(marginsOf(station(10, { retries: 1, hedgeAfterMs: 50 })).components[0]?.amplification).toBeCloseTo(4, 6);
  });

  test("takes cores for the capacity where slots share them", () => {
    const { components } = marginsOf(station(50, { retries: 1 }, { concurrency: 200, cpus: 2 }));
    expect(components[0]?.capacityPerSecond).toBeCloseTo(200, 3);
  });

  test("counts the work of each workload", () => {
    const given = station(10, { retries: 1 });
    const workloads = [{ ...poisson("client", 10), workFactor: 0.5 }];
    expect(marginsOf({ ...given, workloads }).components[0]?.capacityPerSecond).toBeCloseTo(200, 3);
  });

  const deadline = (given: Architecture, deadlineMs: number): Architecture => {
    return { ...given, workloads: given.workloads.map((one) => ({ ...one, deadlineMs })) };
  };
  const breaker = { failures: 5, openMs: 1000 };
  test.each<[string, Architecture, RegExp]>([
    [
      "a breaker",
      station(50, { retries: 3, breaker }),
      /breakers of link "client-station" open after 5 failures in a row/,
    ],
    [
      "work that is cancelled",
      station(50, { retries: 3, timeoutCancels: true }),
      /gives up on after 200 ms is cancelled/,
    ],
    [
      "expired work that is dropped",
      deadline(station(50, { retries: 3 }, { dropsExpired: true }), 150),
      /older than 150 ms/,
    ],
    [
      "few connections",
      station(50, { retries: 3, maxConnections: 4 }),
      /4 connections to station at most .* within 40 ms/,
    ],
  ])("does not apply behind %s", (_, architecture, reason) => {
    expect(stabilityMargin(compileModel(architecture))).toHaveProperty("reason", expect.stringMatching(reason));
  });

  const chain = (first: Partial<Link>, second: Partial<Link>): Architecture => ({
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: 100 }),
      component("db", "database", { serviceTime: exponential(10) }),
    ],
    links: [link("client", "api", first), link("api", "db", second)],
    workloads: [poisson("client", 20)],
  });

  test.each<[string, Architecture, boolean]>([
    ["a cancel that goes all the way", chain({ timeoutMs: 200, timeoutCancels: true }, { timeoutCancels: true }), true],
    ["a cancel that ends half way", chain({ timeoutMs: 200, timeoutCancels: true }, {}), false],
    ["a breaker above the timeout", chain({ breaker }, { timeoutMs: 200 }), true],
    ["a breaker below it, which sees slow calls only", chain({ timeoutMs: 200 }, { breaker }), false],
    ["a deadline longer than the patience", deadline(station(50, {}, { dropsExpired: true }), 500), false],
    [
      "cancelled work as long as the patience",
      station(5, { timeoutCancels: true }, { serviceTime: exponential(150) }),
      false,
    ],
  ])("looks at where it is: %s", (_, architecture, isImmune) => {
    expect(stabilityMargin(compileModel(architecture)).kind).toBe(isImmune ? "not applicable" : "margins");
  });
});

describe("stabilityMargin behind a queue", () => {
  /** A worker of 100/s; who sends has patience and retries, which it never needs: the broker answers at once. */
  const behindQueue = (ratePerSecond: number, delivery: Partial<Link> = {}): Architecture => ({
    components: [
      component("client", "client"),
      component("broker", "queue", { concurrency: 64 }),
      component("worker", "service", { serviceTime: exponential(10), queueCapacity: 100_000 }),
    ],
    links: [link("client", "broker", { timeoutMs: 200, retries: 3 }), link("broker", "worker", delivery)],
    workloads: [poisson("client", ratePerSecond)],
  });

  test("says nothing of a worker for which nobody waits, and the engine shows that no storm comes", () => {
    const pause = { atMs: 20_000, change: { kind: "pause" as const, component: "worker", lengthMs: 10_000 } };
    const results = simulate(behindQueue(50), { durationMs: 60_000, warmupMs: 20_000, changes: [pause] }).results();
    expect(results.goodputRatio).toBe(1);
    expect(results.components.map(({ retried }) => retried)).toEqual([0, 0, 0]);
    expect(stabilityMargin(compileModel(behindQueue(50)))).toMatchObject({ kind: "not applicable" });
  });

  test("counts what the broker delivers again, and not what the sender would", () => {
    const { components } = marginsOf(behindQueue(20, { timeoutMs: 500, retries: 2 }));
    expect(components).toMatchObject([{ component: "worker", timeoutMs: 500, amplification: expect.closeTo(3, 6) }]);
  });
});

describe("stabilityMargin against the engine", () => {
  const storm = (by: Partial<Link>, of: Partial<Component> = {}, deadlineMs = 0): Architecture => {
    const given = station(60, { retries: 3, ...by }, of);
    return { ...given, workloads: given.workloads.map((one) => ({ ...one, deadlineMs })) };
  };
  const breaker = { failures: 5, openMs: 1000 };
  test.each<[string, Architecture, "ends" | "lasts"]>([
    ["nothing in its way", storm({}), "lasts"],
    ["a budget below the boundary", storm({ retryBudget: { ratio: 0.2, scope: "client" } }), "ends"],
    ["a breaker", storm({ breaker }), "ends"],
    ["work that is cancelled", storm({ timeoutCancels: true }), "ends"],
    ["a deadline shorter than the patience", storm({}, { dropsExpired: true }, 150), "ends"],
    ["a deadline longer than the patience", storm({}, { dropsExpired: true }, 1500), "lasts"],
    ["few connections", storm({ maxConnections: 4 }), "ends"],
    ["a rate limit well below the capacity", storm({}, { rateLimit: { perSecond: 70, burst: 5 } }), "ends"],
  ])("a storm that 10 s without service begin, with %s", (_, architecture, outcome) => {
    const pause = { atMs: 20_000, change: { kind: "pause" as const, component: "station", lengthMs: 10_000 } };
    const { goodputRatio } = simulate(architecture, {
      durationMs: 120_000,
      warmupMs: 100_000,
      changes: [pause],
    }).results();
    const margin = stabilityMargin(compileModel(architecture));
    const isSaidToLast = margin.kind === "margins" && (margin.components[0]?.loadToBoundary ?? 0) > 1;
    expect(isSaidToLast).toBe(outcome === "lasts");
    if (outcome === "lasts") expect(goodputRatio).toBeLessThan(0.1);
    else expect(goodputRatio).toBeGreaterThan(0.9);
  });
});
