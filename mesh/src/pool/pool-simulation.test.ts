import { describe, expect, test } from "vitest";
import { ask } from "../testing/pooled-calls.ts";
import { SimulatedPeer } from "../testing/simulated-peer.ts";
import { conservativeProfile } from "./scaler.ts";

/*
 * The pool without a network, over thousands of virtual seconds of traffic that is meant to hurt: nothing may make it open
 * and close connections without end, and no call may fail because it changes its size.
 */

const hour = 3600;
/** Ten calls per connection: 5 to 20 connections are 50 to 200 calls, and 80 % of the minimum is 40. */
const scaler = { callsPerConnection: 10, packedCalls: 4 } as const;

describe("adversarial traffic", () => {
  const unharmed = { cutOff: 0, refused: 0 };

  test("a ramp up and down opens each connection once and gives each back once", async () => {
    const peer = new SimulatedPeer({ scaler });
    await peer.run(600, (second) => Math.min(150, second / 3));
    const { opened } = peer.connections;
    expect(peer.pool.open).toBe(19);
    expect(opened).toBe(19);
    await peer.run(5 * hour, (second) => Math.max(2, 150 - second / 3));
    expect(peer.connections).toMatchObject({ opened: 19, given: 14, lost: 0 });
    expect(peer.calls).toMatchObject(unharmed);
  });

  test("a spike opens what it needs at once, which goes again one by one in five minutes each", async () => {
    const peer = new SimulatedPeer({ scaler });
    await peer.run(2 * hour, (second) => (second >= 60 && second < 62 ? 150 : 10));
    expect(peer.connections).toMatchObject({ opened: 19, given: 14 });
    expect(peer.pool.open).toBe(5);
    expect(peer.calls).toMatchObject(unharmed);
  });

  test("spikes every minute keep what the first one opened", async () => {
    const peer = new SimulatedPeer({ scaler });
    await peer.run(hour, (second) => (second % 60 === 30 ? 150 : 10));
    expect(peer.connections).toMatchObject({ opened: 19, given: 0 });
    expect(peer.calls).toMatchObject(unharmed);
  });

  test.each([
    { what: "just shorter than", quiet: 299, perTooth: 0 },
    { what: "exactly", quiet: 300, perTooth: 0 },
    { what: "just longer than", quiet: 301, perTooth: 1 },
    { what: "a little longer than", quiet: 330, perTooth: 1 },
  ])("a sawtooth whose quiet part is $what the delay gives back $perTooth per tooth", async ({ quiet, perTooth }) => {
    const peer = new SimulatedPeer({ scaler });
    const period = quiet + 10;
    await peer.run(hour, (second) => (second % period < 10 ? 150 : 5));
    const given = Math.floor(hour / period) * perTooth;
    expect(peer.connections).toMatchObject({ given, opened: 19 + given });
    expect(peer.calls).toMatchObject(unharmed);
  });

  test("random load changes its size no more than once per delay downwards", async () => {
    const peer = new SimulatedPeer({ scaler });
    let seed = 5;
    const level = (): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 180;
    };
    let load = 0;
    await peer.run(hour, (second) => {
      load = second % 20 === 0 ? level() : load;
      return load;
    });
    expect(peer.connections.given).toBeLessThanOrEqual(12);
    expect(peer.calls).toMatchObject(unharmed);
  });

  test("a peer that dies every ten minutes is dialled with pauses, and warm again within seconds of its return", async () => {
    const peer = new SimulatedPeer({ scaler });
    for (let death = 0; death < 5; death += 1) {
      await peer.run(540, () => 30);
      peer.kill();
      const { dialled } = peer.connections;
      await peer.run(60, () => 30);
      // 0 to 2 s between dials, one at a time: about sixty in a minute.
      expect(peer.connections.dialled - dialled).toBeLessThan(100);
      peer.revive();
      await peer.run(5, () => 30);
      expect(peer.pool.open).toBe(5);
    }
    expect(peer.connections.lost).toBe(25);
    expect(peer.budget.allocated).toBe(peer.liveConnections);
  });

  test("a registry that flaps costs a minimum per flap, and no call", async () => {
    const peer = new SimulatedPeer({ scaler });
    for (let flap = 0; flap < 300; flap += 1) {
      await peer.run(5, () => 30);
      peer.replacePool();
    }
    await peer.run(5, () => 30);
    expect(peer.connections.opened).toBe(301 * 5);
    expect(peer.calls).toMatchObject(unharmed);
    expect([peer.budget.allocated, peer.liveConnections]).toEqual([5, 5]);
  });

  test("at a ceiling that is lower than its load the pool neither fails nor churns", async () => {
    const peer = new SimulatedPeer({ scaler, ceiling: 8 });
    await peer.run(hour, (second) => (second % 120 < 60 ? 150 : 30));
    expect(peer.connections).toMatchObject({ opened: 8, given: 0 });
    expect(peer.calls).toMatchObject(unharmed);
  });
});

