import { afterEach, describe, expect, test } from "vitest";
import { MeshError } from "../errors.ts";
import { ConnectionBudget } from "../pool/connection-budget.ts";
import { seededRandom } from "../random.ts";
import type { Instance } from "../registry/registry.ts";
import { staticInstance } from "../registry/static-instances.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { ScriptedConnection } from "../testing/scripted-connection.ts";
import { type Endpoint, Peer, type PeerOptions } from "./peer.ts";

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
  const picks = (count: number, avoid: ReadonlySet<Endpoint> = new Set()): Set<number> =>
    new Set(
      Array.from({ length: count }, () => {
        const endpoint = peer.pick(avoid);
        peer.done(endpoint);
        return endpoint.instance.ports.grpc ?? 0;
      }),
    );
  const at = (port: number): Endpoint =>
    peer.endpoints.find(({ instance }) => instance.ports.grpc === port) ?? expect.fail(`nothing at ${port}`);
  return { peer, clock, connections, picks, at };
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
    expect(() => peer.pick(new Set())).toThrow("no instance of the service is known: auth-service");
  });

  test("keeps away from instances that were tried, as long as there are others", async () => {
    const { picks, at, peer } = await start([registered(1), registered(2)]);
    const tried = new Set([at(1)]);
    expect(picks(20, tried)).toEqual(new Set([2]));
    expect(peer.hasOther(tried)).toBe(true);
    tried.add(at(2));
    expect(picks(40, tried)).toEqual(new Set([1, 2]));
    expect(peer.hasOther(tried)).toBe(false);
  });

  test("keeps away from an instance that cannot be reached", async () => {
    const { picks } = await start([registered(1), registered(2)], { dead: [1] });
    expect(picks(40)).toEqual(new Set([2]));
  });

  test("tries one that reports itself unhealthy rather than failing for sure, but none that is draining", async () => {
    const { picks } = await start([registered(1, { health: "unhealthy" }), registered(2, { status: "draining" })]);
    expect(picks(20)).toEqual(new Set([1]));
  });

  test("keeps away from an ejected instance, and while one call probes it", async () => {
    const { at, picks } = await start([registered(1), registered(2)], { breaker: { minCalls: 2, restMs: 1 } });
    const { breaker } = at(1);
    for (let call = 0; call < 3; call += 1) {
      await breaker.run(() => Promise.reject(new MeshError("CONNECTION_LOST"))).catch(() => undefined);
    }
    await expect.poll(() => breaker.state).toBe("probing");
    const probe = Promise.withResolvers<void>();
    const probing = breaker.run(() => probe.promise);
    expect(picks(60)).toEqual(new Set([2]));
    probe.resolve();
    await probing;
    expect(picks(60)).toEqual(new Set([1, 2]));
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
    const held = Array.from({ length: 100 }, () => peer.pick(new Set()).instance.ports.grpc);
    expect(held.filter((port) => port === 1).length).toBeLessThan(5);
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
});
