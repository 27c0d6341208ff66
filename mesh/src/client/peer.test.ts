import { afterEach, describe, expect, test } from "vitest";
import { ConnectionBudget } from "../pool/connection-budget.ts";
import { seededRandom } from "../random.ts";
import type { Instance } from "../registry/registry.ts";
import { staticInstance } from "../registry/static-instances.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { ScriptedConnection } from "../testing/scripted-connection.ts";
import type { Endpoint } from "./endpoint.ts";
import { Peer, type PeerOptions } from "./peer.ts";

const group = "weft.auth.v1.AuthService";

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) {
    cleanup();
  }
});

function registered(port: number, change: Partial<Instance> = {}): Instance {
  return {
    ...staticInstance("auth-service", "127.0.0.1", port),
    instanceId: `auth-${port}`,
    startedAtMs: 1,
    ...change,
  };
}

/** A peer whose instances answer dials at once, except those at the given ports. */
async function start(
  instances: readonly Instance[],
  options: Partial<PeerOptions> & { dead?: readonly number[] } = {},
) {
  const clock = new FakeClock();
  const connections: ScriptedConnection[] = [];
  const peer = new Peer({
    name: "auth-service",
    clock,
    random: seededRandom(3),
    budget: new ConnectionBudget(),
    zone: "",
    scaler: { minConnections: 1, maxConnections: 2 },
    connect: (instance, id) => {
      const connection = new ScriptedConnection(id);
      connections.push(connection);
      const dead = options.dead?.includes(instance.ports.grpc ?? 0) ?? false;
      queueMicrotask(() => (dead ? connection.fail() : connection.open()));
      return connection;
    },
    ...options,
  });
  cleanups.push(() => peer.drain());
  peer.update(instances);
  await clock.advance(0);
  const picks = (count: number, avoid?: readonly Endpoint[], of = group): Set<number> =>
    new Set(
      Array.from({ length: count }, () => {
        const endpoint = peer.pick(of, avoid, clock.monotonicMs());
        peer.ended(endpoint, of, "neutral", 0, clock.monotonicMs());
        return endpoint.instance.ports.grpc ?? 0;
      }),
    );
  const at = (port: number): Endpoint =>
    peer.endpoints.find(({ instance }) => instance.ports.grpc === port) ?? expect.fail(`nothing at ${port}`);
  /** Calls that fail there, whoever would be chosen. */
  const fails = (endpoint: Endpoint, times: number, of = group): void => {
    for (let call = 0; call < times; call += 1) {
      endpoint.assigned += 1;
      peer.ended(endpoint, of, "failure", 0, clock.monotonicMs());
    }
  };
  const hasOther = (...than: Endpoint[]): boolean => peer.hasOther(group, than, clock.monotonicMs());
  return { peer, clock, connections, picks, at, fails, hasOther };
}

