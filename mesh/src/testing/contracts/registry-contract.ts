import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Instance, Registry, RegistryUpdate } from "../../registry/registry.ts";
import { until } from "../until.ts";

/*
 * What every registry promises, over one store that several registries share, as processes do.
 */

/** A store, on which each `open` gives the registry of another process. */
export interface RegistryStore {
  open(): Registry;
  close(): Promise<void>;
}

/** A record as a service writes it. */
export function instanceRecord(instanceId: string, change: Partial<Instance> = {}): Instance {
  return {
    name: "auth-service",
    instanceId,
    version: "1.0.0",
    address: "127.0.0.1",
    ports: { grpc: 9000, http: 9001, metrics: 9002, health: 9003 },
    status: "ready",
    health: "healthy",
    services: ["weft.auth.v1.AuthService"],
    zone: "north",
    startedAtMs: 1_700_000_000_000,
    timestamp: 1_700_000_000_000,
    ...change,
  };
}

/** What a watcher has been told, as the set of instances that it leaves. */
export function watching(registry: Registry) {
  const known = new Map<string, Instance>();
  const updates: RegistryUpdate[] = [];
  const stop = registry.watch((update) => {
    updates.push(update);
    if (update.kind === "reset") {
      known.clear();
      for (const instance of update.instances) {
        known.set(instance.instanceId, instance);
      }
    } else if (update.kind === "add") {
      known.set(update.instance.instanceId, update.instance);
    } else {
      known.delete(update.instanceId);
    }
  });
  return { known, updates, stop, ids: () => [...known.keys()].sort() };
}

export function registryContract(name: string, openStore: () => Promise<RegistryStore>): void {
  describe(`${name} as a registry`, () => {
    let store: RegistryStore;
    beforeEach(async () => {
      store = await openStore();
    });
    afterEach(() => store.close());

    test("tells a watcher who is registered, with everything the record says", async () => {
      const record = instanceRecord("a");
      await store.open().register(record);
      const watcher = watching(store.open());
      await until("the instance is known", () => watcher.known.get("a"));
      expect({ ...watcher.known.get("a"), timestamp: 0 }).toEqual({ ...record, timestamp: 0 });
    });

    test("tells a watcher an empty registry, so that it knows that somebody answered", async () => {
      const watcher = watching(store.open());
      await until("it is told", () => watcher.updates.length > 0);
      expect(watcher.updates[0]).toEqual({ kind: "reset", instances: [] });
    });

    test("tells two watchers of every change", async () => {
      const registry = store.open();
      const watchers = [watching(store.open()), watching(store.open())];
      await until("both are told", () => watchers.every(({ updates }) => updates.length > 0));
      const a = await registry.register(instanceRecord("a"));
      await registry.register(instanceRecord("b", { name: "user-service" }));
      await until("both know both", () => watchers.every(({ ids }) => ids().join() === "a,b"));
      await a.update({ health: "unhealthy" });
      await until("both know the change", () => watchers.every(({ known }) => known.get("a")?.health === "unhealthy"));
      await a.deregister();
      await until("both know the goodbye", () => watchers.every(({ ids }) => ids().join() === "b"));
    });

    test("says goodbye in so many words, so that nobody keeps the instance for a grace", async () => {
      const registration = await store.open().register(instanceRecord("a"));
      const watcher = watching(store.open());
      await until("it is known", () => watcher.known.has("a"));
      await registration.deregister();
      // A full read may show that it is gone before the word arrives; the word has to arrive all the same.
      const goodbye = await until("the word arrives", () => watcher.updates.find(({ kind }) => kind === "remove"));
      expect(goodbye).toEqual({ kind: "remove", name: "auth-service", instanceId: "a" });
      expect(watcher.ids()).toEqual([]);
    });

    test("stops telling a watcher that has stopped", async () => {
      const registry = store.open();
      const [stopped, other] = [watching(registry), watching(registry)];
      await until("both are told", () => stopped.updates.length > 0 && other.updates.length > 0);
      stopped.stop();
      await registry.register(instanceRecord("a"));
      await until("the other knows", () => other.known.has("a"));
      expect(stopped.known.has("a")).toBe(false);
    });

    test("does not bring an instance back that reports after its goodbye", async () => {
      const registry = store.open();
      const a = await registry.register(instanceRecord("a"));
      const watcher = watching(store.open());
      await until("it is known", () => watcher.known.has("a"));
      await a.deregister();
      await a.update({ health: "unhealthy" });
      await a.deregister();
      await registry.register(instanceRecord("b"));
      await until("what came after is known", () => watcher.known.has("b"));
      expect(watcher.ids()).toEqual(["b"]);
    });

    test("keeps two instances of one service apart", async () => {
      const registry = store.open();
      await registry.register(instanceRecord("a"));
      const b = await registry.register(instanceRecord("b", { ports: { grpc: 9004 } }));
      const watcher = watching(store.open());
      await until("both are known", () => watcher.known.size === 2);
      await b.deregister();
      await until("one is left", () => watcher.known.size === 1);
      expect(watcher.ids()).toEqual(["a"]);
    });
  });
}
