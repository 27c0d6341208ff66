import { describe, expect, test } from "vitest";
import { MeshError } from "../errors.ts";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { ScriptedConnection } from "../testing/scripted-connection.ts";
import type { Connection } from "./connection.ts";
import { ConnectionBudget } from "./connection-budget.ts";
import { Pool, type PoolOptions } from "./pool.ts";

const scaler = { minConnections: 2, maxConnections: 4, callsPerConnection: 2 } as const;

function start(options: Partial<PoolOptions> & { limit?: number } = {}) {
  const clock = new FakeClock();
  const dialled: ScriptedConnection[] = [];
  const budget = new ConnectionBudget(options.limit ?? 100);
  const scaled: string[] = [];
  const pool = new Pool({
    connect: (id) => {
      const connection = new ScriptedConnection(id);
      dialled.push(connection);
      return connection;
    },
    budget,
    clock,
    random: seededRandom(1),
    scaler,
    onScale: (direction, reason, count) => void scaled.push(`${direction} ${count} ${reason}`),
    ...options,
  });
  pool.start();
  const at = (index: number): ScriptedConnection =>
    dialled[index] ?? expect.fail(`connection ${index} was not dialled`);
  const openAll = async (): Promise<void> => {
    for (const connection of dialled) {
      if (connection.state.kind === "connecting") {
        connection.open();
      }
    }
    await clock.advance(0);
  };
  const take = (count: number): Promise<Connection[]> =>
    Promise.all(Array.from({ length: count }, () => pool.acquire(undefined)));
  return { clock, dialled, budget, scaled, pool, at, openAll, take };
}

function outcome(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "taken",
    (error: unknown) => (error instanceof MeshError ? error.meshCode : String(error)),
  );
}

describe("a pool at rest", () => {
  test("dials its minimum and is available while that goes on", async () => {
    const { pool, dialled, openAll } = start();
    expect(dialled).toHaveLength(2);
    expect(pool.available).toBe(true);
    await openAll();
    expect(pool.counts()).toEqual({ connecting: 0, open: 2, draining: 0 });
  });

  test.each([
    ["no connection at least", { minConnections: 0 }],
    ["a maximum below the minimum", { minConnections: 5, maxConnections: 4 }],
  ])("is refused with %s", (_what, deviation) => {
    expect(() => start({ scaler: deviation })).toThrow("1 ≤ minimum ≤ maximum");
  });

  test("replaces a connection that is lost, and one that drains", async () => {
    const { pool, dialled, at, openAll } = start();
    await openAll();
    at(0).lose();
    at(1).drain("GOAWAY");
    expect(dialled).toHaveLength(4);
    await openAll();
    expect(pool.counts()).toEqual({ connecting: 0, open: 2, draining: 1 });
  });
});

describe("calls", () => {
  test("go to the connection that carries the fewest", async () => {
    const { openAll, take } = start();
    await openAll();
    expect((await take(4)).map(({ id }) => id).sort()).toEqual([1, 1, 2, 2]);
  });

  test("count the streams that a connection carries", async () => {
    const { pool, at, openAll, take } = start();
    await openAll();
    at(0).openStreams = 2;
    expect((await take(2)).map(({ id }) => id)).toEqual([2, 2]);
    expect(pool.inFlight).toBe(4);
  });

  test("wait while the first connection is being opened, and are served in their order", async () => {
    const { pool, at, clock } = start();
    const order: number[] = [];
    const calls = [1, 2].map((call) => pool.acquire(undefined).then(() => order.push(call)));
    expect(pool.queueDepth).toBe(2);
    at(0).open();
    await clock.advance(0);
    await Promise.all(calls);
    expect(order).toEqual([1, 2]);
    expect(pool.queueDepth).toBe(0);
  });

  test("wait while all connections are full, and get the place that is given back", async () => {
    const { pool, openAll, take } = start({ scaler: { ...scaler, maxConnections: 2 } });
    await openAll();
    const [first] = await take(4);
    const waiting = pool.acquire(undefined);
    expect(pool.queueDepth).toBe(1);
    pool.release(first as Connection);
    expect(await waiting).toBe(first);
    expect(pool.inFlight).toBe(4);
  });

  test("get a place that a stream has left without saying so", async () => {
    const { pool, at, openAll, clock } = start({ scaler: { ...scaler, maxConnections: 2 } });
    await openAll();
    at(0).openStreams = 2;
    at(1).openStreams = 2;
    const waiting = pool.acquire(undefined);
    at(1).openStreams = 1;
    await clock.advance(100);
    expect((await waiting).id).toBe(2);
  });

  test("stop waiting when their deadline passes, with its error", async () => {
    const { pool } = start();
    const controller = new AbortController();
    const waiting = outcome(pool.acquire(controller.signal));
    controller.abort(new MeshError("DEADLINE_EXCEEDED"));
    expect(await waiting).toBe("DEADLINE_EXCEEDED");
    expect(pool.queueDepth).toBe(0);
  });

  test("stop waiting as CANCELED when their caller goes, also when it had gone before", async () => {
    const { pool } = start();
    expect(await outcome(pool.acquire(AbortSignal.abort("gone")))).toBe("CANCELED");
    expect(pool.queueDepth).toBe(0);
  });

  test("are refused when too many wait already", async () => {
    const { pool } = start({ maxQueueDepth: 1 });
    void pool.acquire(undefined);
    expect(await outcome(pool.acquire(undefined))).toBe("QUEUE_FULL");
  });

  test("leave no trace of their signal once they have a connection", async () => {
    const { pool, openAll } = start();
    const controller = new AbortController();
    const waiting = pool.acquire(controller.signal);
    await openAll();
    await waiting;
    controller.abort(new Error("late"));
    expect(pool.inFlight).toBe(1);
  });

  test("may give back what their lost connection no longer counts", async () => {
    const { pool, openAll, take, at } = start();
    await openAll();
    const [connection] = await take(1);
    at((connection as Connection).id - 1).lose();
    pool.release(connection as Connection);
    expect(pool.inFlight).toBe(0);
  });
});