describe("a peer", () => {
  test("spreads over all that are ready and healthy", async () => {
    const { picks, peer } = await start([
      registered(1),
      registered(2),
      registered(3, { health: "unhealthy" }),
      registered(4, { status: "draining" }),
      registered(5, { status: "starting" }),
    ]);
    expect(picks(100)).toEqual(new Set([1, 2]));
    expect(peer.state()).toEqual({ instances: 5, available: 2 });
  });

  test("throws NO_INSTANCES, naming itself, when none is known", async () => {
    const { peer } = await start([]);
    expect(() => peer.pick(group, undefined, 0)).toThrow("no instance of the service is known: auth-service");
  });

  test("keeps away from instances that were tried, as long as there are others", async () => {
    const { picks, at, hasOther } = await start([registered(1), registered(2)]);
    expect(picks(20, [at(1)])).toEqual(new Set([2]));
    expect(hasOther(at(1))).toBe(true);
    expect(picks(40, [at(1), at(2)])).toEqual(new Set([1, 2]));
    expect(hasOther(at(1), at(2))).toBe(false);
  });

  test("keeps away from an instance that cannot be reached, and comes back when it can", async () => {
    const dead = [1];
    const { picks, clock } = await start([registered(1), registered(2)], { dead, slowStartMs: 0 });
    expect(picks(40)).toEqual(new Set([2]));
    dead.length = 0;
    await clock.advance(10_000);
    expect(picks(40)).toEqual(new Set([1, 2]));
  });

  test("notices at once that the last connection to an instance is lost", async () => {
    const { picks, connections, at } = await start([registered(1), registered(2)]);
    expect(picks(40)).toEqual(new Set([1, 2]));
    connections[0]?.lose();
    expect(at(1).pool.available).toBe(false);
    expect(picks(40)).toEqual(new Set([2]));
  });

  test("tries one that reports itself unhealthy rather than failing for sure, but none that is draining", async () => {
    const { picks } = await start([registered(1, { health: "unhealthy" }), registered(2, { status: "draining" })]);
    expect(picks(20)).toEqual(new Set([1]));
  });

  test("keeps calls of the group away from an ejected instance, and calls of other groups not", async () => {
    const { at, picks, fails, peer } = await start([registered(1), registered(2)]);
    fails(at(1), 10);
    expect(picks(60)).toEqual(new Set([2]));
    expect(picks(5, [at(2)])).toEqual(new Set([2]));
    expect(picks(5, [at(2)], "weft.auth.v1.AdminService")).toEqual(new Set([1]));
    expect(peer.breakerStates(at(1))).toEqual([
      { group, state: "ejected" },
      { group: "weft.auth.v1.AdminService", state: "admitting" },
    ]);
  });

  test("gives a rested instance one call as a probe, keeps away meanwhile, and returns when it succeeds", async () => {
    const seen: string[] = [];
    const { at, picks, fails, peer, clock } = await start([registered(1), registered(2)], {
      slowStartMs: 0,
      onBreaker: ({ instanceId }, of, { to, detail }) => void seen.push(`${instanceId} ${of} ${to}: ${detail}`),
    });
    fails(at(1), 10);
    await clock.advance(2000);
    const nowMs = clock.monotonicMs();
    const probe = peer.pick(group, undefined, nowMs);
    expect(probe).toBe(at(1));
    expect(picks(60)).toEqual(new Set([2]));
    peer.ended(probe, group, "success", 3, nowMs + 3);
    expect(picks(5, [at(2)])).toEqual(new Set([1]));
    expect(seen).toEqual([
      `auth-1 ${group} ejected: 10 of 10 calls failed in 10 s; rests for 2 s`,
      `auth-1 ${group} probing: 2 s of rest are over`,
      `auth-1 ${group} admitting: the probe was answered after 3 ms`,
    ]);
  });

  test("does not spend a retry on a probe while another instance is left", async () => {
    const { at, picks, fails, clock } = await start([registered(1), registered(2), registered(3)]);
    fails(at(1), 10);
    await clock.advance(2000);
    expect(picks(20, [at(2)])).toEqual(new Set([3]));
    expect(picks(1, [at(2), at(3)])).toEqual(new Set([1]));
  });

  test("throws NO_INSTANCE_AVAILABLE, not sent, while the breakers of all are open", async () => {
    const { at, fails, peer, hasOther } = await start([registered(1), registered(2)]);
    fails(at(1), 10);
    fails(at(2), 10);
    expect(hasOther()).toBe(false);
    expect(peer.state()).toEqual({ instances: 2, available: 0 });
    expect(() => peer.pick(group, undefined, 0)).toThrow(
      expect.objectContaining({ meshCode: "NO_INSTANCE_AVAILABLE", sent: false, retryable: true }),
    );
  });

  test("tries an only instance that cannot be reached, rather than failing for sure", async () => {
    const { picks, hasOther } = await start([registered(1)], { dead: [1] });
    expect(picks(3)).toEqual(new Set([1]));
    expect(hasOther()).toBe(false);
  });

  test("tries one that drains when there is nobody else", async () => {
    const { picks } = await start([registered(1, { status: "draining" })]);
    expect(picks(3)).toEqual(new Set([1]));
  });

  test("prefers its own zone while somebody there can be called", async () => {
    const { picks, peer } = await start([registered(1, { zone: "a" }), registered(2, { zone: "b" })], { zone: "a" });
    expect(picks(30)).toEqual(new Set([1]));
    peer.update([registered(2, { zone: "b" })]);
    expect(picks(30)).toEqual(new Set([2]));
  });

  test("prefers the one with the lower latency and the fewer calls", async () => {
    const { peer, at, clock } = await start([registered(1), registered(2)]);
    at(1).latency.observe(500, clock.monotonicMs());
    at(2).latency.observe(1, clock.monotonicMs());
    const held = Array.from({ length: 100 }, () => peer.pick(group, undefined, 0).instance.ports.grpc);
    expect(held.filter((port) => port === 1).length).toBeLessThan(5);
  });

  test("gives an instance that has not answered yet one call, and the next when it has", async () => {
    const { peer, at } = await start([registered(1), registered(2)], { slowStartMs: 0 });
    at(2).latency.observe(2, 0);
    const held = Array.from({ length: 50 }, () => peer.pick(group, undefined, 0).instance.ports.grpc);
    expect(held.filter((port) => port === 1)).toHaveLength(1);
  });

  test("counts an attempt where it goes until it has ended", async () => {
    const { peer, at } = await start([registered(1)]);
    const endpoint = peer.pick(group, undefined, 0);
    expect(at(1).assigned).toBe(1);
    peer.ended(endpoint, group, "success", 7, 7);
    expect([at(1).assigned, at(1).latency.valueMs(7)]).toEqual([0, 7]);
  });

  test("says which instance it leaves out for doing worse than the others, and why", async () => {
    const ejected: string[] = [];
    const { peer, at, clock, picks } = await start(
      [1, 2, 3, 4, 5].map((port) => registered(port)),
      {
        onEjection: ({ instanceId }, { reason, detail }) => void ejected.push(`${instanceId} ${reason}: ${detail}`),
      },
    );
    picks(1);
    for (let call = 0; call < 1000; call += 1) {
      const endpoint = at(1 + (call % 5));
      endpoint.assigned += 1;
      const failed = call % 5 === 0 && call % 4 === 0;
      peer.ended(endpoint, group, failed ? "failure" : "success", 2, clock.monotonicMs());
    }
    await clock.advance(10_000);
    expect(picks(60)).toEqual(new Set([2, 3, 4, 5]));
    expect(ejected).toEqual(["auth-1 success_rate: 50 of 200 calls failed; it succeeds at 75.0 %, the mean is 95.0 %"]);
    expect([1, 2].map((port) => peer.isEjected(at(port)))).toEqual([true, false]);
    expect(peer.state()).toEqual({ instances: 5, available: 4 });
  });
});

