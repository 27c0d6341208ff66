import { describe, expect, test } from "vitest";
import { ScriptedConnection } from "../testing/scripted-connection.ts";
import { Place } from "./connection-budget.ts";
import { PooledConnection, Slots } from "./slots.ts";

function slots(count: number, packedCalls: number, callsPerConnection: number) {
  const all = new Slots(packedCalls, callsPerConnection);
  const connections = Array.from({ length: count }, (_, index) => new ScriptedConnection(index + 1));
  const made = connections.map((connection) => {
    const slot = new PooledConnection(connection, new Place());
    all.add(slot);
    all.move(slot, "open");
    return slot;
  });
  const at = (index: number): PooledConnection => made[index] ?? expect.fail(`no slot ${index}`);
  const take = (calls: number) => Array.from({ length: calls }, () => all.take()?.connection.id);
  return { all, connections, at, take };
}

describe("Slots", () => {
  test("pack calls on the first connection, then on the next, and spread only when all are busy", () => {
    const { take } = slots(2, 2, 4);
    expect(take(9)).toEqual([1, 1, 2, 2, 1, 2, 1, 2, undefined]);
  });

  test("take the least loaded when nothing is to be packed", () => {
    const { take } = slots(3, 1, 2);
    expect(take(7)).toEqual([1, 2, 3, 1, 2, 3, undefined]);
  });

  test("count streams as load", () => {
    const { connections, take } = slots(2, 2, 3);
    (connections[0] as ScriptedConnection).openStreams = 2;
    expect(take(4)).toEqual([2, 2, 1, 2]);
  });

  test("know what is held where, also on a connection that drains", () => {
    const { all, at, take } = slots(2, 2, 4);
    take(3);
    expect([all.held, all.inFlight]).toEqual([3, 3]);
    all.move(at(0), "draining");
    expect([all.open, all.draining, all.held, all.inFlight]).toEqual([1, 1, 1, 3]);
    expect([all.giveBack(at(0)), all.giveBack(at(1)), all.giveBack(at(1))]).toEqual([false, true, false]);
    expect([all.held, all.inFlight]).toEqual([0, 1]);
    all.move(at(0), "closed");
    expect([all.giveBack(at(0)), all.inFlight, all.all().length]).toEqual([false, 0, 1]);
  });

  test("name as the emptiest the one that packing reaches last", () => {
    const { all, at, take, connections } = slots(3, 2, 4);
    expect(all.emptiest()).toBe(at(2));
    take(4);
    (connections[2] as ScriptedConnection).openStreams = 3;
    expect(all.emptiest()).toBe(at(1));
  });

  test("name as the newest one that is still being opened", () => {
    const { all } = slots(1, 2, 4);
    expect(all.newest()).toBeUndefined();
    const slot = new PooledConnection(new ScriptedConnection(9), new Place());
    all.add(slot);
    expect([all.newest(), all.connecting]).toEqual([slot, 1]);
  });
});
