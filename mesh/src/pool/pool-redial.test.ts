import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { ask } from "../testing/pooled-calls.ts";
import { startScriptedPool } from "../testing/scripted-pool.ts";
import { ConnectionBudget } from "./connection-budget.ts";

const small = { minConnections: 2, maxConnections: 4, callsPerConnection: 2, packedCalls: 1 } as const;
const start = (options: Parameters<typeof startScriptedPool>[0] = {}) =>
  startScriptedPool({ scaler: small, ...options });
const late = { next: () => 0.999, int32: () => 1, id: () => "" };

describe("a pool whose dials fail", () => {
  test("turns every waiting call away at once and is not available", async () => {
    const { pool, at, clock } = start();
    const first = ask(pool, 0);
    at(0).fail();
    await clock.advance(0);
    expect(first.outcome).toBe("CONNECT_FAILED");
    expect(pool.available).toBe(false);
    const second = ask(pool, 0);
    expect(second.outcome).toBe("waiting");
    at(1).fail();
    await clock.advance(0);
    expect(second.outcome).toBe("CONNECT_FAILED");
  });

  test("refuses a call at once while it waits to dial again", async () => {
    const { pool, at, clock, dialled } = start({ random: late });
    at(0).fail();
    at(1).fail();
    await clock.advance(0);
    expect(ask(pool, 0).outcome).toBe("CONNECT_FAILED");
    expect(dialled).toHaveLength(2);
  });

  test("dials again only after a pause that grows, one connection until it has reached the peer", async () => {
    const { dialled, clock } = start({ random: late });
    const rounds: number[] = [];
    const counts: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const startedAtMs = clock.monotonicMs();
      const before = dialled.length;
      for (const connection of dialled) {
        connection.fail();
      }
      while (dialled.length === before && clock.monotonicMs() - startedAtMs < 5000) {
        await clock.advance(10);
      }
      counts.push(dialled.length - before);
      rounds.push(clock.monotonicMs() - startedAtMs);
    }
    expect(rounds).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
    expect(counts).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });

  test("spreads its pauses by chance", async () => {
    const { dialled, clock } = start({ random: { next: () => 0.1, int32: () => 1, id: () => "" } });
    for (const connection of dialled) {
      connection.fail();
    }
    await clock.advance(5);
    expect(dialled).toHaveLength(3);
  });

  test("does not dial in a loop when others of its connections are open", async () => {
    const { pool, dialled, at, openAll, clock } = start({ random: late });
    await openAll();
    at(0).lose();
    await clock.advance(250);
    at(2).fail();
    await clock.advance(40);
    expect(dialled).toHaveLength(3);
    expect(pool.available).toBe(true);
    expect(ask(pool, clock.monotonicMs()).outcome).toBe("taken");
    await clock.advance(60);
    expect(dialled).toHaveLength(4);
  });

  test("is available again with the first connection that opens, and then warms up to its minimum", async () => {
    const { pool, dialled, clock, openAll } = start();
    for (const connection of dialled) {
      connection.fail();
    }
    await clock.advance(100);
    expect(dialled).toHaveLength(3);
    await openAll();
    expect(pool.available).toBe(true);
    expect(ask(pool, clock.monotonicMs()).outcome).toBe("taken");
    expect(dialled).toHaveLength(4);
  });

  test("treats an address that cannot be dialled like one that does not answer", () => {
    const { pool, budget } = start({
      connect: () => {
        throw new TypeError("Invalid URL");
      },
    });
    expect(ask(pool, 0).outcome).toBe("CONNECT_FAILED");
    expect(budget.allocated).toBe(0);
  });

  test("turns away calls that wait when the last connection goes while a redial is pending", async () => {
    const { pool, at, openAll, take, clock } = start({ scaler: { ...small, maxConnections: 2 }, random: late });
    await openAll();
    take(4);
    at(0).lose();
    await clock.advance(250);
    at(2).fail();
    await clock.advance(0);
    const waiting = ask(pool, clock.monotonicMs());
    expect(waiting.outcome).toBe("waiting");
    at(1).lose();
    expect(waiting.outcome).toBe("CONNECT_FAILED");
  });
});

describe("a pool that loses connections", () => {
  test("waits a moment, drawn by chance, before it dials what nobody waits for", async () => {
    const { dialled, at, openAll, clock } = start({ random: { next: () => 0.5, int32: () => 1, id: () => "" } });
    await openAll();
    at(0).lose();
    await clock.advance(124);
    expect(dialled).toHaveLength(2);
    await clock.advance(1);
    expect(dialled).toHaveLength(3);
  });

  test("is not available without any, until one opens", async () => {
    const { pool, at, openAll, clock } = start();
    await openAll();
    at(0).lose();
    expect(pool.available).toBe(true);
    at(1).lose();
    expect(pool.available).toBe(false);
    await clock.advance(250);
    expect(pool.available).toBe(false);
    await openAll();
    expect(pool.available).toBe(true);
  });

  test("dials one at once for a call that waits, which is served when it opens", async () => {
    const { pool, dialled, at, openAll } = start({ random: late });
    await openAll();
    at(0).lose();
    at(1).lose();
    const calls = [ask(pool, 0), ask(pool, 0)];
    expect(dialled).toHaveLength(3);
    await openAll();
    expect(calls.map(({ outcome }) => outcome)).toEqual(["taken", "taken"]);
  });

  test("grows for load meanwhile", async () => {
    const { dialled, at, openAll, take } = start({ random: late });
    await openAll();
    at(0).lose();
    take(2);
    expect(dialled).toHaveLength(3);
  });

  test("does not come back in the same instant as a hundred others that lost the same peer", async () => {
    const clock = new FakeClock();
    const budget = new ConnectionBudget();
    const random = seededRandom(7);
    const pools = Array.from({ length: 100 }, () =>
      startScriptedPool({ clock, budget, random, scaler: { ...small, minConnections: 5, maxConnections: 5 } }),
    );
    for (const { openAll } of pools) {
      await openAll();
    }
    for (const { dialled } of pools) {
      for (const connection of dialled) {
        connection.lose();
      }
    }
    const dials = (): number => pools.reduce((sum, { dialled }) => sum + dialled.length, 0);
    const perTenMs: number[] = [];
    for (let before = dials(), step = 0; step < 25; step += 1) {
      await clock.advance(10);
      perTenMs.push(dials() - before);
      before = dials();
    }
    expect(perTenMs.reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(Math.max(...perTenMs)).toBeLessThanOrEqual(10);
    for (const { openAll } of pools) {
      await openAll();
    }
    expect(dials()).toBe(500 + 500);
  });
});
