import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "../architecture.ts";
import { expectMean, replicate } from "../replications.ts";
import { component, constant, exponential, link, poisson, resultsOfComponent, simulate } from "../scenario.ts";

/** Requests at these times, each of which calls something for 100 ms over the pool of a link. */
function pooled(arrivalsMs: readonly number[], given: Partial<Link>, front: Partial<Component> = {}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("front", "service", { concurrency: 1000, balancing: "round_robin", ...front }),
      component("db", "database", { concurrency: 1000, serviceTime: constant(100) }),
    ],
    links: [link("client", "front"), link("front", "db", given)],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs }],
  };
}

const run = (model: Architecture, durationMs = 10_000) => simulate(model, { durationMs }).results();

describe("a connection pool", () => {
  test("lets so many calls be under way, and the others wait in the order in which they came", () => {
    const model = pooled([0, 0, 10, 20, 30], { maxConnections: 2 });
    // Two at once from 0, 0 → 100; then 10 and 20 → 200, and 30 → 300.
    const results = run(model, 305);
    expect(results).toMatchObject({ completed: 5, latency: { maxMs: 270, meanMs: (100 + 100 + 190 + 180 + 270) / 5 } });
    const front = resultsOfComponent(results, "front");
    expect(front.connectionWaitMeanMs).toBeCloseTo((90 + 80 + 170) / 3, 9);
    expect(front.backlogMean).toBeCloseTo((90 + 80 + 170) / 305, 9);
  });

  test("is one for each calling instance", () => {
    const arrivals = [0, 0, 0, 0];
    expect(run(pooled(arrivals, { maxConnections: 1 })).latency.maxMs).toBe(400);
    expect(run(pooled(arrivals, { maxConnections: 1 }, { instances: 2 })).latency.maxMs).toBe(200);
    expect(run(pooled(arrivals, { maxConnections: 1 }, { instances: 4 })).latency.maxMs).toBe(100);
  });

  test("refuses who finds the queue full, and who has waited too long", () => {
    const full = run(pooled([0, 0, 0, 0], { maxConnections: 1, connectionQueue: 2 }));
    expect(full).toMatchObject({ completed: 3, failed: 1 });
    expect(resultsOfComponent(full, "db").refusedByPool).toBe(1);
    const impatient = run(pooled([0, 0, 0, 0], { maxConnections: 1, connectionTimeoutMs: 150 }));
    expect(impatient).toMatchObject({ completed: 2, failed: 2 });
    expect(resultsOfComponent(impatient, "db")).toMatchObject({ arrivals: 2, refusedByPool: 2, timedOut: 0 });
    // Two waited 150 ms in vain and one 100 ms.
    expect(resultsOfComponent(impatient, "front").connectionWaitMeanMs).toBeCloseTo((100 + 150 + 150) / 3, 9);
  });

  test("lets a refused call be tried again", () => {
    const given = {
      maxConnections: 1,
      connectionQueue: 0,
      retries: 1,
      retryBackoffMs: 100,
      retryJitter: "none",
    } as const;
    expect(run(pooled([0, 50], given))).toMatchObject({ completed: 2, latency: { maxMs: 200 } });
  });

  test("has its connection back when the caller gives up, whatever goes on behind it", () => {
    const results = run(pooled([0, 0, 0], { maxConnections: 1, timeoutMs: 40 }), 90);
    // The timeout runs from when an attempt is sent: they follow each other every 40 ms, and all work at once at the callee.
    expect(results).toMatchObject({ completed: 0, failed: 2, inFlight: 1 });
    expect(resultsOfComponent(results, "db")).toMatchObject({ arrivals: 3, inFlight: 3 });
  });

  test("that a change makes larger lets those go on who wait", () => {
    const model = pooled([0, 0, 0, 0], { maxConnections: 1 });
    const change = { kind: "connections", link: "front-db", connections: 3 } as const;
    const results = simulate(model, { durationMs: 1000, changes: [{ atMs: 10, change }] }).results();
    // Two more start at 10, and the last when the first is answered at 100.
    expect(results).toMatchObject({ completed: 4, latency: { maxMs: 200, meanMs: (100 + 110 + 110 + 200) / 4 } });
  });

  test("of 5 is an M/M/5 for whoever waits", () => {
    const model: Architecture = {
      components: [
        component("client", "client"),
        component("db", "database", { concurrency: 10_000, serviceTime: exponential(100) }),
      ],
      links: [link("client", "db", { maxConnections: 5 })],
      workloads: [poisson("client", 40)],
    };
    const runs = replicate(model, { requests: 5000, ratePerSecond: 40, warmupSeconds: 20 });
    expectMean(runs, (one) => one.latency.meanMs, 155.41, { precision: 0.025 });
    expectMean(runs, (one) => resultsOfComponent(one, "client").backlogMean, 40 * 0.05541, { precision: 0.07 });
  });
});
