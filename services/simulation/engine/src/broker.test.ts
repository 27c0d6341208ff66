import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "./architecture.ts";
import { component, constant, link, poisson, resultsOfComponent, simulate } from "./scenario.ts";

/** Messages at these times into a queue, from which so many consumers call a worker. */
function brokered(
  arrivalsMs: readonly number[],
  consumers: Partial<Link>,
  worker: Partial<Component> = {},
): Architecture {
  return {
    components: [
      component("client", "client"),
      component("queue", "queue", { concurrency: 1000 }),
      component("worker", "service", { concurrency: 1000, serviceTime: constant(100), ...worker }),
    ],
    links: [link("client", "queue"), link("queue", "worker", consumers)],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs }],
  };
}

const run = (model: Architecture, durationMs: number) => simulate(model, { durationMs }).results();

describe("a queue with consumers", () => {
  test("has a backlog of what no consumer takes yet, while senders are answered at once", () => {
    const results = run(brokered(Array(10).fill(0), { maxConnections: 2 }), 1000);
    expect(results).toMatchObject({ completed: 10, latency: { maxMs: 0 } });
    expect(resultsOfComponent(results, "worker")).toMatchObject({ completed: 10, inFlight: 0, queueLengthMax: 0 });
    // Eight wait, two fewer every 100 ms: 800 + 600 + 400 + 200 message ms.
    const queue = resultsOfComponent(results, "queue");
    expect(queue.backlogMean * 1000).toBeCloseTo(2000, 6);
    expect(queue.connectionWaitMeanMs).toBeCloseTo(2000 / 8, 9);
    expect(queue.inFlightMean).toBe(0);
  });

  test("redelivers what failed, by a consumer's turn of its own, until it is a dead letter", () => {
    const failing = brokered([0, 0], { maxConnections: 1, retries: 2 }, { errorRatio: 1 });
    const results = run(failing, 1000);
    expect(resultsOfComponent(results, "worker")).toMatchObject({ arrivals: 6, failed: 6, retried: 4 });
    expect(resultsOfComponent(results, "queue").deadLettered).toBe(2);
    // One at a time, although both are tried again at once.
    expect(resultsOfComponent(run(failing, 550), "worker")).toMatchObject({ arrivals: 6, inFlight: 1 });
    expect(results.failed).toBe(0);
  });

  test("loses to dead letters what finds no room in the backlog", () => {
    const results = run(brokered(Array(10).fill(0), { maxConnections: 2, connectionQueue: 3 }), 1000);
    expect(resultsOfComponent(results, "queue").deadLettered).toBe(5);
    expect(resultsOfComponent(results, "worker")).toMatchObject({ arrivals: 5, completed: 5, refusedByPool: 5 });
  });

  test("takes up to a million messages where nothing is said", () => {
    const burst = { kind: "burst", workload: "client-load", requests: 30_000 } as const;
    const simulation = simulate(brokered([0], { maxConnections: 1 }), {
      durationMs: 50,
      changes: [{ atMs: 1, change: burst }],
    });
    expect(resultsOfComponent(simulation.results(), "queue")).toMatchObject({ completed: 30_001, deadLettered: 0 });
  });

  test("gives a consumer back when the worker is too slow, and delivers again", () => {
    const slow = brokered([0], { maxConnections: 1, timeoutMs: 60, retries: 1 });
    const results = run(slow, 1000);
    expect(resultsOfComponent(results, "worker")).toMatchObject({ arrivals: 2, timedOut: 2, completed: 2 });
    expect(resultsOfComponent(results, "queue").deadLettered).toBe(1);
  });

  test("keeps its messages when the worker is down and delivers them afterwards", () => {
    const patient = { maxConnections: 1, retries: 10, retryBackoffMs: 100, retryJitter: "none" } as const;
    const changes = [
      { atMs: 0, change: { kind: "down", component: "worker", instances: [0], inFlight: "fail", isNoticed: true } },
      { atMs: 1000, change: { kind: "up", component: "worker", instances: [0] } },
    ] as const;
    const results = simulate(brokered([10, 20, 30], patient), { durationMs: 10_000, changes }).results();
    expect(resultsOfComponent(results, "worker")).toMatchObject({ completed: 3 });
    expect(resultsOfComponent(results, "queue").deadLettered).toBe(0);
  });
});
