import { describe, expect, test } from "vitest";
import type { Architecture, Component } from "./architecture.ts";
import type { Change } from "./changes.ts";
import { component, constant, link, poisson, resultsOfComponent, simulate } from "./scenario.ts";

/** A database with a primary and two replicas of 100 slots each, asked 100 times at once. */
function split(writeShare: number, given: Partial<Component> = {}): Architecture {
  const db = { instances: 3, concurrency: 100, serviceTime: constant(10), readWriteSplit: true, ...given };
  return {
    components: [component("client", "client"), component("db", "database", db)],
    links: [link("client", "db")],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: Array(100).fill(10), writeShare }],
  };
}

const down = (instances: readonly number[], isNoticed = true): Change => {
  return { kind: "down", component: "db", instances, inFlight: "fail", isNoticed };
};

function failedWith(model: Architecture, ...changes: readonly Change[]): number {
  return simulate(model, { durationMs: 100, changes: changes.map((change) => ({ atMs: 0, change })) }).results().failed;
}

describe("a database that splits reads and writes", () => {
  test("sends writes to the primary and reads to the replicas", () => {
    // Without noticing, whoever is sent to an instance that is down fails.
    expect(failedWith(split(1), down([0], false))).toBe(100);
    expect(failedWith(split(1), down([1, 2], false))).toBe(0);
    expect(failedWith(split(0), down([0], false))).toBe(0);
    expect(failedWith(split(0), down([1, 2], false))).toBe(100);
    const mixed = failedWith(split(0.3), down([0], false));
    // Binomial: 30 with a standard deviation of 4.6.
    expect(Math.abs(mixed - 30)).toBeLessThan(19);
    expect(mixed + failedWith(split(0.3), down([1, 2], false))).toBe(100);
  });

  test("reads from the primary when there is no replica, and makes the next one the primary when it is known to be down", () => {
    expect(failedWith(split(0), down([1, 2]))).toBe(0);
    expect(failedWith(split(1), down([0]))).toBe(0);
    expect(failedWith(split(1), down([0]), down([1], false))).toBe(100);
    expect(failedWith(split(1), down([0, 1, 2]))).toBe(100);
  });

  test("balances the reads among the replicas as it is told", () => {
    const model = split(0, { concurrency: 50, queueCapacity: 0, balancing: "round_robin" });
    expect(simulate(model, { durationMs: 100 }).results().completed).toBe(100);
    const writes = { ...model, workloads: model.workloads.map((one) => ({ ...one, writeShare: 1 })) };
    const results = simulate(writes, { durationMs: 100 }).results();
    expect(resultsOfComponent(results, "db")).toMatchObject({ completed: 50, shed: 50 });
  });

  test("without the split takes everything everywhere", () => {
    const failed = failedWith(split(1, { readWriteSplit: false, balancing: "round_robin" }), down([0], false));
    expect(Math.abs(failed - 33.5)).toBeLessThan(1);
  });
});
