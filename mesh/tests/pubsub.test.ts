import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMemoryPubSub } from "../src/pubsub/memory-pubsub.ts";
import { createRedisPubSub } from "../src/pubsub/redis-pubsub.ts";
import { openRedis, type RedisHandles } from "../src/redis/redis-connection.ts";
import { RedisAwayError } from "../src/redis/redis-error.ts";
import { pubSubContract } from "../src/testing/contracts/pubsub-contract.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestRedis, type TestStore, testRedisKinds } from "./stores.ts";

pubSubContract("memory", async () => {
  const pubsub = createMemoryPubSub({ logger: silentLogger });
  return { publisher: pubsub, subscriber: pubsub, close: () => pubsub.close() };
});

describe.each(testRedisKinds)("on redis (%s)", (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await startTestRedis(kind);
  });
  afterAll(() => store.close());

  const open = async () => {
    const redis = openRedis({ url: store.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
    expect(await redis.whenReady(10_000)).toBe(true);
    return redis;
  };

  pubSubContract(`redis (${kind})`, async () => {
    const sides: RedisHandles[] = [await open(), await open()];
    const [publisher, subscriber] = sides.map((redis) => createRedisPubSub({ redis, logger: silentLogger }));
    if (publisher === undefined || subscriber === undefined) throw new Error("two sides expected");
    const close = async () => {
      await Promise.all([publisher.close(), subscriber.close()]);
      await Promise.all(sides.map((redis) => redis.close()));
    };
    return { publisher, subscriber, close };
  });

  describe("while Redis is restarted", () => {
    test("subscribes again by itself, announces the gap, then delivers", async () => {
      const redis = await open();
      const pubsub = createRedisPubSub({ redis, logger: silentLogger });
      const seen: string[] = [];
      await pubsub.subscribe("live:*", (_channel, payload) => void seen.push(payload.toString()), {
        onGap: () => void seen.push("gap"),
      });
      await store.stop();
      await until("the absence is noticed", () => redis.state() === "away");
      await expect(pubsub.publish("live:1", "lost")).rejects.toBeInstanceOf(RedisAwayError);
      await store.start();
      await until("the gap is announced", () => seen.includes("gap"));
      await pubsub.publish("live:1", "after");
      await until("messages flow", () => seen.includes("after"));
      expect(seen).toEqual(["gap", "after"]);
      await pubsub.close();
      await redis.close();
    });

    test("keeps subscriptions that were made and forgets those ended meanwhile", async () => {
      const redis = await open();
      const pubsub = createRedisPubSub({ redis, logger: silentLogger });
      const stopEarly = await pubsub.subscribe("ended:*", () => {});
      await store.stop();
      await until("the absence is noticed", () => redis.state() === "away");
      const seen: string[] = [];
      await pubsub.subscribe("late:*", (_channel, payload) => void seen.push(payload.toString()), {
        onGap: () => void seen.push("gap"),
      });
      await stopEarly();
      await store.start();
      await until("the late subscription works", () => seen.includes("gap"));
      expect(await pubsub.publish("late:1", "x")).toBe(1);
      expect(await pubsub.publish("ended:1", "x")).toBe(0);
      await pubsub.close();
      await redis.close();
    });
  });
});
