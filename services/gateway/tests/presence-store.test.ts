import { openRedis, type RedisHandles } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createMemoryPresenceStore } from "../src/ws/memory-presence-store.ts";
import {
  mostListedUsers,
  type PresenceSnapshot,
  type PresenceStore,
  type PresenceTimes,
  presenceMember,
  presenceTimes,
} from "../src/ws/presence-store.ts";
import { createRedisPresenceStore } from "../src/ws/redis-presence-store.ts";

/* What every store of presence does, on memory and on each kind of Redis at hand. */

const member = (userId: string, connection: number) =>
  presenceMember(userId, `00000000-0000-4000-8000-${String(connection).padStart(12, "0")}`);
const alice = member("user/alice", 1);
const aliceToo = member("user/alice", 2);
const bob = member("bob", 3);
const brief: PresenceTimes = { ...presenceTimes, ttlMs: 60_000, graceMs: 1 };
const short: PresenceTimes = { ...presenceTimes, ttlMs: 1, graceMs: 1 };
const here = (...members: string[]) => ({ here: members, leaving: [] });
const leaving = (...members: string[]) => ({ here: [], leaving: members });
const usersOf = ({ clients }: PresenceSnapshot) => clients?.map(({ userId }) => userId).sort();

interface Setting {
  store(times?: PresenceTimes): PresenceStore;
  announced(): Promise<readonly string[]>;
}

function contract(open: () => Promise<Setting>): void {
  let setting: Setting;
  beforeEach(async () => {
    setting = await open();
  });

  it("gives each user once, with their connections and since when they are there", async () => {
    const store = setting.store();
    const first = await store.update("project:p", here(alice));
    expect(first).toMatchObject({ users: 1, connections: 1, clients: [{ userId: "user/alice", connections: 1 }] });
    const both = await store.update("project:p", here(aliceToo, bob));
    expect(both).toMatchObject({ users: 2, connections: 3 });
    expect(usersOf(both)).toEqual(["bob", "user/alice"]);
    const since = both.clients?.find(({ userId }) => userId === "user/alice")?.sinceMs;
    expect(since).toBe(first.clients?.[0]?.sinceMs);
    expect(both.nextEndMs).toBeGreaterThan(0);
    expect(both.nextEndMs).toBeLessThanOrEqual(presenceTimes.ttlMs);
  });

  it("keeps channels apart, and counts nobody in an empty one", async () => {
    const store = setting.store();
    await store.update("project:p", here(alice));
    const empty = await store.update("project:q", here());
    expect(empty).toEqual({ users: 0, connections: 0, clients: [], nextEndMs: undefined });
  });

  it("forgets who leaves when the grace is over, and a user with their last connection", async () => {
    const store = setting.store(brief);
    await store.update("project:p", here(alice, aliceToo, bob));
    await store.update("project:p", leaving(alice));
    const left = await until("the connection is gone", async () => {
      const now = await store.update("project:p", here());
      return now.connections === 2 && now;
    });
    expect(usersOf(left)).toEqual(["bob", "user/alice"]);
    await store.update("project:p", leaving(aliceToo));
    await until("the user is gone", async () => (await store.update("project:p", here())).users === 1);
  });

  it("keeps who comes back within the grace", async () => {
    const store = setting.store({ ...presenceTimes, graceMs: 30_000 });
    await store.update("project:p", here(alice));
    const going = await store.update("project:p", leaving(alice));
    expect(going.users).toBe(1);
    expect(going.nextEndMs).toBeLessThanOrEqual(30_000);
    const back = await store.update("project:p", here(alice));
    expect(back.nextEndMs).toBeGreaterThan(30_000);
    expect(back.connections).toBe(1);
  });

  it("forgets who is not heard of", async () => {
    await setting.store(short).update("project:p", here(alice, bob));
    await until("they are gone", async () => (await setting.store().update("project:p", here())).users === 0);
  });

  it("counts many users and lists them no more", async () => {
    const store = setting.store();
    const many = Array.from({ length: mostListedUsers }, (_, index) => member(`u${index}`, index));
    expect((await store.update("project:p", here(...many))).clients).toHaveLength(mostListedUsers);
    const more = await store.update("project:p", here(bob));
    expect([more.users, more.clients]).toEqual([mostListedUsers + 1, undefined]);
  });

  it("announces who comes and who leaves, and neither a heartbeat nor another connection of who is there", async () => {
    const store = setting.store();
    await store.update("project:p", here(alice));
    await store.update("project:p", here(alice));
    await store.update("project:p", here(aliceToo));
    await store.update("project:p", leaving(aliceToo, bob));
    await store.update("project:p", leaving(aliceToo));
    expect(await setting.announced()).toEqual(["presence:project:p", "presence:project:p"]);
  });
}

describe("in memory", () => {
  contract(async () => {
    const announced: string[] = [];
    const channels = new Map();
    return {
      store: (times = presenceTimes) =>
        createMemoryPresenceStore({
          nowMs: () => performance.now(),
          announce: (subject) => announced.push(subject),
          times,
          channels,
        }),
      announced: async () => announced,
    };
  });
});

describe.each(testRedisKinds)("on redis (%s)", (kind) => {
  let redisStore: TestStore;
  let redis: RedisHandles;
  const announced: string[] = [];
  beforeAll(async () => {
    redisStore = await startTestRedis(kind);
    redis = openRedis({ url: redisStore.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
    expect(await redis.whenReady(15_000)).toBe(true);
    redis.subscriber.on("pmessage", (_pattern: string, subject: string) => announced.push(subject));
    await redis.subscriber.psubscribe("presence:*");
  });
  afterAll(async () => {
    await redis.close();
    await redisStore.close();
  });

  contract(async () => {
    await redis.commands.flushall();
    announced.length = 0;
    return {
      store: (times) => createRedisPresenceStore(redis, times),
      announced: async () => {
        await redis.commands.publish("presence:end", "");
        await until("all has been heard", () => announced.at(-1) === "presence:end");
        return announced.slice(0, -1);
      },
    };
  });

  it("fills again from heartbeats when one of its keys is lost", async () => {
    await redis.commands.flushall();
    const store = createRedisPresenceStore(redis);
    await store.update("project:p", here(alice, bob));
    await redis.commands.del("weft:presence:{project:p}:connections");
    expect((await store.update("project:p", here(bob))).users).toBe(1);
    expect((await store.update("project:p", here(alice))).users).toBe(2);
  });

  it("leaves nothing behind for ever", async () => {
    await redis.commands.flushall();
    await createRedisPresenceStore(redis).update("project:p", here(alice));
    for (const key of await redis.commands.keys("*")) {
      expect(await redis.commands.pttl(key)).toBeGreaterThan(0);
    }
  });
});
