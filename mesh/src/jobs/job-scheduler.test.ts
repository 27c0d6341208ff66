import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { silentLogger } from "../testing/silent-logger.ts";
import { JobScheduler, type JobSchedulerOptions } from "./job-scheduler.ts";
import { nextRunAtMs } from "./job-store.ts";
import { createMemoryJobStore } from "./memory-job-store.ts";

const MINUTE = 60_000;

const setUp = (options: Partial<JobSchedulerOptions> = {}) => {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const store = options.store ?? createMemoryJobStore({ clock, random });
  const scheduler = new JobScheduler({ store, clock, random, logger: silentLogger, ...options });
  const inMs = (ms: number) => new Date(clock.now() + ms);
  return { clock, random, store, scheduler, inMs };
};

describe("JobScheduler", () => {
  test("runs a job at its time, not before", async () => {
    const { clock, scheduler, inMs } = setUp();
    const ranAtMs: number[] = [];
    scheduler.handle("remind", async () => void ranAtMs.push(clock.monotonicMs()));
    await scheduler.start();
    await scheduler.schedule({ name: "remind", runAt: inMs(7 * MINUTE), payload: null });
    await clock.advance(7 * MINUTE - 1);
    expect(ranAtMs).toEqual([]);
    await clock.advance(MINUTE);
    expect(ranAtMs).toEqual([7 * MINUTE]);
  });

  test("repeats on its grid and passes over what it missed", async () => {
    const { clock, scheduler } = setUp();
    const ranAtMs: number[] = [];
    await scheduler.every({ name: "clean", intervalMs: MINUTE });
    await clock.advance(2.5 * MINUTE);
    scheduler.handle("clean", async () => void ranAtMs.push(clock.monotonicMs()));
    await scheduler.start();
    await clock.advance(2 * MINUTE);
    expect(ranAtMs).toEqual([2.5 * MINUTE, 3 * MINUTE, 4 * MINUTE]);
  });

  test("lets a recurring job that fails for good go on to its next time", async () => {
    const { clock, scheduler } = setUp({ backoff: { baseMs: 10, maxMs: 10 } });
    let runs = 0;
    scheduler.handle("clean", async () => {
      runs++;
      throw new Error("still broken");
    });
    await scheduler.every({ name: "clean", intervalMs: MINUTE });
    await scheduler.start();
    await clock.advance(1.5 * MINUTE);
    expect(runs).toBe(10);
    await clock.advance(MINUTE);
    expect(runs).toBe(20);
    expect(await scheduler.dead()).toEqual([]);
  });

  test("tries again with a delay that grows, then lets the job be dead until it is revived", async () => {
    const { clock, scheduler, inMs } = setUp({ backoff: { baseMs: 1000, maxMs: 4000 } });
    const attempts: number[] = [];
    let healthy = false;
    scheduler.handle("remind", async (_payload, { attempt }) => {
      attempts.push(attempt);
      if (!healthy) throw new Error("no network");
    });
    await scheduler.start();
    await scheduler.schedule({ name: "remind", runAt: inMs(0), payload: { n: 1 }, maxAttempts: 3 });
    await clock.advance(10_000);
    expect(attempts).toEqual([1, 2, 3]);
    const [dead] = await scheduler.dead();
    expect(dead).toMatchObject({ name: "remind", payload: { n: 1 }, attempts: 3, error: "Error: no network" });
    healthy = true;
    expect(await scheduler.revive(dead?.id ?? "")).toBe(true);
    await clock.advance(0);
    expect(attempts).toEqual([1, 2, 3, 1]);
    expect(await scheduler.counts()).toEqual({ scheduled: 0, due: 0, running: 0, dead: 0 });
  });

  test("gives a silent instance's job to another and refuses what the first one says later", async () => {
    const { clock, random, store, scheduler, inMs } = setUp({ leaseMs: 3000 });
    await scheduler.schedule({ name: "remind", runAt: inMs(0), payload: null });
    const [abandoned] = await store.claim(["remind"], 1, 3000);
    if (abandoned === undefined) throw new Error("a due job was expected");
    const gate = Promise.withResolvers<void>();
    const attempts: number[] = [];
    const other = new JobScheduler({ store, clock, random, logger: silentLogger, leaseMs: 3000 });
    other.handle("remind", async (_payload, { attempt }) => {
      attempts.push(attempt);
      await gate.promise;
    });
    await other.start();
    await clock.advance(2999);
    expect(attempts).toEqual([]);
    await clock.advance(1);
    expect(attempts).toEqual([2]);
    expect(await store.settle(abandoned, { kind: "done" })).toBe(false);
    // Longer than a lease: the running instance renews it, so the job stays where it is.
    await clock.advance(30_000);
    expect(attempts).toEqual([2]);
    gate.resolve();
    await clock.advance(0);
    expect((await other.counts()).running).toBe(0);
  });

  test("tells a running handler that its job was replaced, and runs the new one", async () => {
    const { clock, scheduler, inMs } = setUp({ leaseMs: 3000 });
    const reasons: unknown[] = [];
    const payloads: unknown[] = [];
    scheduler.handle("remind", async (payload, { signal }) => {
      payloads.push(payload);
      if (payload === "old") await clock.sleep(MINUTE, signal).catch((reason: Error) => reasons.push(reason.message));
    });
    await scheduler.start();
    await scheduler.schedule({ name: "remind", key: "k", runAt: inMs(0), payload: "old" });
    await clock.advance(10);
    await scheduler.schedule({ name: "remind", key: "k", runAt: inMs(5000), payload: "new" });
    await clock.advance(10_000);
    expect(reasons).toEqual(["the job was replaced, cancelled or taken over"]);
    expect(payloads).toEqual(["old", "new"]);
  });

  test("runs no more jobs at once than it may", async () => {
    const { clock, scheduler, inMs } = setUp({ concurrency: 2 });
    let running = 0;
    let most = 0;
    scheduler.handle("work", async () => {
      most = Math.max(most, ++running);
      await clock.sleep(100);
      running--;
    });
    for (let n = 0; n < 5; n++) await scheduler.schedule({ name: "work", runAt: inMs(0), payload: n });
    await scheduler.start();
    await clock.advance(1000);
    expect(most).toBe(2);
    expect((await scheduler.counts()).due).toBe(0);
  });

  test("names the field of a bad job", async () => {
    const { scheduler } = setUp();
    const job = { name: "n", runAt: new Date(), payload: null };
    expect(() => scheduler.schedule({ ...job, name: "" })).toThrow(/^name: /);
    expect(() => scheduler.schedule({ ...job, runAt: new Date("nonsense") })).toThrow(/^runAt: /);
    expect(() => scheduler.schedule({ ...job, payload: undefined })).toThrow(/^payload: /);
    await expect(scheduler.every({ name: "n", intervalMs: 10 })).rejects.toThrow("intervalMs: 10 is below 1000");
  });
});

describe("nextRunAtMs", () => {
  test.each([
    [1000, 100, 900, 1100],
    [1000, 100, 1000, 1100],
    [1000, 100, 1099, 1100],
    [1000, 100, 1100, 1200],
    [1000, 100, 5050, 5100],
  ])("from %i every %i at %i gives %i", (runAtMs, intervalMs, nowMs, expected) => {
    expect(nextRunAtMs(runAtMs, intervalMs, nowMs)).toBe(expected);
  });
});
