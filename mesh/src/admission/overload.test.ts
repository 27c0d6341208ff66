import { describe, expect, test } from "vitest";
import { type Scenario, serviceTimes, simulate, type Traffic } from "./simulation/scenario.ts";

/*
 * What admission promises, in virtual time: a server with one thread under an open load (simulation/scenario.ts says what is
 * modelled). Capacities are what the model can do at most, so "90 %" leaves room for reading and refusing too.
 */

interface Server {
  readonly capacity: number;
  readonly handler: () => Pick<Traffic, "computeMs" | "dependencyMs" | "finishMs">;
  readonly workers?: number;
}

const { fixed, exponential, bimodal } = serviceTimes;

const servers: Record<string, Server> = {
  "computes for 1 ms": { capacity: 995, handler: () => ({ computeMs: fixed(1) }) },
  "computes for 1 ms, exponential": { capacity: 995, handler: () => ({ computeMs: exponential(1) }) },
  "computes for 1 ms, bimodal": { capacity: 995, handler: () => ({ computeMs: bimodal(1) }) },
  "computes for 10 ms, exponential": { capacity: 100, handler: () => ({ computeMs: exponential(10) }) },
  "waits 5 ms and computes for 1 ms": {
    capacity: 995,
    handler: () => ({ dependencyMs: fixed(5), finishMs: exponential(1) }),
  },
  "waits for one of 100 workers, 50 ms": {
    capacity: 2000,
    workers: 100,
    handler: () => ({ computeMs: fixed(0.01), dependencyMs: exponential(50), finishMs: fixed(0.01) }),
  },
  "waits for one of 10 workers, 50 ms": { capacity: 200, workers: 10, handler: () => ({ dependencyMs: fixed(50) }) },
  "waits for one of 20 workers, bimodal 20 ms": {
    capacity: 1000,
    workers: 20,
    handler: () => ({ dependencyMs: bimodal(20) }),
  },
};

/** Half the capacity for five seconds, then so many times the capacity. */
function loaded(server: Server, times: number, options: Partial<Scenario> & { deadlineMs?: number } = {}) {
  const { deadlineMs = 1000, ...scenario } = options;
  const ratePerSecond = (nowMs: number) => server.capacity * (nowMs < 5000 ? 0.5 : times);
  const result = simulate({
    admission: {},
    traffic: [{ ratePerSecond, deadlineMs, ...server.handler() }],
    durationMs: 16_000,
    countedFromMs: 6000,
    ...(server.workers === undefined ? {} : { workers: server.workers }),
    ...scenario,
  });
  return { ...result, goodput: result.all.goodPerSecond / server.capacity };
}

/** Shares the capacity between a calm important caller and a flood of others, three times the capacity in all. */
function flooded(server: Server, importantShare: number) {
  const from = (calm: number, flood: number) => (nowMs: number) => server.capacity * (nowMs < 5000 ? calm : flood);
  const result = simulate({
    admission: {},
    traffic: [
      { ratePerSecond: from(importantShare / 2, importantShare), deadlineMs: 1000, priority: 0, ...server.handler() },
      { ratePerSecond: from(0.2, 3 - importantShare), deadlineMs: 1000, priority: 2, ...server.handler() },
    ],
    durationMs: 16_000,
    countedFromMs: 8000,
    ...(server.workers === undefined ? {} : { workers: server.workers }),
  });
  return { important: result.byTraffic[0]?.goodShare ?? 0, goodput: result.all.goodPerSecond / server.capacity };
}

const all = Object.entries(servers);
const quick = all.filter(([name]) => /1 ms/.test(name));

describe("three times the capacity", () => {
  test.each(all)("leaves nine tenths of the maximum as goodput: a handler that %s", (_name, server) => {
    expect(loaded(server, 3).goodput).toBeGreaterThanOrEqual(0.9);
  });

  test.each(quick)(
    "does so for callers with 100 ms too, where a service says so: a handler that %s",
    (_name, server) => {
      const admission = { eventLoopDelayMs: 20 };
      expect(loaded(server, 3, { deadlineMs: 100, admission }).goodput).toBeGreaterThanOrEqual(0.9);
    },
  );

  test.each(all)("would leave nothing without admission: a handler that %s", (_name, server) => {
    expect(loaded(server, 3, { admission: false }).goodput).toBeLessThan(0.1);
  });

  test.each(all)("hardly touches important calls that alone would fit: a handler that %s", (_name, server) => {
    for (const share of [0.3, 0.6]) {
      const { important, goodput } = flooded(server, share);
      expect(important).toBeGreaterThanOrEqual(0.99);
      expect(goodput).toBeGreaterThanOrEqual(0.9);
    }
  });

  test("met by a process that has just started is found out within seconds", () => {
    for (const [, server] of all) {
      const traffic = [{ ratePerSecond: server.capacity * 3, deadlineMs: 1000, ...server.handler() }];
      const result = loaded(server, 3, { traffic, durationMs: 20_000, countedFromMs: 12_000 });
      expect(result.goodput).toBeGreaterThanOrEqual(0.9);
    }
  });
});

