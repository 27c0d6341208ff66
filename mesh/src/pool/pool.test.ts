import { describe, expect, test } from "vitest";
import { ask, TestWaiter } from "../testing/pooled-calls.ts";
import { ScriptedConnection } from "../testing/scripted-connection.ts";
import { startScriptedPool } from "../testing/scripted-pool.ts";
import type { PooledConnection } from "./pool.ts";

const small = { minConnections: 2, maxConnections: 4, callsPerConnection: 2, packedCalls: 1 } as const;
const start = (options: Parameters<typeof startScriptedPool>[0] = {}) =>
  startScriptedPool({ scaler: small, ...options });

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
    ["no call per connection", { callsPerConnection: 0 }],
    ["no call packed", { packedCalls: 0 }],
  ])("is refused with %s", (_what, deviation) => {
    expect(() => start({ scaler: deviation })).toThrow(/1 ≤ minimum ≤ maximum|both from 1/);
  });

  test("replaces a connection that is lost, and one that drains", async () => {
    const { pool, dialled, at, openAll, clock } = start();
    await openAll();
    at(0).lose();
    at(1).drain("GOAWAY");
    await clock.advance(250);
    await openAll();
    await openAll();
    expect(pool.counts()).toEqual({ connecting: 0, open: 2, draining: 1 });
    expect(dialled).toHaveLength(4);
  });

  test("has no timer, before its first call and a second after its last", async () => {
    const { pool, openAll, clock, take } = start();
    await openAll();
    expect(clock.pendingTimers).toBe(0);
    const [slot] = take(1);
    await clock.advance(10_000);
    pool.release(slot as PooledConnection);
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("calls", () => {
  test("go to the connection that carries the fewest", async () => {
    const { openAll, take } = start();
    await openAll();
    expect(take(4).map(({ connection }) => connection.id)).toEqual([1, 2, 1, 2]);
  });

  test("are packed on the first connection until it is busy", async () => {
    const { openAll, take } = start({ scaler: { ...small, callsPerConnection: 8, packedCalls: 2 } });
    await openAll();
    expect(take(7).map(({ connection }) => connection.id)).toEqual([1, 1, 2, 2, 1, 2, 1]);
  });

  test("count the streams that a connection carries", async () => {
    const { pool, at, openAll, take } = start();
    await openAll();
    at(0).openStreams = 2;
    expect(take(2).map(({ connection }) => connection.id)).toEqual([2, 2]);
    expect(pool.inFlight).toBe(4);
  });

  test("wait while the first connection is being opened, and are served in their order", async () => {
    const { pool, at, clock } = start();
    const order: number[] = [];
    for (const call of [1, 2]) {
      ask(pool, 0, () => order.push(call));
    }
    expect(pool.queueDepth).toBe(2);
    at(0).open();
    await clock.advance(0);
    expect(order).toEqual([1, 2]);
    expect(pool.queueDepth).toBe(0);
  });

  test("wait while all connections are full, and get the place that is given back", async () => {
    const { pool, openAll, take } = start({ scaler: { ...small, maxConnections: 2 } });
    await openAll();
    const [first] = take(4);
    const waiting = ask(pool, 0);
    expect([pool.queueDepth, waiting.outcome]).toEqual([1, "waiting"]);
    pool.release(first as PooledConnection);
    expect(waiting.slot).toBe(first);
    expect(pool.inFlight).toBe(4);
  });

  test("get a place that a stream has left without saying so", async () => {
    const { pool, at, openAll, clock } = start({ scaler: { ...small, maxConnections: 2 } });
    await openAll();
    at(0).openStreams = 2;
    at(1).openStreams = 2;
    const waiting = ask(pool, 0);
    at(1).openStreams = 1;
    await clock.advance(100);
    expect(waiting.slot?.connection.id).toBe(2);
  });

  test("leave the line when they give up, and hear nothing any more", async () => {
    const { pool, openAll } = start();
    const [early, late] = [ask(pool, 0), ask(pool, 0)];
    pool.leave(early);
    pool.leave(early);
    expect(pool.queueDepth).toBe(1);
    await openAll();
    pool.leave(late);
    expect([early.outcome, late.outcome, pool.inFlight]).toEqual(["waiting", "taken", 1]);
  });

  test("are refused when too many wait already", () => {
    const { pool } = start({ maxQueueDepth: 1 });
    expect([ask(pool, 0), ask(pool, 0)].map(({ outcome }) => outcome)).toEqual(["waiting", "QUEUE_FULL"]);
  });

  test("hear nothing before they stand in line, whatever their coming sets off", () => {
    const { pool } = start({
      connect: () => {
        throw new TypeError("Invalid URL");
      },
    });
    const waiter = new TestWaiter();
    expect(() => pool.enqueue(waiter, 0)).toThrow("could not be reached");
    expect([waiter.outcome, pool.queueDepth]).toEqual(["waiting", 0]);
  });

  test("may give back what their lost connection no longer counts", async () => {
    const { pool, openAll, take, at } = start();
    await openAll();
    const [slot] = take(1);
    at((slot as PooledConnection).connection.id - 1).lose();
    pool.release(slot as PooledConnection);
    expect(pool.inFlight).toBe(0);
  });

  test("that give their connection back as soon as they get it do not exhaust the stack", async () => {
    const { pool, openAll } = start({ maxQueueDepth: 100_000 });
    let served = 0;
    for (let call = 0; call < 100_000; call += 1) {
      ask(pool, 0, ({ slot }) => {
        served += 1;
        pool.release(slot as PooledConnection);
      });
    }
    await openAll();
    expect([served, pool.inFlight, pool.queueDepth]).toEqual([100_000, 0, 0]);
  });
});

describe("a pool that grows", () => {
  test("adds a connection with the call that uses more than 80 % of its capacity, before any call waits", async () => {
    const { pool, dialled, openAll, take, scaled } = start();
    await openAll();
    take(3);
    expect(dialled).toHaveLength(2);
    take(1);
    expect(dialled).toHaveLength(3);
    expect(scaled).toEqual(["up 2 minimum", "up 1 utilization"]);
    await openAll();
    expect(ask(pool, 0).outcome).toBe("taken");
  });

  test("grows with the call that passes the queue's threshold, at once to what is needed", async () => {
    const { pool, dialled, openAll, take } = start({
      scaler: { ...small, maxConnections: 20, callsPerConnection: 10 },
    });
    await openAll();
    take(20);
    const before = dialled.length;
    for (let call = 0; call < 18; call += 1) {
      ask(pool, 0);
    }
    expect(before).toBe(3);
    expect(dialled).toHaveLength(3);
    ask(pool, 0);
    expect(dialled).toHaveLength(5);
  });

  test("grows when its connections start more calls than they should", async () => {
    const { pool, dialled, openAll, clock, scaled } = start({ scaler: { ...small, scaleUpCallsPerSecond: 10 } });
    await openAll();
    for (let call = 0; call < 31; call += 1) {
      pool.release(ask(pool, 0).slot as PooledConnection);
    }
    await clock.advance(100);
    expect(dialled).toHaveLength(4);
    expect(scaled).toEqual(["up 2 minimum", "up 2 rate"]);
  });

  test("does not grow for calls that only wait for the first dials", () => {
    const { pool, dialled } = start({ scaler: { ...small, maxConnections: 20, callsPerConnection: 100 } });
    for (let call = 0; call < 60; call += 1) {
      ask(pool, 0);
    }
    expect(dialled).toHaveLength(2);
  });

  test("stops at its maximum", async () => {
    const { dialled, openAll, pool, clock } = start();
    for (let call = 0; call < 100; call += 1) {
      ask(pool, 0);
    }
    await openAll();
    await clock.advance(1000);
    expect(dialled).toHaveLength(4);
  });
});

describe("a pool that shrinks", () => {
  const fiveMinutesMs = 300_000;

  async function grown() {
    const parts = start();
    await parts.openAll();
    const calls = parts.take(4);
    await parts.openAll();
    calls.push(...parts.take(2));
    await parts.openAll();
    expect(parts.pool.open).toBe(4);
    return { ...parts, calls };
  }

  test("gives up one connection per five minutes of quiet, down to its minimum, where it needs no timer", async () => {
    const { pool, clock, calls } = await grown();
    for (const call of calls) {
      pool.release(call);
    }
    await clock.advance(fiveMinutesMs - 1000);
    expect(pool.open).toBe(4);
    await clock.advance(3000);
    expect(pool.open).toBe(3);
    await clock.advance(fiveMinutesMs);
    expect(pool.open).toBe(2);
    await clock.advance(2 * fiveMinutesMs);
    expect(pool.open).toBe(2);
    expect(clock.pendingTimers).toBe(0);
  });

  test("begins its five minutes anew with a burst that no timer would have seen", async () => {
    const { pool, clock, calls, take } = await grown();
    for (const call of calls) {
      pool.release(call);
    }
    await clock.advance(fiveMinutesMs - 1050);
    for (const call of take(3)) {
      pool.release(call);
    }
    await clock.advance(fiveMinutesMs - 2000);
    expect(pool.open).toBe(4);
  });

  test("retires the emptiest and leaves the call of a draining one alone", async () => {
    const { pool, clock, calls, dialled } = await grown();
    for (const call of calls.slice(1)) {
      pool.release(call);
    }
    const busy = (calls[0] as PooledConnection).connection;
    await clock.advance(fiveMinutesMs + 3000);
    expect(busy.state.kind).toBe("open");
    expect(dialled.filter(({ state }) => state.kind === "draining")).toHaveLength(1);
    expect(pool.inFlight).toBe(1);
  });
});

describe("a connection that answers no calls", () => {
  const fail = ({ pool }: ReturnType<typeof start>, slot: PooledConnection, times: number, nowMs = 0): void => {
    for (let call = 0; call < times; call += 1) {
      slot.held += 1;
      pool.releaseUnanswered(slot, nowMs);
    }
  };

  test("is replaced at the fifth in a row, and drains", async () => {
    const parts = start();
    await parts.openAll();
    const [slot] = parts.take(1) as [PooledConnection];
    fail(parts, slot, 4);
    expect(parts.dialled).toHaveLength(2);
    expect(parts.pool.connections()[0]).toEqual({ id: 1, phase: "open", calls: 1, streams: 0, failures: 4 });
    parts.pool.releaseUnanswered(slot, 0);
    expect(slot.connection.state.kind).toBe("draining");
    expect(parts.scaled).toEqual(["up 2 minimum", "up 1 minimum", "down 1 unhealthy"]);
  });

  test("is kept when it answers in between", async () => {
    const parts = start();
    await parts.openAll();
    const [slot] = parts.take(1) as [PooledConnection];
    fail(parts, slot, 4);
    parts.pool.release(slot);
    fail(parts, slot, 4);
    expect(slot.connection.state.kind).toBe("open");
  });

  test("is kept when it is the last, and while another was replaced in the last five seconds", async () => {
    const parts = start({ scaler: { ...small, minConnections: 3 } });
    await parts.openAll();
    const [first, second, third] = parts.take(3) as [PooledConnection, PooledConnection, PooledConnection];
    fail(parts, first, 5);
    fail(parts, second, 5, 4999);
    expect(parts.pool.open).toBe(2);
    fail(parts, second, 1, 5000);
    fail(parts, third, 5, 60_000);
    expect(parts.pool.connections().map(({ phase }) => phase)).toContain("open");
    expect(parts.pool.open).toBe(1);
  });
});

describe("a pool that ends", () => {
  test("drains its connections, rejects calls, and dials no more", async () => {
    const { pool, dialled, budget, openAll, clock } = start();
    await openAll();
    pool.drain("the instance is gone");
    expect(dialled.map(({ state }) => state.kind)).toEqual(["draining", "draining"]);
    expect(ask(pool, 0).outcome).toBe("CONNECT_FAILED");
    for (const connection of dialled) {
      connection.lose();
    }
    await clock.advance(10_000);
    expect(dialled).toHaveLength(2);
    expect(budget.allocated).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("turns away those that wait", () => {
    const { pool } = start();
    const waiting = ask(pool, 0);
    pool.destroy("stopping");
    expect(waiting.outcome).toBe("CONNECT_FAILED");
  });

  test("gives back the places of dials that are still going on", () => {
    const { pool, budget } = start();
    pool.drain("the instance is gone");
    expect(budget.allocated).toBe(0);
  });
});

describe("connection churn", () => {
  test("leaves nothing behind after ten thousand connections: no place, no slot, no waiter, no timer", async () => {
    const connections = new Set<ScriptedConnection>();
    const { pool, budget, clock } = start({
      connect: (id) => {
        const connection = new ScriptedConnection(id);
        connections.add(connection);
        return connection;
      },
    });
    let dialled = 0;
    for (let round = 0; dialled < 10_000; round += 1) {
      const calls = Array.from({ length: 8 }, () => ask(pool, clock.monotonicMs()));
      for (const connection of connections) {
        if (round % 5 === 4) {
          connection.fail();
        } else {
          connection.open();
        }
      }
      await clock.advance(0);
      pool.leave(calls[7] as TestWaiter);
      for (const connection of connections) {
        connection.drain("GOAWAY");
        connection.lose();
      }
      for (const { slot } of calls) {
        if (slot !== undefined) {
          pool.release(slot);
        }
      }
      dialled += connections.size;
      connections.clear();
      await clock.advance(2000);
    }
    pool.drain("done");
    for (const connection of connections) {
      connection.lose();
    }
    await clock.advance(0);
    expect(pool.counts()).toEqual({ connecting: 0, open: 0, draining: 0 });
    expect([budget.allocated, budget.claimed, pool.queueDepth, pool.inFlight]).toEqual([0, 0, 0, 0]);
    expect(clock.pendingTimers).toBe(0);
  });
});
