import { openRedis, type RedisHandles, seededRandom } from "@weft/mesh";
import { FakeClock, silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLocalAttemptCounter } from "../src/adapters/local-attempt-counter.ts";
import { createRedisAttemptCounter } from "../src/adapters/redis-attempt-counter.ts";
import {
  type AttemptCount,
  attemptLimits,
  type CountedKey,
  counted,
  remainingWaitMs,
  waitAfterMs,
} from "../src/domain/attempt-limits.ts";
import type { AttemptCounter } from "../src/domain/ports.ts";

let store: TestStore;
let redis: RedisHandles;
const clock = new FakeClock();
let fallback: AttemptCounter;
let shared: AttemptCounter;

beforeAll(async () => {
  store = await startTestRedis("server");
  redis = openRedis({ url: store.url, logger: silentLogger, clientName: "attempts-test" });
  await redis.whenReady(10_000);
  fallback = createLocalAttemptCounter();
  shared = createRedisAttemptCounter({ redis, fallback, clock, logger: silentLogger });
});
afterAll(async () => {
  await redis?.close();
  await store?.close();
});

const kinds = Object.keys(attemptLimits) as (keyof typeof attemptLimits)[];
const login = (id: string): CountedKey => ({ kind: "loginFromNetwork", id });
const startMs = 1_800_000_000_000;

/** The policy itself, with a map for a store. */
function model() {
  const counts = new Map<string, AttemptCount>();
  const of = ({ kind, id }: CountedKey) => counts.get(`${kind} ${id}`) ?? { count: 0, lastAtMs: 0 };
  return {
    take(keys: readonly CountedKey[], nowMs: number) {
      const waits = keys.map((key) => remainingWaitMs(of(key), nowMs, attemptLimits[key.kind]));
      if (Math.max(...waits) > 0) return { admitted: false, waitMs: Math.max(...waits) };
      const nexts = keys.map((key) => {
        const after = counted(of(key), nowMs, attemptLimits[key.kind]);
        counts.set(`${key.kind} ${key.id}`, after);
        return waitAfterMs(after.count, attemptLimits[key.kind]);
      });
      return { admitted: true, waitMs: Math.max(...nexts) };
    },
  };
}

describe.each(["Redis", "memory"])("attempts counted in %s", (where) => {
  const counter = () => (where === "Redis" ? shared : fallback);

  test("follow the policy through 400 random attempts", async () => {
    const random = seededRandom(7);
    const policy = model();
    let nowMs = startMs;
    for (let step = 0; step < 400; step += 1) {
      nowMs += Math.floor(random.next() ** 8 * 100_000_000);
      // The clock of another instance is behind.
      if (random.next() < 0.1) nowMs -= 30_000;
      const keys = kinds
        .filter(() => random.next() < 0.4)
        .map((kind) => ({ kind, id: `random-${Math.floor(random.next() * 2)}` }));
      if (keys.length === 0) continue;
      expect(await counter().take(keys, nowMs), `step ${step}`).toEqual(policy.take(keys, nowMs));
    }
  });

  test("ASVS 6.3.1: of fifty attempts at once only the free ones are admitted", async () => {
    const takes = await Promise.all(Array.from({ length: 50 }, () => counter().take([login("burst")], startMs)));
    expect(takes.filter((take) => take.admitted)).toHaveLength(attemptLimits.loginFromNetwork.freeAttempts);
  });

  test("an attempt taken back was never made, and a forgotten count begins again", async () => {
    const free = attemptLimits.loginFromNetwork.freeAttempts;
    const admitted = async () => (await counter().take([login("back")], startMs)).admitted;
    for (let at = 0; at < 3 * free; at += 1) {
      expect(await admitted()).toBe(true);
      await counter().takeBack([login("back")]);
    }
    for (let at = 0; at < free; at += 1) expect(await admitted()).toBe(true);
    expect(await admitted()).toBe(false);
    await counter().forget([login("back")]);
    expect(await admitted()).toBe(true);
  });
});

describe("attempts", () => {
  test("leave no login and no address in Redis, and nothing for ever", async () => {
    await shared.take([login("hunter2 192.0.2.7")], startMs);
    const keys = await redis.commands.keys("auth:attempts:*");
    expect(keys.filter((key) => /hunter2|192\.0\.2/.test(key))).toEqual([]);
    for (const key of keys) expect(await redis.commands.pttl(key)).toBeGreaterThan(0);
  });

  test("ASVS 16.5.3: are limited while Redis is away, too", async () => {
    await store.stop();
    try {
      await until("Redis is away", () => redis.state() === "away");
      const takes: boolean[] = [];
      for (let at = 0; at < 12; at += 1) takes.push((await shared.take([login("away")], startMs)).admitted);
      expect(takes).toEqual([...Array<boolean>(10).fill(true), false, false]);
      await shared.forget([login("away")]);
      expect((await shared.take([login("away")], startMs)).admitted).toBe(true);
    } finally {
      await store.start();
    }
  });

  test("are counted here while Redis hangs, which is asked again five seconds later", async () => {
    let asked = 0;
    const commands = {
      eval: () => {
        asked += 1;
        return new Promise(() => undefined);
      },
    };
    const hanging = { commands } as unknown as RedisHandles;
    const own = createLocalAttemptCounter();
    const counter = createRedisAttemptCounter({ redis: hanging, fallback: own, clock, logger: silentLogger });
    const first = counter.take([login("hang")], startMs);
    await clock.advance(500);
    expect(await first).toEqual({ admitted: true, waitMs: 0 });
    for (let at = 1; at < 10; at += 1) await counter.take([login("hang")], startMs);
    expect((await counter.take([login("hang")], startMs)).admitted).toBe(false);
    expect(asked).toBe(1);
    await clock.advance(5000);
    const again = counter.take([login("hang")], startMs);
    await clock.advance(500);
    expect((await again).admitted).toBe(false);
    expect(asked).toBe(2);
  });
});
