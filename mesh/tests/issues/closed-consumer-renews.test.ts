/*
 * A consumer that closed while its upkeep was under way planned the next upkeep, and so renewed the leases of the jobs it
 * had just given back, for ever: nobody else got them. It showed as a contract test that failed now and then.
 *
 * Here the upkeep is caught under way: the command by which it looks for abandoned jobs is held back until the consumer closes.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createRedisQueue } from "../../src/queue/redis-queue.ts";
import { systemRandom } from "../../src/random.ts";
import { openRedis, type RedisHandles } from "../../src/redis/redis-connection.ts";
import { silentLogger } from "../../src/testing/silent-logger.ts";
import { until } from "../../src/testing/until.ts";
import { startTestRedis, type TestStore } from "../stores.ts";

let store: TestStore;
let redis: RedisHandles;

beforeEach(async () => {
  store = await startTestRedis("js");
  redis = openRedis({ url: store.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
  await redis.whenReady(5000);
});

afterEach(async () => {
  await redis.close();
  await store.close();
});

/** The same object, with one method replaced. */
function replacing<T extends object>(target: T, method: keyof T, replacement: (...args: unknown[]) => unknown): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = name === method ? replacement : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

it("gives its jobs to another consumer when it is closed in the middle of its upkeep", async () => {
  const common = { name: "q", clock: systemClock, random: systemRandom, logger: silentLogger };
  const options = { leaseMs: 300, concurrency: 1, maxAttempts: 50, backoff: { baseMs: 60_000, maxMs: 60_000 } };
  const upkeep = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let reads = 0;
  const { commands } = redis;
  const held: RedisHandles = {
    ...redis,
    commands: replacing(commands, "xautoclaim", async (...args) => {
      upkeep.resolve();
      await gate.promise;
      return Reflect.apply(commands.xautoclaim, commands, args) as Promise<unknown>;
    }),
    dedicated: (purpose) => {
      const blocking = redis.dedicated(purpose);
      return replacing(blocking, "xreadgroup", (...args) =>
        (Reflect.apply(blocking.xreadgroup, blocking, args) as Promise<unknown>).finally(() => {
          reads += 1;
        }),
      );
    },
    state: () => redis.state(),
    onStateChange: (listener) => redis.onStateChange(listener),
    whenReady: (timeoutMs) => redis.whenReady(timeoutMs),
    close: () => redis.close(),
  };
  const closing = createRedisQueue({ ...common, redis: held });
  const first = closing.consume("g", () => Promise.reject(new Error("left for another")), options);
  await closing.enqueue({ type: "t", payload: 1 });
  await until("it was taken", async () => (await closing.depth()).pending === 1);
  await upkeep.promise;
  const readsBefore = reads;
  const closed = first.close();
  await until("its last read has ended, and it waits for its upkeep", () => reads > readsBefore);
  gate.resolve();
  await closed;
  const other = createRedisQueue({ ...common, redis });
  const done: unknown[] = [];
  other.consume("g", async (job) => void done.push(job.payload), options);
  await until("another has done it", () => done.length === 1, 5000);
  expect(done).toEqual([1]);
  await other.close();
});
