import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { channelHistory } from "../src/channels/channel-log.ts";
import { createMemoryChannelLog } from "../src/channels/memory-channel-log.ts";
import { createRedisChannelLog } from "../src/channels/redis-channel-log.ts";
import { createMemoryPubSub } from "../src/pubsub/memory-pubsub.ts";
import { createRedisPubSub } from "../src/pubsub/redis-pubsub.ts";
import { seededRandom, systemRandom } from "../src/random.ts";
import { openRedis } from "../src/redis/redis-connection.ts";
import { RedisAwayError } from "../src/redis/redis-error.ts";
import { channelLogContract } from "../src/testing/contracts/channel-log-contract.ts";
import { FakeClock } from "../src/testing/fake-clock.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestRedis, type TestStore, testRedisKinds } from "./stores.ts";

channelLogContract("memory", async () => {
  const pubsub = createMemoryPubSub({ logger: silentLogger });
  const log = createMemoryChannelLog({ pubsub, clock: new FakeClock(), random: seededRandom(1) });
  return { log, pubsub, forget: async () => log.forget(), close: () => pubsub.close() };
});

test("a quiet channel forgets its publications after minutes and its position after a day", async () => {
  const clock = new FakeClock();
  const pubsub = createMemoryPubSub({ logger: silentLogger });
  const log = createMemoryChannelLog({ pubsub, clock, random: seededRandom(1) });
  const first = await log.publish("project:1", "a");
  const second = await log.publish("project:1", "b");
  await clock.advance(channelHistory.entriesTtlMs);
  expect(await log.since("project:1", first)).toEqual({ recovered: false, position: second });
  expect(await log.since("project:1", second)).toEqual({ recovered: true, position: second, publications: [] });
  await clock.advance(channelHistory.positionTtlMs);
  expect((await log.position("project:1")).epoch).not.toBe(second.epoch);
  await pubsub.close();
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

  channelLogContract(`redis (${kind})`, async () => {
    const redis = await open();
    await redis.commands.flushall();
    const pubsub = createRedisPubSub({ redis, logger: silentLogger });
    return {
      log: createRedisChannelLog({ redis, random: systemRandom }),
      pubsub,
      forget: async () => void (await redis.commands.flushall()),
      close: async () => {
        await pubsub.close();
        await redis.close();
      },
    };
  });

  test("keeps a bounded number of entries, and lets everything end by itself", async () => {
    const redis = await open();
    await redis.commands.flushall();
    const log = createRedisChannelLog({ redis, random: systemRandom });
    const numbers = Array.from({ length: channelHistory.entries + 5 }, (_, index) => index);
    await Promise.all(numbers.map((n) => log.publish("project:1", "x", n === 0 ? { idempotencyKey: "k" } : {})));
    expect(await redis.commands.xlen("channels:{project:1}:log")).toBe(channelHistory.entries);
    const keys = (await redis.commands.keys("channels:*")).sort();
    expect(keys).toEqual(["log", "position", "sent:k"].map((part) => `channels:{project:1}:${part}`));
    for (const key of keys) expect(await redis.commands.pttl(key)).toBeGreaterThan(60_000);
    await redis.close();
  });

  test("drops the publications of an epoch that is gone", async () => {
    const redis = await open();
    const log = createRedisChannelLog({ redis, random: systemRandom });
    await log.publish("project:9", "old");
    await log.publish("project:9", "old");
    await redis.commands.del("channels:{project:9}:position");
    const { epoch } = await log.publish("project:9", "new");
    expect(await log.since("project:9", { epoch, offset: 0 })).toEqual({
      recovered: true,
      position: { epoch, offset: 1 },
      publications: [{ offset: 1, payload: "new" }],
    });
    await redis.close();
  });

  test("keeps the order of publications while somebody flushes the scripts of Redis", async () => {
    const redis = await open();
    const admin = await open();
    const log = createRedisChannelLog({ redis, random: systemRandom });
    const { epoch } = await log.position("project:7");
    const numbers = Array.from({ length: 250 }, (_, index) => index + 1);
    let goesOn = true;
    const flushing = (async () => {
      let flushes = 0;
      for (; goesOn; flushes += 1) await admin.commands.script("FLUSH");
      return flushes;
    })();
    const published: Promise<unknown>[] = [];
    for (const n of numbers) {
      published.push(log.publish("project:7", String(n)));
      // Nobody waits for the one before; but replies come between them.
      if (n % 3 === 0) await new Promise(setImmediate);
    }
    expect(await Promise.all(published)).toEqual(numbers.map((offset) => ({ epoch, offset })));
    goesOn = false;
    expect(await flushing).toBeGreaterThan(0);
    const publications = numbers.map((n) => ({ offset: n, payload: String(n) }));
    expect(await log.since("project:7", { epoch, offset: 0 })).toMatchObject({ recovered: true, publications });
    await Promise.all([redis.close(), admin.close()]);
  });

  test("fails at once while Redis is away, and goes on in another epoch when it comes back empty", async () => {
    const redis = await open();
    const log = createRedisChannelLog({ redis, random: systemRandom });
    const before = await log.publish("project:1", "a");
    await store.stop();
    await until("the absence is noticed", () => redis.state() === "away");
    await expect(log.publish("project:1", "b")).rejects.toBeInstanceOf(RedisAwayError);
    await expect(log.since("project:1", before)).rejects.toBeInstanceOf(RedisAwayError);
    await store.start();
    expect(await redis.whenReady(15_000)).toBe(true);
    const after = await log.publish("project:1", "c");
    expect(after.offset).toBe(1);
    expect(await log.since("project:1", before)).toEqual({ recovered: false, position: after });
    await redis.close();
  });
});