describe("an update", () => {
  test("drains the connections of an instance that is gone", async () => {
    const { peer, connections } = await start([registered(1), registered(2)]);
    peer.update([registered(2)]);
    expect(connections.map(({ state }) => state.kind).sort()).toEqual(["draining", "open"]);
  });

  test("keeps connections, latency and breaker when only the report changes", async () => {
    const { peer, connections, at } = await start([registered(1)]);
    const before = at(1);
    peer.update([registered(1, { health: "unhealthy" })]);
    expect(at(1)).toBe(before);
    expect(at(1).instance.health).toBe("unhealthy");
    expect(connections).toHaveLength(1);
  });

  test("begins anew when another process has taken the address", async () => {
    const { peer, connections, at } = await start([registered(1)]);
    const before = at(1);
    peer.update([registered(1, { instanceId: "auth-restarted" })]);
    expect(at(1)).not.toBe(before);
    expect(connections.map(({ state }) => state.kind)).toEqual(["draining", "connecting"]);
  });

  test("takes a static instance and a registered one at the same address for the same, both ways", async () => {
    const { peer, connections, at } = await start([staticInstance("auth-service", "127.0.0.1", 1)]);
    const before = at(1);
    peer.update([registered(1)]);
    expect(at(1)).toBe(before);
    expect(at(1).instance.instanceId).toBe("auth-1");
    peer.update([staticInstance("auth-service", "127.0.0.1", 1)]);
    expect(at(1)).toBe(before);
    expect(connections).toHaveLength(1);
  });

  test("dials at once what registers at an address that could not be reached", async () => {
    const dead = [1];
    const { peer, clock, picks, at } = await start([staticInstance("auth-service", "127.0.0.1", 1)], { dead });
    await clock.advance(10_000);
    expect(at(1).reachable).toBe(false);
    dead.length = 0;
    peer.update([registered(1)]);
    await clock.advance(0);
    expect(at(1).reachable).toBe(true);
    expect(picks(1)).toEqual(new Set([1]));
  });
});
