/** What faults do to a run, against values that are known exactly. */
import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import type { Results } from "../results.ts";
import { component, constant, constantRate, link, poisson, resultsOfComponent, simulate } from "../scenario.ts";
import type { Fault } from "./fault.ts";
import { planFaults } from "./plan-faults.ts";

function run(architecture: Architecture, durationMs: number, ...faults: Fault[]): Results {
  return simulate(architecture, { durationMs, changes: planFaults(faults, architecture).changes() }).results();
}

/** A client that sends nothing by itself. */
const quiet = { ...poisson("client", 0), id: "herd" };
const moment = { startMs: 0, durationMs: 0 };

function station(
  given: Parameters<typeof component>[2],
  called: Parameters<typeof link>[2] = {},
  ratePerSecond = 0,
): Architecture {
  return {
    components: [component("client", "client"), component("station", "service", given)],
    links: [link("client", "station", called)],
    workloads: [ratePerSecond === 0 ? quiet : { ...constantRate("client", ratePerSecond), id: "herd" }],
  };
}

describe("faults", () => {
  test("a herd of 1000 on 4 servers of 10 ms is served in 2500 ms", () => {
    const { latency } = run(station({ concurrency: 4, serviceTime: constant(10) }), 5000, {
      kind: "stampede",
      on: ["herd"],
      requests: 1000,
      ...moment,
    });
    expect(latency.meanMs).toBeCloseTo(1255, 6);
    expect(Math.abs(latency.maxMs / 2500 - 1)).toBeLessThan(0.004);
    expect(Math.abs(latency.p99Ms / 2480 - 1)).toBeLessThan(0.004);
  });

  test("a rate limit cut to 100/s with a burst of 50 lets 1050 of 1500 requests through in 10 s", () => {
    const limited = station({ rateLimit: { perSecond: 1000, burst: 50 } }, {}, 150);
    const { completed, failed } = run(limited, 10_000, {
      kind: "rate_limit",
      on: ["station"],
      factor: 0.1,
      startMs: 0,
      durationMs: 10_000,
    });
    // The bucket is full until the first request comes, and the last one has no answer yet.
    expect(Math.abs(completed - 1050)).toBeLessThanOrEqual(2);
    expect(Math.abs(failed - 450)).toBeLessThanOrEqual(2);
  });

  test.each([
    [false, 200, 1000],
    [true, 1, 50],
  ])(
    "200 clients that miss one key, single flight %s: %i calls, the last after %i ms",
    (singleFlight, calls, lastMs) => {
      const cached: Architecture = {
        components: [
          component("client", "client"),
          component("cache", "cache", {
            concurrency: 1000,
            cache: { keys: 1, skew: 0, capacity: 1, policy: "lru", ttlMs: 0, singleFlight },
          }),
          component("db", "database", { concurrency: 10, serviceTime: constant(50) }),
        ],
        links: [link("client", "cache"), link("cache", "db")],
        workloads: [quiet],
      };
      const results = run(
        cached,
        5000,
        { kind: "stampede", on: ["herd"], requests: 1, ...moment },
        { kind: "stampede", on: ["herd", "cache"], requests: 200, startMs: 1000, durationMs: 0 },
      );
      expect(resultsOfComponent(results, "db").completed).toBe(calls + 1);
      expect(Math.abs(results.latency.maxMs / lastMs - 1)).toBeLessThan(0.004);
    },
  );

  test("a constant delay of half of the calls moves the mean by half of it", () => {
    const { latency } = run(station({ concurrency: 100, serviceTime: constant(5) }, {}, 100), 100_000, {
      kind: "latency",
      on: ["station"],
      extra: constant(40),
      share: 0.5,
      startMs: 0,
      durationMs: 99_000,
    });
    // Binomial with n = 9900: 4 standard errors of the share are 0.02.
    expect(Math.abs(latency.meanMs - 5 - 0.99 * 20)).toBeLessThan(0.02 * 40);
  });

  test("a silent partition costs its timeout and a reset costs nothing", () => {
    const cut = (how: "silent" | "reset") =>
      run(station({ serviceTime: constant(1) }, { timeoutMs: 300 }, 10), 20_000, {
        kind: "partition",
        on: ["client-station"],
        how,
        startMs: 4990,
        durationMs: 10_000,
      });
    for (const how of ["silent", "reset"] as const) expect(cut(how).failed).toBe(100);
    expect(resultsOfComponent(cut("silent"), "station").timedOut).toBe(100);
    expect(resultsOfComponent(cut("reset"), "station").timedOut).toBe(0);
  });

  test.each([
    ["fail", 1],
    ["finish", 0],
  ] as const)("a crash lets what is in flight %s", (inFlight, failed) => {
    const results = run(
      station({ instances: 2, serviceTime: constant(100) }),
      5000,
      { kind: "stampede", on: ["herd"], requests: 2, ...moment },
      { kind: "crash", on: ["station"], inFlight, startMs: 50, durationMs: 1000 },
    );
    expect([results.failed, results.completed]).toEqual([failed, 2 - failed]);
  });

  test("a capacity loss takes k of n instances for its time", () => {
    const results = run(station({ instances: 4, serviceTime: constant(1) }, {}, 10), 10_000, {
      kind: "capacity_loss",
      on: ["station"],
      instances: { share: 0.5 },
      startMs: 2000,
      durationMs: 5000,
    });
    expect(resultsOfComponent(results, "station").instancesMean).toBeCloseTo(3, 6);
  });

  test("a leak leaves the connections that it is to leave", () => {
    const pooled = station({ concurrency: 100, serviceTime: constant(100) }, { maxConnections: 10 }, 50);
    const leaking: Fault = {
      kind: "pool_exhaustion",
      on: ["client-station"],
      leakPerSecond: 4,
      leaves: 5,
      startMs: 0,
      durationMs: 20_000,
    };
    // Five connections carry exactly the 50/s of 100 ms each, four carry 40/s.
    expect(run(pooled, 20_000, leaking).latency.maxMs).toBeLessThan(250);
    expect(resultsOfComponent(run(pooled, 20_000, { ...leaking, leaves: 4 }), "client").backlogMean).toBeGreaterThan(
      50,
    );
  });

  test("pauses of a tenth of the time stop a tenth of the work", () => {
    const results = run(
      station({ serviceTime: constant(10) }),
      12_000,
      { kind: "stampede", on: ["herd"], requests: 2000, ...moment },
      {
        kind: "pause",
        on: ["station"],
        everyMs: 1000,
        lengthMs: 100,
        isTogether: true,
        startMs: 0,
        durationMs: 12_000,
      },
    );
    expect(Math.abs(results.completed - 1080)).toBeLessThanOrEqual(1);
  });

  test("a burst of the rate limit is what the fault says", () => {
    const limited = station({ rateLimit: { perSecond: 1000, burst: 1000 } }, {}, 150);
    const { completed } = run(limited, 10_000, {
      kind: "rate_limit",
      on: ["station"],
      factor: 0.1,
      burst: 50,
      startMs: 0,
      durationMs: 10_000,
    });
    expect(Math.abs(completed - 1050)).toBeLessThanOrEqual(2);
  });

  test("a poison message is delivered again as often as the fault says, and is a dead letter then", () => {
    const brokered: Architecture = {
      components: [component("client", "client"), component("queue", "queue"), component("worker", "service")],
      links: [link("client", "queue"), link("queue", "worker", { retries: 7 })],
      workloads: [constantRate("client", 10)],
    };
    const backlog: Fault = { kind: "queue_backlog", on: ["queue"], poisonRatio: 1, startMs: 0, durationMs: 1050 };
    const seen = (redeliveries?: number) => {
      const results = run(brokered, 1050, { ...backlog, ...(redeliveries === undefined ? {} : { redeliveries }) });
      return [resultsOfComponent(results, "worker").arrivals, resultsOfComponent(results, "queue").deadLettered];
    };
    expect([seen(), seen(2), seen(0)]).toEqual([
      [80, 10],
      [30, 10],
      [10, 10],
    ]);
  });

  test("a brown-out with hedges makes every call twice while it lasts", () => {
    const slowed = station({ concurrency: 100, serviceTime: constant(10) }, {}, 10);
    const results = run(slowed, 10_000, {
      kind: "brown_out",
      on: ["station"],
      factor: 10,
      hedgeAfterMs: 50,
      startMs: 1950,
      durationMs: 5000,
    });
    expect(resultsOfComponent(results, "station")).toMatchObject({ hedged: 50 });
    expect(results.failed).toBe(0);
  });

  test("a storm without jitter tries again after just the backoff", () => {
    const called = { retries: 1, retryBackoffMs: 400 };
    const { latency } = run(station({ serviceTime: constant(1) }, called, 1), 3000, {
      kind: "retry_storm",
      on: ["client-station"],
      trigger: "errors",
      backoffMs: 50,
      jitter: "none",
      startMs: 990,
      durationMs: 20,
    });
    expect(latency.maxMs).toBe(52);
  });

  test("lost messages are sent again after what the fault says", () => {
    const lossy = station({ concurrency: 100 }, { timeoutMs: 60_000 }, 1000);
    const results = run(lossy, 40_000, {
      kind: "packet_loss",
      on: ["client-station"],
      ratio: 0.2,
      retransmitMs: 20,
      startMs: 0,
      durationMs: 40_000,
    });
    expect(results.failed).toBe(0);
    // Each way 20 (2^k − 1) with probability 0.8 × 0.2^k; the standard deviation of both ways is 42 ms, 0.21 over 40 000.
    expect(Math.abs(results.latency.meanMs - 2 * ((20 * 0.2) / 0.6))).toBeLessThan(0.85);
  });

  test("a hot key of a cache takes its share of the requests, and gives it back at the end", () => {
    const cached: Architecture = {
      components: [
        component("client", "client"),
        component("cache", "cache", {
          cache: { keys: 1_000_000, skew: 0, capacity: 1, policy: "lru", ttlMs: 0, singleFlight: false },
        }),
        component("db", "database"),
      ],
      links: [link("client", "cache"), link("cache", "db")],
      workloads: [constantRate("client", 100)],
    };
    const hot: Fault = { kind: "traffic_spike", on: ["kind:cache"], hotShare: 1, startMs: 1005, durationMs: 1000 };
    const { cacheHits, cacheMisses } = resultsOfComponent(run(cached, 3005, hot), "cache");
    expect([cacheHits, cacheMisses]).toEqual([99, 201]);
  });
});