describe("a pool that grows", () => {
  test("adds a connection when more than 80 % of its capacity is used, without making calls wait", async () => {
    const { pool, dialled, openAll, take, clock, scaled } = start();
    await openAll();
    await take(4);
    await clock.advance(100);
    expect(dialled).toHaveLength(3);
    expect(scaled).toEqual(["up 2 minimum", "up 1 utilization"]);
    await openAll();
    expect(await outcome(pool.acquire(undefined))).toBe("taken");
  });

  test("grows within a call of the queue's threshold, at once to what is needed", async () => {
    const { pool, dialled, openAll, take } = start();
    await openAll();
    await take(4);
    for (let call = 0; call < 11; call += 1) {
      void pool.acquire(undefined);
    }
    expect(dialled).toHaveLength(4);
  });

  test("does not grow for calls that only wait for the first dials", () => {
    const { pool, dialled } = start({ scaler: { ...scaler, maxConnections: 20, callsPerConnection: 100 } });
    for (let call = 0; call < 60; call += 1) {
      void pool.acquire(undefined);
    }
    expect(dialled).toHaveLength(2);
  });

  test("stops at its maximum", async () => {
    const { dialled, openAll, pool, clock } = start();
    for (let call = 0; call < 100; call += 1) {
      void pool.acquire(undefined);
    }
    await openAll();
    await clock.advance(1000);
    expect(dialled).toHaveLength(4);
  });

  test("asks the process's ceiling before it dials, and refuses calls when nothing may be opened", async () => {
    const none = start({ limit: 1 });
    expect(none.dialled).toHaveLength(1);
    none.budget.release();
    none.budget.tryAllocate();
    const blocked = new Pool({
      connect: () => expect.fail("dialled beyond the ceiling"),
      budget: none.budget,
      clock: none.clock,
      random: seededRandom(1),
      scaler,
    });
    blocked.start();
    expect(await outcome(blocked.acquire(undefined))).toBe("CONNECTION_CEILING");
    expect(blocked.available).toBe(false);
  });

  test("dials again once the ceiling has room", async () => {
    const { dialled, budget, clock } = start({ limit: 1 });
    expect(dialled).toHaveLength(1);
    budget.release();
    await clock.advance(100);
    expect(dialled).toHaveLength(2);
  });
});

describe("a pool that shrinks", () => {
  const fiveMinutesMs = 300_000;

  async function grown() {
    const parts = start();
    await parts.openAll();
    const calls = await parts.take(4);
    await parts.clock.advance(100);
    await parts.openAll();
    calls.push(...(await parts.take(2)));
    await parts.clock.advance(100);
    await parts.openAll();
    expect(parts.pool.open).toBe(4);
    return { ...parts, calls };
  }

  test("gives up one connection per five minutes of quiet, down to its minimum", async () => {
    const { pool, clock, calls } = await grown();
    for (const call of calls) {
      pool.release(call);
    }
    await clock.advance(fiveMinutesMs - 1000);
    expect(pool.open).toBe(4);
    await clock.advance(2000);
    expect(pool.open).toBe(3);
    await clock.advance(fiveMinutesMs);
    expect(pool.open).toBe(2);
    await clock.advance(2 * fiveMinutesMs);
    expect(pool.open).toBe(2);
  });

  test("retires the emptiest and leaves the call of a draining one alone", async () => {
    const { pool, clock, calls, dialled } = await grown();
    for (const call of calls.slice(1)) {
      pool.release(call);
    }
    const busy = calls[0] as Connection;
    await clock.advance(fiveMinutesMs + 1000);
    expect(busy.state.kind).toBe("open");
    expect(dialled.filter(({ state }) => state.kind === "draining")).toHaveLength(1);
    expect(pool.inFlight).toBe(1);
  });
});

