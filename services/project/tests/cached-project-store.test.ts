import {
  createHoldingPublisher,
  createRedisChannelLog,
  createRedisPubSub,
  decodePublication,
  openRedis,
  type RedisHandles,
  systemClock,
  systemRandom,
} from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cachedProjectStore } from "../src/adapters/cached-project-store.ts";
import { liveChangeFeed } from "../src/adapters/live-change-feed.ts";
import { createMemoryPorts } from "../src/domain/memory-ports.ts";
import type { Change, Project, ProjectStore } from "../src/domain/ports.ts";

const state = { name: "Shop", description: "", architecture: { components: [], links: [], workloads: [] } };
const change: Change = { by: "u1", what: "updated", atMs: 1000 };
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

  const feedOn = () => {
    const log = createRedisChannelLog({ redis, random: systemRandom });
    const pubsub = createRedisPubSub({ redis, logger: silentLogger });
    const changes = createHoldingPublisher({ log, clock: systemClock, random: systemRandom, logger: silentLogger });
    return { log, changes, feed: liveChangeFeed({ changes, pubsub, logger: silentLogger }) };
  };

  it("a change is published as JSON on the project's channel, with its place there", async () => {
    const pubsub = createRedisPubSub({ redis, logger: silentLogger });
    const heard: unknown[] = [];
    await pubsub.subscribe("project:*", (channel, message) => {
      const placed = decodePublication(message);
      heard.push([channel, placed?.offset, JSON.parse(placed?.payload ?? message.toString())]);
    });
    const { feed } = feedOn();
    const by = { userId: "u1", username: "ada" };
    await feed.publish({ type: "updated", projectId: "p1", version: 2, change: "updated", by, atMs: 0 });
    const collaborators = [{ ...by, component: "api", lastSeenAtMs: 0 }];
    await feed.publish({ type: "presence", projectId: "p1", collaborators, atMs: 0 });
    await until("both arrived", () => heard.length === 2);
    const at = "1970-01-01T00:00:00.000Z";
    expect(heard).toEqual([
      ["project:p1", 1, { type: "updated", projectId: "p1", version: 2, change: "updated", by, at }],
      [
        "project:p1",
        undefined,
        { type: "presence", projectId: "p1", collaborators: [{ ...by, component: "api", lastSeenAt: at }], at },
      ],
    ]);
    await pubsub.close();
  });

  // Last: it takes Redis away.
  it("without Redis reads and writes go to the store, and changes are made and told when it is back", async () => {
    await cache.find("p1");
    await server.stop();
    await until("Redis is away", () => redis.state() === "away");
    await cache.change("p1", change, renamed("New"));
    expect(await cache.find("p1")).toMatchObject({ name: "New" });
    expect(await cache.remove("p1")).toBe(true);
    const { log, changes, feed } = feedOn();
    await feed.publish({ type: "updated", projectId: "p1", version: 2, atMs: 0 });
    await feed.publish({ type: "deleted", projectId: "p1", atMs: 0 });
    await server.start();
    await until(
      "both are told",
      async () => redis.state() === "ready" && (await log.position("project:p1")).offset === 2,
    );
    const { epoch } = await log.position("project:p1");
    const told = await log.since("project:p1", { epoch, offset: 0 });
    expect(told.recovered && told.publications.map(({ payload }) => JSON.parse(payload).type)).toEqual([
      "updated",
      "deleted",
    ]);
    changes.close();
  });
});
