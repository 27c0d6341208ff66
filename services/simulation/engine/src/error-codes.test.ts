import { describe, expect, test } from "vitest";
import type { Architecture, Component } from "./architecture.ts";
import type { Change } from "./changes.ts";
import { type ErrorCode, errorCodes } from "./error-codes.ts";
import { expectMean } from "./replications.ts";
import type { Results } from "./results.ts";
import {
  component,
  constant,
  constantRate,
  link,
  poisson,
  resultsOfComponent,
  simulate,
  singleStation,
} from "./scenario.ts";

const errors = (code: ErrorCode, given: { ratio?: number; isRetryable?: boolean; component?: string } = {}): Change => {
  return { kind: "errors", component: "station", ratio: 1, code, ...given };
};

function run(model: Architecture, durationMs: number, ...changes: Change[]): Results {
  return simulate(model, { durationMs, changes: changes.map((change) => ({ atMs: 0, change })) }).results();
}

/** 100 requests/s, all of which fail by the change that comes with them. */
function station(called: Parameters<typeof link>[2] = {}, given: Partial<Component> = {}): Architecture {
  return {
    components: [component("client", "client"), component("station", "service", { concurrency: 100, ...given })],
    links: [link("client", "station", called)],
    workloads: [constantRate("client", 100)],
  };
}

const attempts = (results: Results) => resultsOfComponent(results, "station").arrivals;

describe("an error that cannot be tried again", () => {
  const threeLayers: Architecture = {
    components: [
      component("client", "client"),
      component("a", "service", { concurrency: 100 }),
      component("b", "service", { concurrency: 100 }),
      component("station", "service", { concurrency: 100 }),
    ],
    links: [link("client", "a", { retries: 3 }), link("a", "b", { retries: 3 }), link("b", "station", { retries: 3 })],
    workloads: [constantRate("client", 10)],
  };

  test.each([
    ["unavailable", undefined, 64],
    ["unavailable", false, 1],
    ["internal", undefined, 1],
    ["internal", true, 64],
  ] as const)("%s, retryable %s: three layers of three retries make %i attempts of a request", (code, said, each) => {
    const results = run(threeLayers, 1050, errors(code, said === undefined ? {} : { isRetryable: said }));
    expect(results).toMatchObject({ failed: 10, completed: 0 });
    expect(attempts(results)).toBe(10 * each);
  });

  test("ends a call that other errors were tried again in, as often as theory says", () => {
    const model = {
      ...singleStation(100, { concurrency: 1000, errorRatio: 0.5 }),
      links: [link("client", "station", { retries: 3 })],
    };
    const changes = [{ atMs: 0, change: errors("invalid_argument", { ratio: 0.2 }) }];
    const runs = Array.from({ length: 20 }, (_, seed) => {
      return simulate(model, { seed: 1000 + seed, durationMs: 12_000, changes }).results();
    });
    // p = .5 is tried again, and of the rest q = .2 is not: (1 - p⁴) ÷ (1 - p) attempts, (1 - q)(1 - p⁴) succeed.
    const precision = { precision: 0.005 };
    expectMean(runs, (results) => attempts(results) / resultsOfComponent(results, "client").arrivals, 1.875, precision);
    expectMean(runs, ({ completed, failed }) => completed / (completed + failed), 0.75, precision);
  });

  test("costs no budget, and makes a poison message a dead letter at once", () => {
    const queue: Architecture = {
      components: [component("client", "client"), component("q", "queue"), component("station", "service")],
      links: [link("client", "q"), link("q", "station", { retries: 4, retryBackoffMs: 1 })],
      workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: [0, 100] }],
    };
    const results = run(queue, 1000, errors("data_loss"));
    expect(attempts(results)).toBe(2);
    expect(resultsOfComponent(results, "q").deadLettered).toBe(2);
    expect(attempts(run(queue, 1000, errors("unavailable")))).toBe(10);
  });

  test("decides for a fan-out when its call is the first that fails", () => {
    const model = (order: readonly string[]): Architecture => ({
      components: [
        component("client", "client"),
        component("a", "service", { fanOut: "parallel", concurrency: 10 }),
        component("station", "service", { serviceTime: constant(1) }),
        component("other", "service", { serviceTime: constant(2) }),
      ],
      links: [link("client", "a", { retries: 2 }), ...order.map((to) => link("a", to))],
      workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: [0] }],
    });
    const both = (code: ErrorCode, other: ErrorCode) => {
      const changes = [errors(code), errors(other, { component: "other" })];
      return resultsOfComponent(run(model(["station", "other"]), 1000, ...changes), "a").arrivals;
    };
    expect(both("not_found", "unavailable")).toBe(1);
    expect(both("unavailable", "not_found")).toBe(3);
  });

  test("is shared by those that wait for one fetch", () => {
    const model: Architecture = {
      components: [
        component("client", "client"),
        component("cache", "cache", {
          concurrency: 10,
          cache: { keys: 1, skew: 0, capacity: 1, policy: "lru", ttlMs: 0, singleFlight: true },
        }),
        component("station", "database", { serviceTime: constant(5) }),
      ],
      links: [link("client", "cache", { retries: 2 }), link("cache", "station")],
      workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: [0, 1, 2] }],
    };
    expect(attempts(run(model, 1000, errors("not_found")))).toBe(1);
  });
});

