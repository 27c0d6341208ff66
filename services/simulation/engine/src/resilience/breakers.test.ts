import { describe, expect, test } from "vitest";
import type { Architecture, Breaker, Link } from "../architecture.ts";
import { component, constant, constantRate, link, resultsOfComponent, simulate } from "../scenario.ts";

/** A call every 10 ms to something that needs a millisecond and fails until it is mended. */
function failing(breaker: Breaker, given: Partial<Link> = {}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: 100, serviceTime: constant(1), errorRatio: 1 }),
    ],
    links: [link("client", "api", { breaker, ...given })],
    workloads: [constantRate("client", 100)],
  };
}

const mended = (atMs: number) => ({ atMs, change: { kind: "errors", component: "api", ratio: 0 } as const });

describe("a breaker", () => {
  test("opens after so many failures in a row and refuses until its time is over", () => {
    const run = simulate(failing({ failures: 3, openMs: 500 }), { durationMs: 505 }).results();
    // Calls at 10 to 500 ms: three fail, the 47 after them are refused, for the third fails at 31 ms.
    expect(resultsOfComponent(run, "api")).toMatchObject({ arrivals: 3, failed: 3, refusedByBreaker: 47 });
    expect(run).toMatchObject({ completed: 0, failed: 50 });
  });

  test("lets a probe through when its time is over, and stays open when that fails", () => {
    const run = simulate(failing({ failures: 3, openMs: 500 }), { durationMs: 2000 }).results();
    // Open from 31, probes at 540, 1050 and 1560, each of which opens it again a millisecond later.
    expect(resultsOfComponent(run, "api").arrivals).toBe(6);
  });

  test("closes on a probe that succeeds", () => {
    const run = simulate(failing({ failures: 3, openMs: 500 }), { durationMs: 1005, changes: [mended(100)] }).results();
    // The probe at 540 is answered at 541: all from 550 on go through.
    expect(resultsOfComponent(run, "api")).toMatchObject({ arrivals: 3 + 1 + 46, completed: 47 });
  });

  test("lets as many probes through at once as it says", () => {
    const slow = failing({ failures: 3, openMs: 500, probes: 4 }, { latency: constant(200) });
    const run = simulate(slow, { durationMs: 1005 }).results();
    // Until the third failure is known (at 231 ms) 23 calls are sent; from 740 on 4 probes, unanswered until 941.
    expect(resultsOfComponent(run, "api").arrivals).toBe(23 + 4);
  });

  test("counts failures in a row alone: a success in between starts anew", () => {
    const flaky = failing({ failures: 3, openMs: 500 });
    const changes = [25, 35, 55, 65].map((atMs, index) => ({
      atMs,
      change: { kind: "errors", component: "api", ratio: index % 2 === 0 ? 0 : 1 } as const,
    }));
    const run = simulate(flaky, { durationMs: 105, changes }).results();
    // Two fail, one succeeds, two fail, one succeeds, three fail.
    expect(resultsOfComponent(run, "api")).toMatchObject({ arrivals: 9, refusedByBreaker: 1 });
  });

  test("is one for each calling instance", () => {
    const callers = (instances: number): Architecture => ({
      components: [
        component("client", "client"),
        component("front", "service", { instances, concurrency: 100, balancing: "round_robin" }),
        component("api", "service", { concurrency: 100, errorRatio: 1 }),
      ],
      links: [link("client", "front"), link("front", "api", { breaker: { failures: 3, openMs: 60_000 } })],
      workloads: [constantRate("client", 100)],
    });
    const callsOf = (instances: number) =>
      resultsOfComponent(simulate(callers(instances), { durationMs: 10_000 }).results(), "api").arrivals;
    expect([1, 2, 5].map(callsOf)).toEqual([3, 6, 15]);
  });

  test("does not count what it refused itself as a failure, and there is no retry of it", () => {
    const run = simulate(failing({ failures: 3, openMs: 500 }, { retries: 5 }), { durationMs: 305 }).results();
    expect(resultsOfComponent(run, "api")).toMatchObject({ arrivals: 3, retried: 3, refusedByBreaker: 30 });
  });

  test("that a change takes away and brings back is closed", () => {
    const changes = [
      { atMs: 100, change: { kind: "breaker", link: "client-api" } },
      mended(150),
      { atMs: 200, change: { kind: "breaker", link: "client-api", breaker: { failures: 3, openMs: 60_000 } } },
    ] as const;
    const run = simulate(failing({ failures: 3, openMs: 60_000 }), { durationMs: 405, changes }).results();
    expect(run.completed).toBe(26);
    expect(resultsOfComponent(run, "api").refusedByBreaker).toBe(7);
  });
});
