import { describe, expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { InstanceCache, type InstanceCacheOptions } from "./instance-cache.ts";
import type { Instance } from "./registry.ts";
import { staticInstance } from "./static-instances.ts";

const graceMs = 15_000;

function registered(id: string, port: number, change: Partial<Instance> = {}): Instance {
  return { ...staticInstance("auth-service", "127.0.0.1", port), instanceId: id, startedAtMs: 1000, ...change };
}

function start(options: Partial<InstanceCacheOptions> = {}) {
  const clock = new FakeClock();
  const cache = new InstanceCache({ clock, graceMs, staticInstances: new Map(), ...options });
  const told: string[][] = [];
  cache.watch("auth-service", (instances) => void told.push(instances.map(({ instanceId }) => instanceId)));
  const known = (): string[] => cache.discover("auth-service").map(({ instanceId }) => instanceId);
  const reset = (...instances: Instance[]): void => cache.apply({ kind: "reset", instances });
  return { clock, cache, told, known, reset };
}

describe("the cache", () => {
  test("knows nothing at first and says so", () => {
    expect(start().told).toEqual([[]]);
  });

  test("tells additions and removals at once, and only to those who watch the service", () => {
    const { cache, told } = start();
    cache.apply({ kind: "add", instance: registered("a", 1) });
    cache.apply({ kind: "add", instance: { ...registered("u", 9), name: "user-service" } });
    cache.apply({ kind: "remove", name: "auth-service", instanceId: "a" });
    cache.apply({ kind: "remove", name: "auth-service", instanceId: "never seen" });
    expect(told).toEqual([[], ["a"], []]);
  });

  test("tells nothing when a full read brings nothing new", () => {
    const { told, reset } = start();
    reset(registered("a", 1));
    reset(registered("a", 1, { timestamp: 5 }));
    expect(told).toEqual([[], ["a"]]);
  });

  test.each([
    ["health", { health: "unhealthy" }],
    ["status", { status: "draining" }],
    ["address", { address: "10.0.0.1" }],
  ] as const)("tells a change of %s", (_what, change) => {
    const { told, reset } = start();
    reset(registered("a", 1));
    reset(registered("a", 1, change));
    expect(told).toHaveLength(3);
  });

  test("stops telling when asked to", () => {
    const { cache } = start();
    let calls = 0;
    cache.watch("auth-service", () => (calls += 1))();
    cache.apply({ kind: "add", instance: registered("a", 1) });
    expect(calls).toBe(1);
  });

  test("shows the youngest of two records for one address", () => {
    const { known, reset } = start();
    reset(registered("old", 1, { startedAtMs: 1 }), registered("new", 1, { startedAtMs: 2 }), registered("other", 2));
    expect(known()).toEqual(["new", "other"]);
  });

  test("shows no instance that has no gRPC port", () => {
    const { known, reset } = start();
    reset(registered("a", 1, { ports: { http: 1 } }));
    expect(known()).toEqual([]);
  });
});

describe("an instance that is not listed any more", () => {
  test("is kept for the grace and then forgotten", async () => {
    const { clock, known, reset, told } = start();
    reset(registered("a", 1));
    reset();
    expect(known()).toEqual(["a"]);
    await clock.advance(graceMs - 1);
    reset();
    expect(known()).toEqual(["a"]);
    await clock.advance(1);
    reset();
    expect(known()).toEqual([]);
    expect(told.at(-1)).toEqual([]);
  });

  test("is kept for ever while the registry does not answer", async () => {
    const { clock, known, reset } = start();
    reset(registered("a", 1));
    await clock.advance(3_600_000);
    expect(known()).toEqual(["a"]);
  });

  test("starts a new grace after it was listed again", async () => {
    const { clock, known, reset } = start();
    reset(registered("a", 1));
    reset();
    await clock.advance(graceMs - 1);
    reset(registered("a", 1));
    reset();
    await clock.advance(graceMs - 1);
    reset();
    expect(known()).toEqual(["a"]);
  });

  test("is gone at once when it says goodbye", () => {
    const { cache, known, reset } = start();
    reset(registered("a", 1));
    reset();
    cache.apply({ kind: "remove", name: "auth-service", instanceId: "a" });
    expect(known()).toEqual([]);
  });

  test("is counted as kept", () => {
    const { cache, reset } = start();
    reset(registered("a", 1), registered("b", 2));
    reset(registered("b", 2));
    expect(cache.counts()).toEqual([
      { service: "auth-service", standing: "listed", count: 1 },
      { service: "auth-service", standing: "kept", count: 1 },
    ]);
  });
});

describe("instances that were written down", () => {
  const staticInstances = new Map([["auth-service", [staticInstance("auth-service", "10.0.0.1", 9000)]]]);
  const expectedInstances = new Map([["auth-service", [staticInstance("auth-service", "127.0.0.1", 9000)]]]);

  test("are used while nothing is known, and again when nothing is left", () => {
    const { cache, known, reset } = start({ staticInstances });
    expect(known()).toEqual(["static-10.0.0.1:9000"]);
    reset(registered("a", 1));
    expect(known()).toEqual(["a"]);
    cache.apply({ kind: "remove", name: "auth-service", instanceId: "a" });
    expect(known()).toEqual(["static-10.0.0.1:9000"]);
    expect(cache.counts()).toContainEqual({ service: "auth-service", standing: "static", count: 1 });
  });

  test("as expected are used until the registry has answered once, and never again", () => {
    const { known, reset, told } = start({ expectedInstances });
    expect(known()).toEqual(["static-127.0.0.1:9000"]);
    reset();
    expect(known()).toEqual([]);
    expect(told).toEqual([["static-127.0.0.1:9000"], []]);
  });

  test("as static come before expected ones", () => {
    expect(start({ staticInstances, expectedInstances }).known()).toEqual(["static-10.0.0.1:9000"]);
  });
});
