import {
  type ChannelLog,
  createRedisChannelLog,
  createRedisPubSub,
  type Database,
  decodePublication,
  ensureOutboxTables,
  OutboxRelay,
  openDatabase,
  openRedis,
  type RedisHandles,
  systemClock,
  systemRandom,
} from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestPostgres, startTestRedis, type TestPostgres, type TestStore } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createChannelPublish, createOutboxAppend } from "../src/adapters/change-outbox.ts";
import { livePresenceFeed } from "../src/adapters/live-presence-feed.ts";
import { PostgresProjectStore } from "../src/adapters/postgres-project-store.ts";
import type { Change } from "../src/domain/ports.ts";

/* What becomes of the news about a project when the process that made the change, or Redis, goes away. */

const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };
let postgres: TestPostgres;
let database: Database;
let server: TestStore;
let redis: RedisHandles;
let log: ChannelLog;
let store: PostgresProjectStore;

beforeAll(async () => {
  [postgres, server] = await Promise.all([startTestPostgres(), startTestRedis("js")]);
  database = await openDatabase({
    connectionString: await postgres.createDatabase("projects"),
    schema: "project_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "project-test",
    logger: silentLogger,
  });
  await ensureOutboxTables(database);
  redis = openRedis({ url: server.url, logger: silentLogger, clientName: "project-test" });
  expect(await redis.whenReady(10_000)).toBe(true);
  log = createRedisChannelLog({ redis, random: systemRandom });
  store = new PostgresProjectStore(database, createOutboxAppend(systemClock, systemRandom));
});
afterAll(async () => {
  await redis?.close();
  await server?.close();
  await database?.close();
  await postgres?.close();
});

const by = { userId: "u1", username: "ada" };
const changed = (what: string): Change => ({ by, what, atMs: 0 });
const at = "1970-01-01T00:00:00.000Z";
const state = { name: "Shop", description: "", architecture: { components: [], links: [], workloads: [] } };

async function startRelay(publish = createChannelPublish(log)): Promise<OutboxRelay> {
  const relay = new OutboxRelay({ database, publish, ...parts, pollMs: 20 });
  await relay.start();
  return relay;
}

async function made(id: string): Promise<void> {
  await log.position(`project:${id}`);
  await store.create(id, state, changed("created"));
}
const rename = (id: string, name: string) => store.change(id, changed("updated"), () => ({ ...state, name }));

async function told(id: string): Promise<readonly { offset: number; notice: { version?: number; type: string } }[]> {
  const { epoch } = await log.position(`project:${id}`);
  const since = await log.since(`project:${id}`, { epoch, offset: 0 });
  if (!since.recovered) throw new Error("the channel has forgotten");
  return since.publications.map(({ offset, payload }) => ({ offset, notice: JSON.parse(payload) }));
}

describe("a change of a project", () => {
  it("is told as JSON on the project's channel, with its place there, and presence beside it", async () => {
    const pubsub = createRedisPubSub({ redis, logger: silentLogger });
    const heard: unknown[] = [];
    await pubsub.subscribe("project:*", (channel, message) => {
      const placed = decodePublication(message);
      heard.push([channel, placed?.offset, JSON.parse(placed?.payload ?? message.toString())]);
    });
    const relay = await startRelay();
    await made("p1");
    await rename("p1", "New");
    await until("the change is told", () => heard.length === 1);
    const collaborators = [{ ...by, component: "api", lastSeenAtMs: 0 }];
    await livePresenceFeed(pubsub, silentLogger).publish({ projectId: "p1", collaborators, atMs: 0 });
    await until("both are told", () => heard.length === 2);
    expect(heard).toEqual([
      ["project:p1", 1, { type: "updated", projectId: "p1", version: 2, change: "updated", by, at }],
      [
        "project:p1",
        undefined,
        { type: "presence", projectId: "p1", collaborators: [{ ...by, component: "api", lastSeenAt: at }], at },
      ],
    ]);
    await relay.close();
    await pubsub.close();
  });

  it("is told by another instance when the one that made it has ended before it could", async () => {
    await made("p2");
    await rename("p2", "two");
    await rename("p2", "three");
    expect(await told("p2")).toEqual([]);
    const relay = await startRelay();
    await until("both are told", async () => (await told("p2")).length === 2);
    expect((await told("p2")).map(({ offset, notice }) => [offset, notice.version])).toEqual([
      [1, 2],
      [2, 3],
    ]);
    await relay.close();
  });

  it("is told once, also when nobody noted that it had been", async () => {
    await made("p3");
    const publish = createChannelPublish(log);
    let answers = 0;
    const relay = await startRelay(async (event) => {
      await publish(event);
      answers += 1;
      if (answers === 1) throw new Error("the answer was lost");
    });
    await rename("p3", "two");
    await rename("p3", "three");
    await until("all is published", () => answers === 3);
    expect((await told("p3")).map(({ offset, notice }) => [offset, notice.version])).toEqual([
      [1, 2],
      [2, 3],
    ]);
    await relay.close();
  });

  // Last: it takes Redis away.
  it("is made while Redis is away, and told in its turn when it is back", async () => {
    const relay = await startRelay();
    await made("p4");
    await server.stop();
    await until("Redis is away", () => redis.state() === "away");
    await rename("p4", "two");
    await store.putMember("p4", { userId: "u2", role: "viewer", addedAtMs: 0 }, changed("members"));
    await store.tellRemoved("p4", changed("deleted"));
    await server.start();
    await until("all are told", async () => redis.state() === "ready" && (await told("p4")).length === 3);
    expect((await told("p4")).map(({ notice }) => notice.type)).toEqual(["updated", "members", "deleted"]);
    await relay.close();
  });
});

it("presence that cannot be told harms nobody", async () => {
  const refusing = { publish: () => Promise.reject(new Error("refused")) };
  const feed = livePresenceFeed(refusing, silentLogger);
  await expect(feed.publish({ projectId: "p1", collaborators: [], atMs: 0 })).resolves.toBeUndefined();
});
