import { afterEach, describe, expect, test } from "vitest";
import { openRedis, type RedisHandles } from "../src/redis/redis-connection.ts";
import { RedisAwayError } from "../src/redis/redis-error.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestRedis, type TestStore, testRedisKinds } from "./stores.ts";

describe.each(testRedisKinds)("openRedis on %s", (kind) => {
  let store: TestStore | undefined;
  let redis: RedisHandles | undefined;
  afterEach(async () => {
    await redis?.close();
    await store?.close();
  });

  const open = async () => {
    store = await startTestRedis(kind);
    redis = openRedis({ url: store.url, logger: silentLogger, clientName: "test" });
    return { store, redis };
  };

  test("becomes ready and answers commands", async () => {
    const { redis } = await open();
    expect(await redis.whenReady(10_000)).toBe(true);
    await redis.commands.set("key", "value");
    expect(await redis.commands.get("key")).toBe("value");
  });

  test("fails commands at once while Redis is away and works again when it is back", async () => {
    const { store, redis } = await open();
    const changes: string[] = [];
    redis.onStateChange((state) => void changes.push(state));
    await redis.whenReady(10_000);
    await store.stop();
    await until("the absence is noticed", () => redis.state() === "away");
    await expect(redis.commands.get("key")).rejects.toBeInstanceOf(RedisAwayError);
    await store.start();
    expect(await redis.whenReady(10_000)).toBe(true);
    expect(await redis.commands.get("key")).toBeNull();
    expect(changes).toEqual(["ready", "away", "ready"]);
  });

  test("fails a blocked command when Redis ends under it, and does not send it again", async () => {
    const { store, redis } = await open();
    await redis.whenReady(10_000);
    const blocking = redis.dedicated("blocking");
    await until("it is connected", () => blocking.status === "ready");
    const blocked = blocking.blpop("list", 0);
    const outcome = expect(blocked).rejects.toBeInstanceOf(RedisAwayError);
    await store.stop();
    await outcome;
  });

  test("opens without a server and answers false when it does not come", async () => {
    const { store } = await open();
    await redis?.close();
    await store.stop();
    redis = openRedis({ url: store.url, logger: silentLogger, clientName: "test" });
    expect(await redis.whenReady(50)).toBe(false);
    await expect(redis.commands.ping()).rejects.toBeInstanceOf(RedisAwayError);
  });
});
