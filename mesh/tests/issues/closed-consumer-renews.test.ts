/*
 * A consumer that closed while its upkeep was under way planned the next upkeep, and so renewed the leases of the jobs it
 * had just given back, for ever: nobody else got them. It showed as a contract test that failed now and then.
 *
 * Here the upkeep is caught under way: the command that renews is held back until the consumer is closing.
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
  redis = openRedis({ url: store.url, logger: silentLogger, clientName: "test" });
  await redis.whenReady(5000);
});

afterEach(async () => {
  await redis.close();
  await store.close();
});

it("gives its jobs to another consumer whenever it is closed", async () => {
  const common = { redis, clock: systemClock, random: systemRandom, logger: silentLogger };
  const options = { leaseMs: 150, concurrency: 1, maxAttempts: 50, backoff: { baseMs: 60_000, maxMs: 60_000 } };
  for (let round = 0; round < 12; round += 1) {
    const queue = createRedisQueue({ ...common, name: `round-${round}` });
    const first = queue.consume("g", () => Promise.reject(new Error("left for another")), options);
    await queue.enqueue({ type: "t", payload: round });
    await until("it was taken", async () => (await queue.depth()).pending === 1);
    // Spread over the whole period of the upkeep, so that some rounds meet it under way.
    await systemClock.sleep(round * 5);
    await first.close();
    const done: unknown[] = [];
    queue.consume("g", async (job) => void done.push(job.payload), options);
    await until("another has done it", () => done.length === 1);
    expect(done).toEqual([round]);
    await queue.close();
  }
});
