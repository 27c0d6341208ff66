import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import { seededRandom } from "../src/random.ts";
import { openRedis, type RedisHandles } from "../src/redis/redis-connection.ts";
import { registryKeys } from "../src/registry/instance-record.ts";
import { RedisRegistry, type RedisRegistryOptions, readInstances } from "../src/registry/redis-registry.ts";
import { instanceRecord, registryContract, watching } from "../src/testing/contracts/registry-contract.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestRedis, type TestStore, testRedisKinds } from "./stores.ts";

/** Short enough to see many beats in a test, long enough for a busy machine to keep up with. */
const beat = { heartbeatMs: 100, ttlMs: 1000, resyncMs: 100 };
/** Beats that a test never reaches: what is seen was brought by a notice. */
const still = { heartbeatMs: 600_000, ttlMs: 600_000, resyncMs: 600_000 };

describe.each(testRedisKinds)("on %s", (kind) => {
  let store: TestStore;
  let admin: Redis;
  const opened: { registry: RedisRegistry; redis: RedisHandles }[] = [];

  beforeAll(async () => {
    store = await startTestRedis(kind);
    admin = new Redis(store.url, { retryStrategy: () => 20 });
    admin.on("error", () => undefined);
  });
  afterAll(async () => {
    admin.disconnect();
    await store.close();
  });
  const closeAll = async (): Promise<void> => {
    await Promise.all(
      opened.splice(0).map(async ({ registry, redis }) => {
        await registry.close();
        await redis.close();
      }),
    );
  };
  afterEach(closeAll);

  const open = (options: Partial<RedisRegistryOptions> = beat): RedisRegistry => {
    const redis = openRedis({ url: store.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
    const registry = new RedisRegistry({
      redis,
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
      ...options,
    });
    opened.push({ registry, redis });
    return registry;
  };
  /** Opened when the store is there, as a service does. */
  const openReady = async (options: Partial<RedisRegistryOptions> = beat): Promise<RedisRegistry> => {
    const registry = open(options);
    expect(await opened.at(-1)?.redis.whenReady(10_000)).toBe(true);
    return registry;
  };
  const emptied = (): Promise<unknown> => admin.flushall();

  registryContract("RedisRegistry", async () => {
    await emptied();
    return { open: () => open(), close: closeAll };
  });

  test("changes reach watchers by notice alone, long before the next full read", async () => {
    await emptied();
    const registry = await openReady(still);
    const watcher = watching(await openReady(still));
    await until("it is told", () => watcher.updates.length > 0);
    const registration = await registry.register(instanceRecord("a"));
    await until("the new one is known", () => watcher.known.has("a"));
    await registration.deregister();
    await until("it is gone", () => !watcher.known.has("a"));
  });

  test("a later watcher is told what notices have brought since the last full read", async () => {
    await emptied();
    const registry = await openReady(still);
    const first = watching(registry);
    await until("it is told", () => first.updates.length > 0);
    await registry.register(instanceRecord("a"));
    await until("the first knows", () => first.known.has("a"));
    expect(watching(registry).ids()).toEqual(["a"]);
  });

  test("what registers while a watcher's subscription is being made is known without the next full read", async () => {
    await emptied();
    const registry = await openReady(still);
    const late = await openReady(still);
    const { commands, subscriber } = opened.at(-1)?.redis ?? expect.fail("nothing is open");
    const subscribe = subscriber.subscribe.bind(subscriber);
    subscriber.subscribe = (async (channel: string) => {
      // Answered after whatever has been asked beside the subscription.
      await Promise.resolve().then(() => commands.ping());
      await registry.register(instanceRecord("a"));
      return subscribe(channel);
    }) as typeof subscriber.subscribe;
    const watcher = watching(late);
    await until("it is known", () => watcher.known.has("a"));
  });

  test("a record outlives its time to live while its process beats, and not much longer", async () => {
    await emptied();
    const registry = await openReady({ ...beat, ttlMs: 400 });
    await registry.register(instanceRecord("a"));
    const written = async () =>
      (JSON.parse((await admin.get("services:auth-service:a")) ?? "{}") as { timestamp: number }).timestamp;
    const first = await written();
    await until("it was written again, past its first life", async () => (await written()) > first + 400);
    expect(await admin.pttl("services:auth-service:a")).toBeGreaterThan(0);
    await closeAll();
    await until("it expires", async () => (await admin.exists("services:auth-service:a")) === 0);
  });

  test("a wiped Redis is full again within a heartbeat, and the watcher hears of the same instance", async () => {
    await emptied();
    await (await openReady()).register(instanceRecord("a"));
    const watcher = watching(await openReady());
    await until("it is known", () => watcher.known.has("a"));
    await emptied();
    await until("the record is back", async () => (await admin.exists("services:auth-service:a")) === 1);
    await until("the watcher knows", () => watcher.known.has("a"));
  });

  test("a Redis that was away comes back empty, and the registry heals by itself", async () => {
    await emptied();
    const failures: string[] = [];
    const registry = await openReady({
      ...still,
      heartbeatMs: 100,
      onFailure: (operation) => void failures.push(operation),
    });
    const registration = await registry.register(instanceRecord("a"));
    const watcher = watching(await openReady(still));
    await until("it is known", () => watcher.known.has("a"));
    await store.stop();
    await until("the loss is counted", () => failures.includes("heartbeat"));
    expect(registry.live).toBe(false);
    await registration.update({ health: "unhealthy" });
    expect(watcher.known.has("a")).toBe(true);
    await store.start();
    await until("the change that was missed is known", () => watcher.known.get("a")?.health === "unhealthy");
    await until("it answers", () => registry.live);
    await (await openReady(still)).register(instanceRecord("b"));
    await until("notices come again", () => watcher.known.has("b"));
  });

  test("an instance that starts before Redis is registered when it comes", async () => {
    await emptied();
    await store.stop();
    const registry = open(still);
    await registry.register(instanceRecord("early"));
    const watcher = watching(open(still));
    await store.start();
    await until("it is known", () => watcher.known.has("early"));
  });

  test("a goodbye without Redis fails quietly", async () => {
    await emptied();
    const failures: string[] = [];
    const registry = await openReady({ ...still, onFailure: (operation) => void failures.push(operation) });
    const registration = await registry.register(instanceRecord("a"));
    await store.stop();
    await registration.deregister();
    expect(failures).toEqual(["deregister"]);
    await store.start();
    await until("the store is back", async () => (await admin.ping().catch(() => "")) === "PONG");
  });

  test("a record written by hand is used with what it leaves out filled in", async () => {
    await emptied();
    const byHand = { name: "billing-service", instanceId: "manual", address: "10.0.0.7", ports: { grpc: 9100 } };
    await admin.set(registryKeys.record("billing-service", "manual"), JSON.stringify(byHand));
    await admin.zadd(registryKeys.index, "1", "billing-service/manual");
    const watcher = watching(await openReady());
    await until("it is known", () => watcher.known.has("manual"));
    expect(watcher.known.get("manual")).toEqual({
      ...byHand,
      version: "",
      status: "ready",
      health: "healthy",
      services: [],
      zone: "",
      startedAtMs: 0,
      timestamp: 0,
    });
    expect(await admin.zscore(registryKeys.index, "billing-service/manual")).not.toBeNull();
  });

  test("garbage disturbs nobody: not in records, not in the index, not in notices", async () => {
    await emptied();
    const record = (id: string, value: unknown): string[] => [registryKeys.record("x", id), JSON.stringify(value)];
    await admin.mset(
      registryKeys.record("x", "text"),
      "not JSON {",
      ...record("null", null),
      ...record("list", []),
      ...record("nameless", { instanceId: "nameless" }),
      ...record("nowhere", instanceRecord("nowhere", { address: "a b/c" })),
      ...record("portless", { ...instanceRecord("portless"), ports: "9000" }),
      ...record("port", { ...instanceRecord("port"), ports: { grpc: 99_999, http: "80", health: 9003 } }),
    );
    const now = String(Date.now());
    for (const id of ["text", "null", "list", "nameless", "nowhere", "portless", "port", "missing"]) {
      await admin.zadd(registryKeys.index, now, `x/${id}`);
    }
    await admin.zadd(registryKeys.index, now, "no slash at all");
    const registry = await openReady(beat);
    const watcher = watching(registry);
    await until("it is told", () => watcher.updates.length > 0);
    expect(watcher.ids()).toEqual(["port"]);
    expect(watcher.known.get("port")?.ports).toEqual({ health: 9003 });
    for (const notice of [
      "{",
      "null",
      "7",
      '{"kind":"add"}',
      '{"kind":"remove","name":1}',
      '{"kind":"add","instance":{"name":"y"}}',
    ]) {
      await admin.publish(registryKeys.changes, notice);
    }
    await registry.register(instanceRecord("a"));
    await until("what is sound is still heard", () => watcher.known.has("a"));
    expect(registry.live).toBe(true);
  });

  test("members of the index without a record are removed when they are old, others stay", async () => {
    await emptied();
    const now = Date.now();
    await admin.set(registryKeys.record("x", "lasting"), JSON.stringify(instanceRecord("lasting")));
    await admin.zadd(registryKeys.index, String(now - 100_000), "x/lasting");
    await admin.zadd(registryKeys.index, String(now - 100_000), "x/old");
    await admin.zadd(registryKeys.index, String(now - 1000), "x/recent");
    expect(await readInstances(admin, systemClock)).toHaveLength(1);
    expect(await admin.zrange(registryKeys.index, "0", "-1")).toEqual(["x/lasting", "x/recent"]);
  });

  test("a foreign key of another type is reported, not passed over", async () => {
    await emptied();
    await admin.set(registryKeys.index, "somebody else's");
    const failures: string[] = [];
    const registry = await openReady({ ...still, onFailure: (operation) => void failures.push(operation) });
    await registry.register(instanceRecord("a"));
    expect(failures).toEqual(["heartbeat"]);
  });

  test("services:<name> shows people ports, status and health while an instance is there", async () => {
    await emptied();
    const registration = await (await openReady(still)).register(instanceRecord("a"));
    const summary = async () => JSON.parse((await admin.get("services:auth-service")) ?? "null") as unknown;
    expect(await summary()).toMatchObject({ grpc_port: 9000, http_port: 9001, status: "ready", health: "healthy" });
    await registration.update({ health: "unhealthy" });
    expect(await summary()).toMatchObject({ health: "unhealthy" });
    await registration.deregister();
    expect(await summary()).toBeNull();
  });
});
