import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import { createMemoryQueue } from "../src/queue/memory-queue.ts";
import { queueKeys } from "../src/queue/redis-entry.ts";
import { createRedisQueue } from "../src/queue/redis-queue.ts";
import type { QueueEventKind, WorkQueue } from "../src/queue/work-queue.ts";
import { systemRandom } from "../src/random.ts";
import { openRedis, type RedisHandles } from "../src/redis/redis-connection.ts";
import { RedisAwayError } from "../src/redis/redis-error.ts";
import { queueContract } from "../src/testing/contracts/queue-contract.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestRedis, type TestStore, testRedisKinds } from "./stores.ts";

const parts = { clock: systemClock, random: systemRandom, logger: silentLogger, maxLength: 20 };
let sequence = 0;
const freshName = () => `queue_${++sequence}`;

queueContract("memory", async () => {
  const queue = createMemoryQueue({ ...parts, name: freshName() });
  return { queue, close: () => queue.close() };
});

describe.each(testRedisKinds)("on redis (%s)", (kind) => {
  let store: TestStore;
  let redis: RedisHandles;
  beforeAll(async () => {
    store = await startTestRedis(kind);
  });
  beforeEach(async () => {
    redis = openRedis({ url: store.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
    expect(await redis.whenReady(10_000)).toBe(true);
  });
  afterEach(() => redis.close());
  afterAll(() => store.close());

  queueContract(`redis (${kind})`, async () => {
    const queue = createRedisQueue({ ...parts, redis, name: freshName() });
    return { queue, close: () => queue.close() };
  });

  describe("leases", () => {
    let queue: WorkQueue;
    let events: QueueEventKind[];
    let stream: string;
    beforeEach(() => {
      events = [];
      queue = createRedisQueue({ ...parts, redis, name: freshName(), observe: ({ kind }) => void events.push(kind) });
      stream = queueKeys.stream(queue.name);
    });
    afterEach(() => queue.close());

    /** Takes jobs as a consumer that then crashes would. */
    const crashWith = async (count: number) => {
      await redis.commands.xgroup("CREATE", stream, "g", "0", "MKSTREAM");
      await redis.commands.xreadgroup("GROUP", "g", "crashed", "COUNT", count, "STREAMS", stream, ">");
    };

    test("let another consumer take over what a crashed one held, as the next attempt", async () => {
      await queue.enqueue({ type: "t", payload: 1 });
      await crashWith(1);
      const attempts: number[] = [];
      queue.consume("g", async (_job, { attempt }) => void attempts.push(attempt), { leaseMs: 60 });
      await until("it was taken over", () => attempts.length === 1);
      expect(attempts).toEqual([2]);
      expect(events).toContain("reclaimed");
    });

    test("end for a job that kills every consumer: it goes to the dead letters", async () => {
      await queue.enqueue({ type: "t", payload: "poison" });
      await crashWith(1);
      let handled = 0;
      queue.consume("g", async () => void handled++, { leaseMs: 60, maxAttempts: 1 });
      const [letter] = await until("it is dead", async () => {
        const letters = await queue.deadLetters().inspect();
        return letters.length > 0 && letters;
      });
      expect(letter).toMatchObject({ attempts: 1, error: "its consumers fell silent in 1 attempts" });
      expect(letter?.job?.payload).toBe("poison");
      expect(handled).toBe(0);
    });

    test("report a job that was deleted under its consumer, which cannot be redriven", async () => {
      await queue.enqueue({ type: "t", payload: 1 });
      await crashWith(1);
      await redis.commands.xtrim(stream, "MAXLEN", 0);
      queue.consume("g", async () => {}, { leaseMs: 60 });
      const [letter] = await until("it is reported", async () => {
        const letters = await queue.deadLetters().inspect();
        return letters.length > 0 && letters;
      });
      expect(letter).toMatchObject({ group: "g", error: "the entry was trimmed away before it was done" });
      expect(letter?.job).toBeUndefined();
      expect(await queue.deadLetters().redrive(letter?.id ?? "")).toBe(false);
      expect(events).toContain("lost");
    });

    test("are renewed while a slow handler runs, so that nobody takes its job", async () => {
      let runs = 0;
      const handler = async () => {
        runs++;
        // Longer than a lease and a half; the time itself is what is tested. Shorter leases would end in a mere stall.
        await systemClock.sleep(2500);
      };
      await queue.enqueue({ type: "t", payload: 1 });
      queue.consume("g", handler, { leaseMs: 1500 });
      queue.consume("g", handler, { leaseMs: 1500 });
      await until("it is done", async () => events.includes("completed"));
      expect(runs).toBe(1);
      expect(events).not.toContain("reclaimed");
    });

    test("tell a handler when its job was taken over", async () => {
      const aborted = Promise.withResolvers<unknown>();
      await queue.enqueue({ type: "t", payload: 1 });
      queue.consume(
        "g",
        (_job, { signal }) =>
          new Promise((resolve) => {
            signal.addEventListener("abort", () => {
              aborted.resolve(signal.reason);
              resolve();
            });
          }),
        { leaseMs: 60 },
      );
      const [pending] = await until("it is running", async () => {
        const all = await redis.commands.xpending(stream, "g", "-", "+", 1).catch(() => []);
        return all.length > 0 && (all as [string][]);
      });
      await redis.commands.xclaim(stream, "g", "thief", 0, pending?.[0] ?? "");
      expect(await aborted.promise).toMatchObject({ message: "another consumer took this job over" });
      expect(events).toContain("lease-lost");
    });

    test("do not keep finished jobs in the stream", async () => {
      let done = 0;
      queue.consume("g", async () => void done++, { concurrency: 1 });
      for (let payload = 0; payload < 100; payload++) {
        await queue.enqueue({ type: "t", payload });
        await until("it is done", () => done > payload - 10);
      }
      await until("all are done", () => done === 100);
      expect(await redis.commands.xlen(stream)).toBeLessThanOrEqual(64);
    });
  });

  describe("when Redis is restarted empty", () => {
    test("finishes what it holds, makes its group again and goes on", async () => {
      const queue = createRedisQueue({ ...parts, redis, name: freshName() });
      const gate = Promise.withResolvers<void>();
      const done: unknown[] = [];
      const started: unknown[] = [];
      queue.consume(
        "g",
        async (job) => {
          started.push(job.payload);
          if (job.payload === "held") await gate.promise;
          done.push(job.payload);
        },
        { leaseMs: 200 },
      );
      await queue.enqueue({ type: "t", payload: "held" });
      await until("it is running", () => started.length === 1);
      await store.stop();
      await until("the absence is noticed", () => redis.state() === "away");
      await expect(queue.enqueue({ type: "t", payload: "refused" })).rejects.toBeInstanceOf(RedisAwayError);
      await store.start();
      await redis.whenReady(10_000);
      await queue.enqueue({ type: "t", payload: "after" });
      await until("the new job is done", () => done.includes("after"));
      gate.resolve();
      await until("the old job is done", () => done.includes("held"));
      expect(done).toEqual(["after", "held"]);
      await queue.close();
    });
  });
});
