import { openRedis, type RedisHandles } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cachedProjectStore } from "../src/adapters/cached-project-store.ts";
import { createMemoryPorts } from "../src/domain/memory-ports.ts";
import type { Change, Project, ProjectStore } from "../src/domain/ports.ts";

const state = { name: "Shop", description: "", architecture: { components: [], links: [], workloads: [] } };
const change: Change = { by: { userId: "u1", username: "ada" }, what: "updated", atMs: 1000 };
const renamed = (name: string) => (current: Project) => ({ ...state, architecture: current.architecture, name });

describe.each(testRedisKinds)("with Redis (%s)", (kind) => {
  let server: TestStore;
  let redis: RedisHandles;
  /** What stands behind the cache; reads of it are counted, and held back while a test says so. */
  let behind: ProjectStore;
  let reads: number;
  let held: Promise<void>;
  let cache: ProjectStore;

  beforeAll(async () => {
    server = await startTestRedis(kind);
    redis = openRedis({ url: server.url, logger: silentLogger, clientName: "project-test" });
    expect(await redis.whenReady(10_000)).toBe(true);
  });
  afterAll(async () => {
    await redis?.close();
    await server?.close();
  });
  beforeEach(async () => {
    await redis.commands.flushall();
    behind = createMemoryPorts({}).store;
    reads = 0;
    held = Promise.resolve();
    const store: ProjectStore = {
      ...behind,
      find: async (id) => {
        reads += 1;
        const found = await behind.find(id);
        await held;
        return found;
      },
    };
    cache = cachedProjectStore({ store, redis, logger: silentLogger });
    await cache.create("p1", state, change);
  });

  describe("cachedProjectStore", () => {
    it("reads a project from the store once, and lets it go after a while", async () => {
      const first = await cache.find("p1");
      expect(await cache.find("p1")).toEqual(first);
      expect(reads).toBe(1);
      const leftMs = await redis.commands.pttl("project:cache:p1");
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(30_000);
    });

    it("shows a change at once, without reading", async () => {
      await cache.find("p1");
      await cache.change("p1", change, renamed("New"));
      expect(await cache.find("p1")).toMatchObject({ name: "New", version: 2 });
      expect(reads).toBe(1);
    });

    it("a slow read does not cover a change that was made meanwhile", async () => {
      let release = () => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      const slow = cache.find("p1");
      await until("it reads", () => reads === 1);
      await cache.change("p1", change, renamed("New"));
      release();
      expect((await slow)?.version).toBe(1);
      expect((await cache.find("p1"))?.version).toBe(2);
    });

    it("of two changes whose news cross on the way, the newer stays", async () => {
      await behind.change("p1", change, renamed("two"));
      const two = await behind.find("p1");
      await cache.change("p1", change, renamed("three"));
      const late = cachedProjectStore({
        store: { ...behind, change: async () => two },
        redis,
        logger: silentLogger,
      });
      await late.change("p1", change, renamed("two"));
      expect(await cache.find("p1")).toMatchObject({ name: "three", version: 3 });
    });

    it("a deleted project stays deleted, also to a read that had begun before", async () => {
      let release = () => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      const slow = cache.find("p1");
      await until("it reads", () => reads === 1);
      await cache.remove("p1");
      release();
      await slow;
      expect(await cache.find("p1")).toBeUndefined();
    });

    it("reads the store when an entry cannot be understood", async () => {
      await redis.commands.hset("project:cache:p1", { version: 9, project: "{" });
      expect((await cache.find("p1"))?.version).toBe(1);
      await redis.commands.set("project:cache:p2", "of another type");
      expect(await cache.find("p2")).toBeUndefined();
    });
  });

  // Last: it takes Redis away.
  it("without Redis reads and writes go to the store", async () => {
    await cache.find("p1");
    await server.stop();
    await until("Redis is away", () => redis.state() === "away");
    await cache.change("p1", change, renamed("New"));
    expect(await cache.find("p1")).toMatchObject({ name: "New" });
    expect(await cache.remove("p1")).toBe(true);
  });
});
