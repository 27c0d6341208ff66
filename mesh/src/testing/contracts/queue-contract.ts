/** What every WorkQueue does, whatever carries it. Backoffs of a few milliseconds keep real time short. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type ConsumeOptions,
  type Job,
  QueueFullError,
  UnretryableJobError,
  type WorkQueue,
} from "../../queue/work-queue.ts";
import { until } from "../until.ts";

export interface QueueFixture {
  /** An empty queue that refuses more than 20 unfinished jobs. */
  readonly queue: WorkQueue;
  close(): Promise<void>;
}

const FAST: ConsumeOptions = { backoff: { baseMs: 1, maxMs: 5 }, maxAttempts: 3 };

export function queueContract(name: string, makeFixture: () => Promise<QueueFixture>): void {
  describe(`WorkQueue contract: ${name}`, () => {
    let fixture: QueueFixture;
    let queue: WorkQueue;
    beforeEach(async () => {
      fixture = await makeFixture();
      queue = fixture.queue;
    });
    afterEach(() => fixture.close());

    const finished = () =>
      until("all jobs are finished", async () => {
        const { waiting, pending } = await queue.depth();
        return waiting + pending === 0;
      });

    test("hands a job with type and payload to a consumer, once", async () => {
      const payload = { userId: "u1", type: "password_reset" };
      const id = await queue.enqueue({ type: "send_email", payload, correlationId: "c1" });
      const jobs: Job[] = [];
      queue.consume("mailers", async (job) => void jobs.push(job), FAST);
      await finished();
      expect(jobs).toEqual([
        { id, type: "send_email", payload, correlationId: "c1", enqueuedAtMs: expect.any(Number) },
      ]);
    });

    test("shares jobs among the consumers of a group and gives every group all of them", async () => {
      const seen: Record<string, string[]> = { first: [], second: [] };
      for (const group of ["first", "first", "second"]) {
        queue.consume(group, async (job) => void seen[group]?.push(job.id), FAST);
      }
      // Enqueued after all groups exist, which for Redis is a moment later.
      const warmUp = await queue.enqueue({ type: "t", payload: 0 });
      await until("both groups work", () => seen.first?.includes(warmUp) && seen.second?.includes(warmUp));
      const ids = await Promise.all([1, 2, 3, 4, 5].map((payload) => queue.enqueue({ type: "t", payload })));
      await finished();
      const expected = [warmUp, ...ids].sort();
      expect(seen.first?.sort()).toEqual(expected);
      expect(seen.second?.sort()).toEqual(expected);
    });

    test("runs at most `concurrency` jobs at the same time", async () => {
      let running = 0;
      let most = 0;
      const handler = async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
      };
      for (let payload = 0; payload < 10; payload++) await queue.enqueue({ type: "t", payload });
      queue.consume("g", handler, { ...FAST, concurrency: 3 });
      await finished();
      expect(most).toBe(3);
    });

    test("tries a failed job again with a growing attempt number", async () => {
      const attempts: number[] = [];
      queue.consume(
        "g",
        async (_job, { attempt }) => {
          attempts.push(attempt);
          if (attempt < 3) throw new Error("not yet");
        },
        FAST,
      );
      await queue.enqueue({ type: "t", payload: null });
      await until("it succeeded", () => attempts.length === 3);
      await finished();
      expect(attempts).toEqual([1, 2, 3]);
      expect((await queue.depth()).dead).toBe(0);
    });

    test("moves a job to the dead letters after its last attempt, to be inspected and redriven", async () => {
      let healthy = false;
      const done: string[] = [];
      queue.consume(
        "g",
        async (job) => {
          if (!healthy) throw new Error("mail server refused");
          done.push(job.id);
        },
        FAST,
      );
      const id = await queue.enqueue({ type: "t", payload: { n: 1 } });
      const [letter] = await until("it is dead", async () => {
        const letters = await queue.deadLetters().inspect();
        return letters.length > 0 && letters;
      });
      expect(letter).toMatchObject({ group: "g", attempts: 3, error: "Error: mail server refused" });
      expect(letter?.job).toMatchObject({ id, type: "t", payload: { n: 1 } });
      healthy = true;
      expect(await queue.deadLetters().redrive(letter?.id ?? "")).toBe(true);
      await until("it is done", () => done.length === 1);
      expect(done).toEqual([id]);
      expect(await queue.deadLetters().redrive(letter?.id ?? "")).toBe(false);
      expect(await queue.deadLetters().inspect()).toEqual([]);
    });

    test("does not repeat a job whose handler says that it cannot succeed", async () => {
      const attempts: number[] = [];
      queue.consume(
        "g",
        async (_job, { attempt }) => {
          attempts.push(attempt);
          throw new UnretryableJobError("no such user");
        },
        FAST,
      );
      await queue.enqueue({ type: "t", payload: null });
      await until("it is dead", async () => (await queue.depth()).dead === 1);
      expect(attempts).toEqual([1]);
    });

    test("pages through dead letters and discards one", async () => {
      queue.consume("g", () => Promise.reject(new UnretryableJobError("never")), { ...FAST, concurrency: 1 });
      for (let payload = 1; payload <= 3; payload++) await queue.enqueue({ type: "t", payload });
      await until("all are dead", async () => (await queue.depth()).dead === 3);
      const letters = queue.deadLetters();
      const [first] = await letters.inspect({ limit: 1 });
      const rest = await letters.inspect({ after: first?.id ?? "" });
      expect([first, ...rest].map((letter) => letter?.job?.payload)).toEqual([1, 2, 3]);
      expect(await letters.discard(first?.id ?? "")).toBe(true);
      expect(await letters.discard(first?.id ?? "")).toBe(false);
      expect((await queue.depth()).dead).toBe(2);
    });

    test("adds a job with a known id only once", async () => {
      expect(await queue.enqueue({ type: "t", payload: 1, id: "order-1" })).toBe("order-1");
      expect(await queue.enqueue({ type: "t", payload: 2, id: "order-1" })).toBe("order-1");
      expect((await queue.depth()).waiting).toBe(1);
    });

    test("refuses a job beyond its length, and takes jobs again when some are done", async () => {
      for (let payload = 0; payload < 20; payload++) await queue.enqueue({ type: "t", payload });
      await expect(queue.enqueue({ type: "t", payload: 20 })).rejects.toBeInstanceOf(QueueFullError);
      queue.consume("g", async () => {}, FAST);
      await finished();
      await queue.enqueue({ type: "t", payload: 20 });
    });

    test("names the field and the limit of a bad job", async () => {
      await expect(queue.enqueue({ type: "", payload: 1 })).rejects.toThrow("type: 0 characters, 1 to 200 are allowed");
      await expect(queue.enqueue({ type: "t", payload: () => {} })).rejects.toThrow(/^payload: /);
      await expect(queue.enqueue({ type: "t", payload: "x".repeat(300_000) })).rejects.toThrow("limit of 262144");
      expect(() => queue.consume("g", async () => {}, { concurrency: 0 })).toThrow(/^concurrency: 0/);
    });

    test("waits for running handlers when it closes and gives the rest to another consumer", async () => {
      const gate = Promise.withResolvers<void>();
      const done: unknown[] = [];
      const first = queue.consume(
        "g",
        async (job) => {
          if (job.payload === "fails") throw new Error("left for another");
          await gate.promise;
          done.push(job.payload);
        },
        { ...FAST, backoff: { baseMs: 60_000, maxMs: 60_000 }, concurrency: 2, leaseMs: 1000 },
      );
      await queue.enqueue({ type: "t", payload: "fails" });
      await queue.enqueue({ type: "t", payload: "slow" });
      await until("both were taken", async () => (await queue.depth()).pending === 2);
      const closed = first.close();
      gate.resolve();
      await closed;
      expect(done).toEqual(["slow"]);
      queue.consume("g", async (job) => void done.push(job.payload), { ...FAST, leaseMs: 1000 });
      await until("the other job was taken over", () => done.length === 2);
      expect(done).toEqual(["slow", "fails"]);
    });
  });
}