describe("what the requirements promise", () => {
  const one = { ...conservativeProfile, packedCalls: 1 };

  test("efficiency is 60 to 80 % at 3 to 4 busy connections, where a static pool of 20 has 15 to 20 % (POOL-12)", async () => {
    const load = (second: number): number => (second % 10 < 5 ? 3 : 4);
    const peer = new SimulatedPeer({ scaler: one });
    await peer.run(1000, load);
    const fixed = new SimulatedPeer({ scaler: { ...one, minConnections: 20 } });
    await fixed.run(1000, load);
    const efficiency = ({ sums }: SimulatedPeer): number => sums.busy / sums.open;
    expect(efficiency(peer)).toBeGreaterThan(0.6);
    expect(efficiency(peer)).toBeLessThan(0.8);
    expect(efficiency(fixed)).toBeGreaterThan(0.15);
    expect(efficiency(fixed)).toBeLessThan(0.2);
    expect(peer.connections).toMatchObject({ opened: 5, given: 0 });
  });

  test("idle connections fall by more than 80 % in low traffic, and by 75 % in none (POOL-13)", async () => {
    const idle = async (minConnections: number, load: number): Promise<number> => {
      const peer = new SimulatedPeer({ scaler: { ...one, minConnections } });
      // Grown to the full by a spike, then an hour and a half to come down.
      await peer.run(10, () => 20);
      await peer.run(1.5 * hour, () => load);
      const before = { ...peer.sums };
      await peer.run(60, () => load);
      return (peer.sums.open - before.open - (peer.sums.busy - before.busy)) / (peer.sums.steps - before.steps);
    };
    expect(await idle(20, 0)).toBe(20);
    expect(await idle(5, 0)).toBe(5);
    const [fixed, dynamic] = [await idle(20, 1), await idle(5, 1)];
    expect([fixed, dynamic]).toEqual([19, 4]);
    const busy = async (minConnections: number): Promise<number> => {
      const peer = new SimulatedPeer({ scaler: { ...one, minConnections } });
      await peer.run(600, (second) => (second % 10 < 5 ? 3 : 4));
      return (peer.sums.open - peer.sums.busy) / peer.sums.steps;
    };
    expect(1 - (await busy(5)) / (await busy(20))).toBeGreaterThan(0.8);
  });

  test("a scale-up begins with the call that needs it and takes as long as the dial (POOL-04)", async () => {
    const peer = new SimulatedPeer({ scaler, dialMs: 7 });
    await peer.clock.advance(10_000);
    expect(peer.clock.pendingTimers).toBe(0);
    const nowMs = peer.clock.monotonicMs();
    const calls = Array.from({ length: 90 }, () => ask(peer.pool, nowMs));
    expect(peer.connections.dialled).toBeGreaterThan(5);
    await peer.clock.advance(6);
    expect(calls.every(({ outcome }) => outcome === "taken")).toBe(false);
    await peer.clock.advance(1);
    expect(calls.every(({ outcome }) => outcome === "taken")).toBe(true);
  });

  test("a pool at rest fires no timer in an hour", async () => {
    const peer = new SimulatedPeer({ scaler });
    await peer.run(60, () => 10);
    await peer.run(5, () => 0);
    expect(peer.clock.pendingTimers).toBe(0);
  });
});
