import { describe, expect, test } from "vitest";
import type { Architecture, RateLimit } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { component, constantRate, link, poisson, resultsOfComponent, simulate } from "../scenario.ts";
import { Simulation } from "../simulation.ts";

function limited(rateLimit: RateLimit, workload: Partial<Architecture["workloads"][number]> = {}): Architecture {
  return {
    components: [component("client", "client"), component("api", "service", { concurrency: 1000, rateLimit })],
    links: [link("client", "api")],
    workloads: [{ ...constantRate("client", 150), ...workload }],
  };
}

const replay = (arrivalsMs: readonly number[]) => ({ kind: "replay", arrivalsMs }) as const;

describe("a rate limit", () => {
  test("admits its burst and then its rate, and sheds the rest", () => {
    const run = simulate(limited({ perSecond: 100, burst: 50 }), { durationMs: 10_000 }).results();
    const { completed, shed, limited: refused, arrivals } = resultsOfComponent(run, "api");
    // Less what comes in before the first request, when the bucket is full, and what is left in it at the end.
    expect(Math.abs(completed - 1049)).toBeLessThanOrEqual(1);
    expect({ shed, refused }).toEqual({ shed: arrivals - completed, refused: arrivals - completed });
    expect(run.failed).toBe(shed);
  });

  test("fills its bucket to the burst in a quiet time and no further", () => {
    const quiet = limited({ perSecond: 100, burst: 5 }, replay([...Array(20).fill(0), ...Array(20).fill(60_000)]));
    const { completed } = resultsOfComponent(simulate(quiet, { durationMs: 60_001 }).results(), "api");
    expect(completed).toBe(10);
  });

  test("that lets wait gives each the next token, in the order of arrival", () => {
    const waiting = limited({ perSecond: 10, burst: 2, whenExceeded: "wait" }, replay([0, 0, 0, 0, 150]));
    const run = simulate(waiting, { durationMs: 1000 }).results();
    // Two at once, then every 100 ms: at 100, 200, and the one of 150 at 300.
    expect(run).toMatchObject({ completed: 5, latency: { maxMs: 200, meanMs: (0 + 0 + 100 + 200 + 150) / 5 } });
  });

  test("counts who waits for a token as present", () => {
    const waiting = limited({ perSecond: 1, burst: 1, whenExceeded: "wait" }, replay(Array(5).fill(0)));
    const run = simulate(waiting, { durationMs: 1500 });
    const api = run.audit().find(({ component: id }) => id === "api");
    expect(api).toMatchObject({ arrivals: 5, completed: 2, inFlight: 3 });
    expect(api?.presentAreaNs).toBe(api?.residenceNs);
  });

  test("that a change multiplies holds from then on", () => {
    const changes = [
      { atMs: 1000, change: { kind: "rate_limit", component: "api", factor: 0.5 } },
      { atMs: 2000, change: { kind: "rate_limit", component: "api", factor: 1 } },
    ] as const;
    const model = limited({ perSecond: 100, burst: 2 });
    const run = new Simulation(compileModel(model), { seed: 1, durationMs: 3000, changes });
    const admitted = [1000, 2000, 3000].map((untilMs) => {
      run.runUntil(untilMs);
      return run.results().completed;
    }) as [number, number, number];
    expect(Math.abs(admitted[1] - admitted[0] - 50)).toBeLessThanOrEqual(1);
    expect(Math.abs(admitted[2] - admitted[1] - 100)).toBeLessThanOrEqual(1);
  });

  test("that was nothing for a while keeps nobody waiting for ever", () => {
    const waiting = limited({ perSecond: 10, burst: 1, whenExceeded: "wait" }, replay([0, 0, 200]));
    const changes = [
      { atMs: 10, change: { kind: "rate_limit", component: "api", factor: 0 } },
      { atMs: 1000, change: { kind: "rate_limit", component: "api", factor: 1 } },
    ] as const;
    expect(simulate(waiting, { durationMs: 5000, changes }).results()).toMatchObject({ completed: 3, inFlight: 0 });
  });

  test("does not notice another's crash while its requests wait for tokens", () => {
    const model: Architecture = {
      components: [
        component("client", "client"),
        component("before", "client"),
        component("other", "service", { concurrency: 10 }),
        component("api", "service", { concurrency: 10, rateLimit: { perSecond: 1, burst: 1, whenExceeded: "wait" } }),
      ],
      links: [link("before", "other"), link("client", "api")],
      workloads: [
        { ...poisson("before", 0), ...replay(Array(10).fill(0)) },
        { ...poisson("client", 0), ...replay(Array(6).fill(100)) },
      ],
    };
    const down = { kind: "down", component: "other", instances: [0], inFlight: "fail", isNoticed: true } as const;
    const run = simulate(model, { durationMs: 10_000, changes: [{ atMs: 500, change: down }] }).results();
    expect(resultsOfComponent(run, "api")).toMatchObject({ arrivals: 6, completed: 6, failed: 0 });
  });
});
