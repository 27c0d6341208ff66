import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "./architecture.ts";
import { expectMean, replicate } from "./replications.ts";
import { component, constant, exponential, link, poisson, resultsOfComponent, simulate } from "./scenario.ts";

/** A slow instance and a fast one, taken in turn: the first call of a request goes to the slow one. */
function uneven(given: Partial<Link>, arrivalsMs: readonly number[] = [0]): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", {
        instances: 2,
        concurrency: 10,
        balancing: "round_robin",
        serviceTime: constant(10),
      }),
    ],
    links: [link("client", "api", { hedgeAfterMs: 20, ...given })],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs }],
  };
}

/** The second instance, to which round robin goes first, needs so many times as long. */
function run(model: Architecture, factor: number, durationMs = 1000) {
  const change = { kind: "work", component: "api", instance: 1, factor } as const;
  return simulate(model, { durationMs, changes: [{ atMs: 0, change }] }).results();
}

describe("a hedge", () => {
  test("is sent when there is no answer in time, and the first answer counts", () => {
    const results = run(uneven({}), 10);
    expect(results).toMatchObject({ completed: 1, latency: { maxMs: 30 } });
    expect(resultsOfComponent(results, "api")).toMatchObject({ hedged: 1, arrivals: 2, completed: 2, retried: 0 });
  });

  test("is not sent when the answer was in time", () => {
    const results = run(uneven({}), 2);
    expect(results.latency.maxMs).toBe(20);
    expect(resultsOfComponent(run(uneven({}), 1.9), "api")).toMatchObject({ hedged: 0, arrivals: 1 });
  });

  test("that loses goes on, or is called off where the link cancels", () => {
    const busy = (given: Partial<Link>) => resultsOfComponent(run(uneven(given), 10), "api");
    // 100 and 10 ms of work, or 30 and 10, of 20 slots for a second.
    expect(busy({}).workUtilization).toBeCloseTo(110 / 20_000, 9);
    expect(busy({ timeoutCancels: true }).workUtilization).toBeCloseTo(40 / 20_000, 9);
    expect(busy({ timeoutCancels: true })).toMatchObject({ cancelled: 1, failed: 1, completed: 1 });
  });

  test("lets the other attempt decide when one has failed", () => {
    const failing = uneven({});
    const down = { kind: "down", component: "api", instances: [0], inFlight: "fail", isNoticed: false } as const;
    const slow = { kind: "work", component: "api", instance: 1, factor: 10 } as const;
    const changes = [slow, down].map((change) => ({ atMs: 0, change }));
    const results = simulate(failing, { durationMs: 1000, changes }).results();
    // The hedge of 20 ms is refused at once; the first attempt is answered at 100.
    expect(results).toMatchObject({ completed: 1, failed: 0, latency: { maxMs: 100 } });
  });

  test("fails together with the first attempt when neither is in time, and is tried again once", () => {
    const results = run(uneven({ hedgeAfterMs: 5, timeoutMs: 8, retries: 1 }), 10);
    expect(results).toMatchObject({ completed: 0, failed: 1 });
    expect(resultsOfComponent(results, "api")).toMatchObject({ arrivals: 4, hedged: 2, retried: 1, timedOut: 2 });
  });

  test("takes a connection of its own, when one is free, and both are given back", () => {
    const one = run(uneven({ maxConnections: 1 }, [0, 10]), 10);
    expect(resultsOfComponent(one, "api")).toMatchObject({ hedged: 0, completed: 2 });
    const two = run(uneven({ maxConnections: 2 }, [0, 200, 400, 600]), 10);
    // In turn: each first attempt at the slow one, each hedge at the fast one.
    expect(two).toMatchObject({ completed: 4, latency: { meanMs: 30, maxMs: 30 } });
  });

  test.each([0.001, 10 * Math.log(20)])(
    "after %f ms of exponential work has the mean that theory says",
    (hedgeAfterMs) => {
      const station: Partial<Component> = { concurrency: 1000, serviceTime: exponential(10) };
      const model: Architecture = {
        components: [component("client", "client"), component("station", "service", station)],
        links: [link("client", "station", { hedgeAfterMs, timeoutCancels: true })],
        workloads: [poisson("client", 100)],
      };
      const runs = replicate(model, { requests: 3000, ratePerSecond: 100, warmupSeconds: 1 });
      // What is left at the hedge has the mean 10, halved by the second attempt: 10 − 5 e^(−h ÷ 10).
      const mean = 10 - 5 * Math.exp(-hedgeAfterMs / 10);
      expectMean(runs, ({ latency }) => latency.meanMs, mean, { precision: 0.01, bias: 0.0005 });
    },
  );
});