test.each(all)("ten times the capacity leaves eight tenths of the maximum: a handler that %s", (_name, server) => {
  expect(loaded(server, 10, { countedFromMs: 9000 }).goodput).toBeGreaterThanOrEqual(0.8);
});

test("both kinds of handlers share one server: three times its capacity leaves nine tenths of each", () => {
  const mix = (times: number): Traffic[] => [
    {
      ratePerSecond: (nowMs) => 1000 * (nowMs < 5000 ? 0.5 : times),
      deadlineMs: 1000,
      computeMs: fixed(0.02),
      dependencyMs: exponential(30),
      finishMs: fixed(0.05),
    },
    { ratePerSecond: (nowMs) => 200 * (nowMs < 5000 ? 0.5 : times), deadlineMs: 1000, computeMs: exponential(4.6) },
  ];
  const run = (times: number) =>
    simulate({ admission: {}, traffic: mix(times), workers: 400, durationMs: 16_000, countedFromMs: 6000 });
  const [waiting, computing] = run(3).byTraffic;
  expect(waiting?.goodPerSecond).toBeGreaterThanOrEqual(900);
  expect(computing?.goodPerSecond).toBeGreaterThanOrEqual(180);
  expect(run(0.7).all.goodShare).toBeGreaterThan(0.99);
});

describe("a healthy server", () => {
  test.each(all)("is not throttled at seven tenths of its capacity: a handler that %s", (_name, server) => {
    // Chance alone makes some real congestion where a few long calls can fill the server.
    const runs = [1, 2, 3].map((seed) => loaded(server, 0.7, { seed }).all);
    const refused = runs.reduce((sum, run) => sum + run.refused / run.sent / runs.length, 0);
    expect(refused).toBeLessThan(0.01);
  });

  test.each([
    ["compute for 4 µs", { computeMs: fixed(0.004) }],
    ["compute for 0.9 ms", { computeMs: fixed(0.9) }],
    ["wait 50 ms", { dependencyMs: fixed(50) }],
  ])("takes bursts of 256 whose handlers %s", (_name, handler) => {
    const bursts = Array.from({ length: 8 }, (_, second) => ({ atMs: second * 1000 + 500, calls: 256 }));
    const traffic = [{ ratePerSecond: 20, deadlineMs: 1000, ...handler }];
    const result = simulate({ admission: {}, traffic, durationMs: 10_000, bursts });
    expect(result.all).toMatchObject({ refused: 0, goodShare: 1 });
  });

  test("keeps hundreds of calls in flight that wait for a database", () => {
    const server = { capacity: 16_000, workers: 800, handler: () => ({ dependencyMs: exponential(50) }) };
    const result = loaded(server, 0.7, { durationMs: 10_000, countedFromMs: 7000 });
    expect(result.all).toMatchObject({ refused: 0 });
    expect(result.goodput).toBeGreaterThan(0.68);
  });
});

describe("after an overload", () => {
  test.each(all)("all calls are answered again within two seconds: a handler that %s", (_name, server) => {
    const ratePerSecond = (nowMs: number) => server.capacity * (nowMs >= 3000 && nowMs < 8000 ? 3 : 0.5);
    const traffic = [{ ratePerSecond, deadlineMs: 1000, ...server.handler() }];
    const result = loaded(server, 3, { traffic, durationMs: 14_000, countedFromMs: 10_000 });
    expect(result.all.refused).toBe(0);
    expect(result.all.goodShare).toBe(1);
  });
});

describe("a dependency that slows down from 5 to 500 ms", () => {
  const ratePerSecond = 400;
  const dependencyMs = (nowMs: number) => (nowMs >= 5000 && nowMs < 15_000 ? 500 : 5);
  const result = simulate({
    admission: {},
    traffic: [{ ratePerSecond, deadlineMs: 2000, dependencyMs }],
    durationMs: 20_000,
  });

  test("has all its calls in flight again within five seconds", () => {
    expect(Math.max(...result.refusedBySecond.slice(5, 10))).toBeGreaterThan(0);
    expect(result.refusedBySecond.slice(10)).toEqual(new Array(10).fill(0));
    expect(Math.min(...result.goodBySecond.slice(10, 18))).toBeGreaterThan(0.85 * ratePerSecond);
  });
});

test("callers are told to come back later the more of them there are", () => {
  const server = servers["computes for 1 ms"] as Server;
  const mean = (times: number) => {
    const { retryAfterMs } = loaded(server, times);
    const late = retryAfterMs.slice(retryAfterMs.length / 2);
    return late.reduce((sum, one) => sum + one, 0) / late.length;
  };
  expect(mean(3)).toBeGreaterThan(1000);
  expect(mean(6)).toBeGreaterThan(2 * mean(3));
});
