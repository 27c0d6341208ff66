import { describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { ask } from "../testing/pooled-calls.ts";
import { startScriptedPool } from "../testing/scripted-pool.ts";
import { ConnectionBudget } from "./connection-budget.ts";
import type { PooledConnection } from "./pool.ts";

const two = { minConnections: 2, maxConnections: 8, callsPerConnection: 2, packedCalls: 1 } as const;

/** Pools of one process, one per priority given. */
async function process(limit: number, priorities: readonly number[], minConnections = 2) {
  const clock = new FakeClock();
  const budget = new ConnectionBudget(limit);
  const add = (priority: number) => startScriptedPool({ clock, budget, priority, scaler: { ...two, minConnections } });
  const pools: ReturnType<typeof add>[] = [];
  for (const priority of priorities) {
    pools.push(add(priority));
    await pools.at(-1)?.openAll();
  }
  const at = (index: number) => pools[index] ?? expect.fail(`no pool ${index}`);
  /** What drains and holds no call closes, and what is dialled opens. */
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 10; round += 1) {
      for (const { dialled, openAll } of pools) {
        for (const connection of [...dialled]) {
          if (connection.state.kind === "draining") {
            connection.lose();
          }
        }
        await openAll();
      }
    }
  };
  return { clock, budget, pools, at, add, settle, open: () => pools.map(({ pool }) => pool.open) };
}

describe("the ceiling of a process", () => {
  test("ASVS 13.2.6: is asked before a dial, and a pool that gets nothing refuses its calls", async () => {
    const { at, budget } = await process(2, [0, 1]);
    expect(at(1).dialled).toHaveLength(0);
    expect(budget.allocated).toBe(2);
    expect(at(1).pool.available).toBe(false);
    expect(ask(at(1).pool, 0).outcome).toBe("CONNECTION_CEILING");
  });

  test("lets the pool that waits dial as soon as a connection has closed, without a timer", async () => {
    const { at } = await process(2, [0, 1]);
    at(0).pool.drain("the instance is gone");
    at(0).at(0).lose();
    expect(at(1).dialled).toHaveLength(1);
    await at(1).openAll();
    expect(at(1).pool.available).toBe(true);
  });

  test("serves calls that wait when a connection is on its way from a lower pool, once that has drained", async () => {
    const { at, pools, add } = await process(4, [3], 4);
    const calls = at(0).take(7);
    pools.push(add(0));
    const waiting = ask(at(1).pool, 0);
    expect([waiting.outcome, at(1).pool.available]).toEqual(["waiting", true]);
    expect(at(0).pool.counts()).toMatchObject({ open: 1, draining: 3 });
    expect(at(1).dialled).toHaveLength(0);
    const drained = calls.find(({ connection }) => connection.state.kind === "draining") as PooledConnection;
    at(0)
      .at(drained.connection.id - 1)
      .lose();
    await at(1).openAll();
    expect(waiting.outcome).toBe("taken");
  });

  test("takes a dial that is still going on first, which its pool does not take for a failed one", async () => {
    const { at, clock, budget } = await process(3, [4], 2);
    at(0).take(4);
    expect(at(0).pool.counts()).toMatchObject({ open: 2, connecting: 1 });
    const high = startScriptedPool({ clock, budget, priority: 0, scaler: { ...two, minConnections: 1 } });
    await clock.advance(0);
    expect(at(0).pool.counts()).toMatchObject({ open: 2, connecting: 0 });
    expect(high.dialled).toHaveLength(1);
    at(0).at(0).lose();
    at(0).at(1).lose();
    expect(ask(at(0).pool, 0).outcome).toBe("waiting");
  });

  test("asks for another connection when the one that was to come drains without end", async () => {
    const { at, clock, budget } = await process(4, [4], 4);
    const high = startScriptedPool({ clock, budget, priority: 0, scaler: { ...two, minConnections: 1 } });
    await clock.advance(4000);
    expect(at(0).pool.counts()).toMatchObject({ open: 3, draining: 1 });
    await clock.advance(3000);
    expect(at(0).pool.counts()).toMatchObject({ open: 2, draining: 2 });
    expect(high.dialled).toHaveLength(0);
    at(0).at(2).lose();
    expect(high.dialled).toHaveLength(1);
  });

  test("moves connections from the lowest pool up, never to fewer than one while others have two", async () => {
    const { at, settle, open } = await process(8, [4, 3, 2], 3);
    await settle();
    expect(open()).toEqual([2, 3, 3]);
    at(2).take(6);
    await settle();
    expect(open()).toEqual([1, 3, 4]);
    at(2).take(1);
    await settle();
    expect(open()).toEqual([1, 2, 5]);
  });

  test("always has one for the highest priority", async () => {
    const { pools, add, settle, open, at } = await process(3, [2, 2, 4], 1);
    pools.push(add(0));
    await settle();
    expect(open()).toEqual([1, 1, 0, 1]);
    at(3).take(2);
    await settle();
    expect(open().at(-1)).toBe(2);
  });

  test("does not oscillate: what moved stays while it is needed, and comes back when it has been quiet for long", async () => {
    const { at, settle, open, clock } = await process(6, [4, 0], 2);
    const low = at(0).take(4);
    await settle();
    expect(open()).toEqual([3, 2]);
    low.push(...at(0).take(1));
    await settle();
    expect(open()).toEqual([4, 2]);
    const high = at(1).take(4);
    await settle();
    expect(open()).toEqual([3, 3]);
    const dials = () => at(0).dialled.length + at(1).dialled.length;
    const before = dials();
    for (let second = 0; second < 200; second += 1) {
      await clock.advance(1000);
      await settle();
    }
    expect([open(), dials()]).toEqual([[3, 3], before]);
    for (const slot of high) {
      at(1).pool.release(slot);
    }
    for (let second = 0; second < 302; second += 1) {
      await clock.advance(1000);
      await settle();
    }
    expect(open()).toEqual([4, 2]);
  });

  test("shares evenly between pools of one priority", async () => {
    const { settle, open, clock } = await process(10, [3, 3, 3], 5);
    await settle();
    expect(open().sort()).toEqual([3, 3, 4]);
    await clock.advance(5000);
    await settle();
    expect(open().sort()).toEqual([3, 3, 4]);
  });

  test("is back at zero when all pools have ended, whoever was waiting", async () => {
    const { pools, budget, settle, clock } = await process(5, [4, 3, 0], 3);
    for (const { pool } of pools) {
      pool.drain("stopping");
    }
    await settle();
    expect([budget.allocated, budget.claimed, clock.pendingTimers]).toEqual([0, 0, 0]);
  });
});