describe("a pool whose dials fail", () => {
  test("rejects every waiting call at once and is not available", async () => {
    const { pool, at, clock } = start();
    const first = outcome(pool.acquire(undefined));
    at(0).fail();
    expect(await first).toBe("CONNECT_FAILED");
    expect(pool.available).toBe(false);
    const second = outcome(pool.acquire(undefined));
    at(1).fail();
    await clock.advance(0);
    expect(await second).toBe("CONNECT_FAILED");
  });

  test("refuses a call at once while it waits to dial again", async () => {
    const { pool, at, clock } = start();
    at(0).fail();
    at(1).fail();
    await clock.advance(0);
    expect(await outcome(pool.acquire(undefined))).toBe("CONNECT_FAILED");
  });

  test("dials again only after a pause that grows, one round each", async () => {
    const { dialled, clock } = start({ random: { next: () => 0.999, id: () => "" } });
    const rounds: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      const startedAtMs = clock.monotonicMs();
      const before = dialled.length;
      for (const connection of dialled) {
        connection.fail();
      }
      while (dialled.length === before && clock.monotonicMs() - startedAtMs < 5000) {
        await clock.advance(10);
      }
      expect(dialled.length - before).toBe(2);
      rounds.push(clock.monotonicMs() - startedAtMs);
    }
    expect(rounds).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
  });

  test("spreads its pauses by chance", async () => {
    const { dialled, clock } = start({ random: { next: () => 0.1, id: () => "" } });
    for (const connection of dialled) {
      connection.fail();
    }
    await clock.advance(5);
    expect(dialled).toHaveLength(4);
  });

  test("does not dial in a loop when others of its connections are open", async () => {
    const { pool, dialled, at, openAll, clock } = start({ random: { next: () => 0.999, id: () => "" } });
    await openAll();
    at(0).lose();
    at(2).fail();
    await clock.advance(40);
    expect(dialled).toHaveLength(3);
    expect(pool.available).toBe(true);
    expect(await outcome(pool.acquire(undefined))).toBe("taken");
    await clock.advance(60);
    expect(dialled).toHaveLength(4);
  });

  test("is available again with the first connection that opens", async () => {
    const { pool, dialled, clock, openAll } = start();
    for (const connection of dialled) {
      connection.fail();
    }
    await clock.advance(100);
    await openAll();
    expect(pool.available).toBe(true);
    expect(await outcome(pool.acquire(undefined))).toBe("taken");
  });

  test("treats an address that cannot be dialled like one that does not answer", async () => {
    const { pool, budget } = start({
      connect: () => {
        throw new TypeError("Invalid URL");
      },
    });
    expect(await outcome(pool.acquire(undefined))).toBe("CONNECT_FAILED");
    expect(budget.allocated).toBe(0);
  });

  test("rejects calls that wait when the last connection goes while a redial is pending", async () => {
    const { pool, at, openAll, take, clock } = start({ scaler: { ...scaler, maxConnections: 2 } });
    await openAll();
    await take(4);
    at(0).lose();
    at(2).fail();
    await clock.advance(0);
    const waiting = outcome(pool.acquire(undefined));
    at(1).lose();
    expect(await waiting).toBe("CONNECT_FAILED");
  });
});

describe("a pool that ends", () => {
  test("drains its connections, rejects calls, and dials no more", async () => {
    const { pool, dialled, budget, openAll, clock } = start({ scaler: { ...scaler, maxConnections: 2 } });
    await openAll();
    pool.drain("the instance is gone");
    expect(dialled.map(({ state }) => state.kind)).toEqual(["draining", "draining"]);
    expect(await outcome(pool.acquire(undefined))).toBe("CONNECT_FAILED");
    for (const connection of dialled) {
      connection.lose();
    }
    await clock.advance(10_000);
    expect(dialled).toHaveLength(2);
    expect(budget.allocated).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("rejects those that wait", async () => {
    const { pool } = start();
    const waiting = outcome(pool.acquire(undefined));
    pool.destroy("stopping");
    expect(await waiting).toBe("CONNECT_FAILED");
  });
});
