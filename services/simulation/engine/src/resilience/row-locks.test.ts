import { describe, expect, test } from "vitest";
import type { Architecture, Locks } from "../architecture.ts";
import { compileModel } from "../model.ts";
import type { RunComponent } from "../run-component.ts";
import { RunState } from "../run-state.ts";
import { component, constant, exponential, link, poisson, resultsOfComponent, simulate } from "../scenario.ts";
import type { Visit } from "../visit.ts";
import { RowLocks } from "./row-locks.ts";

/** Four requests at a database. */
function fourVisits(): [Visit, Visit, Visit, Visit] {
  const model = compileModel(locking({ keys: 1, skew: 0, share: 1 }));
  const run = new RunState(model, { seed: 1, lanes: true, maxRequestsInSystem: 4, traceEvery: 0, maxTracedSpans: 0 });
  const visit = () => run.visits.acquire(run.components[1] as RunComponent);
  return [visit(), visit(), visit(), visit()];
}

describe("a row", () => {
  test("goes from one to the next in the order in which they asked", () => {
    const locks = new RowLocks(2);
    const [a, b, c, d] = fourVisits();
    expect([a, b, c].map((visit) => locks.acquire(visit, 7))).toEqual([true, false, false]);
    expect(locks.acquire(d, 8)).toBe(true);
    expect(locks.release(a)).toBe(b);
    expect(locks.release(b)).toBe(c);
    expect(locks.release(c)).toBeUndefined();
    expect(locks.acquire(a, 7)).toBe(true);
  });

  test("can be given up by who waits for it, at either end and in the middle", () => {
    for (const leaving of [1, 2, 3]) {
      const locks = new RowLocks(2);
      const asking = fourVisits();
      for (const visit of asking) locks.acquire(visit, 0);
      expect(locks.release(asking[leaving] as Visit)).toBeUndefined();
      const order = asking.filter((_, index) => index !== leaving);
      for (const [index, visit] of order.entries()) expect(locks.release(visit)).toBe(order[index + 1]);
    }
  });
});

function locking(locks: Locks, given: Partial<Architecture["workloads"][number]> = {}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("db", "database", { instances: 2, concurrency: 10, serviceTime: constant(100), locks }),
    ],
    links: [link("client", "db")],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: [0, 0, 0, 0], ...given }],
  };
}

describe("a database with locks", () => {
  test("works on one request of a row after the other, over all instances", () => {
    const run = simulate(locking({ keys: 1, skew: 0, share: 1 }), { durationMs: 1000 }).results();
    expect(run.latency).toMatchObject({ maxMs: 400, meanMs: 250 });
    // Slots are held while waiting for the row: 100 + 200 + 300 + 400 of 20 for a second; worked on for 400.
    expect(resultsOfComponent(run, "db").utilization).toBeCloseTo(0.05, 9);
    expect(resultsOfComponent(run, "db").workUtilization).toBeCloseTo(0.02, 9);
  });

  test("locks for writes alone where it is known who writes", () => {
    const readers = simulate(locking({ keys: 1, skew: 0, share: 1 }, { writeShare: 1e-9 }), { durationMs: 1000 });
    expect(readers.results().latency.maxMs).toBe(100);
    const writers = simulate(locking({ keys: 1, skew: 0, share: 1 }, { writeShare: 1 }), { durationMs: 1000 });
    expect(writers.results().latency.maxMs).toBe(400);
  });

  test("with one row in many locked by all is a single server in the end", () => {
    const model: Architecture = {
      ...locking({ keys: 1, skew: 0, share: 1 }, { kind: "poisson", ratePerSecond: 80 }),
      components: [
        component("client", "client"),
        component("db", "database", {
          concurrency: 1000,
          serviceTime: exponential(10),
          locks: { keys: 1, skew: 0, share: 1 },
        }),
      ],
    };
    const { latency } = simulate(model, { durationMs: 600_000, warmupMs: 10_000 }).results();
    // M/M/1 at 0.8: 50 ms; 48 000 requests.
    expect(Math.abs(latency.meanMs - 50)).toBeLessThan(5);
  });

  test("lets the next have the row when its owner is called off or crashes", () => {
    const crash = { kind: "down", component: "db", instances: [0], inFlight: "fail", isNoticed: true } as const;
    const run = simulate(locking({ keys: 1, skew: 0, share: 1 }), {
      durationMs: 1000,
      changes: [{ atMs: 50, change: crash }],
    });
    const db = resultsOfComponent(run.results(), "db");
    expect(db).toMatchObject({ arrivals: 4, inFlight: 0 });
    expect(db.failed).toBeGreaterThan(0);
    expect(db.completed).toBe(4 - db.failed);
    // Those that are left work one after the other from 0 or from 50 on.
    expect(run.results().latency.maxMs % 50).toBe(0);
  });
});