describe("a breaker", () => {
  const counted = ["unknown", "deadline_exceeded", "unimplemented", "internal", "unavailable", "data_loss"];
  const broken = station({ breaker: { failures: 3, openMs: 60_000 } });

  test.each(errorCodes)("opens on %s when HTTP would call it 5xx, whether it can be tried again or not", (code) => {
    for (const isRetryable of [true, false]) {
      const called = attempts(run(broken, 1005, errors(code, { isRetryable })));
      expect(called).toBe(counted.includes(code) ? 3 : 100);
    }
  });

  test("begins its count anew, and closes, with an answer that speaks for the callee", () => {
    const mixed = simulate(broken, {
      durationMs: 505,
      changes: [25, 35, 55, 65].map((atMs, index) => ({
        atMs,
        change: errors(index % 2 === 0 ? "not_found" : "internal"),
      })),
    });
    expect(attempts(mixed.results())).toBe(50);
    const probed = simulate(station({ breaker: { failures: 3, openMs: 500 } }), {
      durationMs: 1005,
      changes: [
        { atMs: 0, change: errors("internal") },
        { atMs: 100, change: errors("internal", { ratio: 0 }) },
        { atMs: 100, change: errors("not_found") },
      ],
    });
    // Three fail, 500 ms pass, and the probe is answered.
    expect(attempts(probed.results())).toBe(3 + 48);
  });
});

describe("errors of a code", () => {
  test("are forgotten by those that fail for another reason afterwards", () => {
    const model = {
      ...station({ retries: 2 }),
      workloads: [{ ...poisson("client", 0), kind: "replay" as const, arrivalsMs: [0, 20] }],
    };
    const down = { kind: "down", component: "station", instances: [0], inFlight: "fail", isNoticed: false } as const;
    const changes = [
      { atMs: 0, change: errors("not_found") },
      { atMs: 10, change: down },
    ];
    // One attempt of the first request, three of the second.
    expect(attempts(simulate(model, { durationMs: 100, changes }).results())).toBe(4);
  });

  test("stand beside the component's own, and are undone by themselves", () => {
    const own = station({}, { errorRatio: 0.3 });
    const untouched = simulate(own, { durationMs: 10_005 }).results();
    const none = [errors("internal", { ratio: 0 }), errors("not_found", { ratio: 0 })];
    expect(run(own, 10_005, ...none).eventTraceHash).toBe(untouched.eventTraceHash);
    expect(run(own, 10_005, errors("internal"), ...none)).toMatchObject({ failed: untouched.failed });
    expect(run(own, 10_005, errors("internal"))).toMatchObject({ completed: 0 });
    const two = run(own, 100_005, errors("internal", { ratio: 0.5 }), errors("not_found", { ratio: 0.5 }));
    // 1 - .7 × .5 × .5 of 10 000: 4 standard errors are 0.015.
    expect(Math.abs(two.errorRatio - 0.825)).toBeLessThan(0.015);
  });
});
