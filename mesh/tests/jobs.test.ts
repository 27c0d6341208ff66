import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../src/clock.ts";
import { JobScheduler, type JobSchedulerOptions } from "../src/jobs/job-scheduler.ts";
import { createMemoryJobStore } from "../src/jobs/memory-job-store.ts";
import { createPostgresJobStore, ensureJobTables } from "../src/jobs/postgres-job-store.ts";
import type { Database } from "../src/postgres/database.ts";
import { openDatabase } from "../src/postgres/open-database.ts";
import { systemRandom } from "../src/random.ts";
import { jobStoreContract } from "../src/testing/contracts/job-store-contract.ts";
import { silentLogger } from "../src/testing/silent-logger.ts";
import { until } from "../src/testing/until.ts";
import { startTestPostgres, type TestPostgres } from "./stores.ts";

const parts = { clock: systemClock, random: systemRandom, logger: silentLogger };

jobStoreContract("memory", async () => ({ store: createMemoryJobStore(parts), close: async () => {} }));

describe("on PostgreSQL", () => {
  let postgres: TestPostgres;
  let database: Database;
  const schedulers: JobScheduler[] = [];
  beforeAll(async () => {
    postgres = await startTestPostgres();
    database = await openDatabase({
      connectionString: postgres.url,
      schema: "jobs_test",
      applicationName: "test",
      logger: silentLogger,
    });
    await ensureJobTables(database);
  });
  afterEach(async () => {
    await Promise.all(schedulers.splice(0).map((scheduler) => scheduler.close()));
    await database.query("TRUNCATE scheduled_jobs");
  });
  afterAll(async () => {
    await database.close();
    await postgres.close();
  });

  jobStoreContract("postgres", async () => ({ store: createPostgresJobStore(database), close: async () => {} }));

  const makeScheduler = (options: Partial<JobSchedulerOptions> = {}) => {
    const scheduler = new JobScheduler({ ...parts, store: createPostgresJobStore(database), ...options });
    schedulers.push(scheduler);
    return scheduler;
  };

  test("a job scheduled in a transaction runs only when that commits, woken by its notice", async () => {
    const scheduler = makeScheduler({ pollMs: 60_000 });
    const payloads: unknown[] = [];
    scheduler.handle("remind", async (payload) => void payloads.push(payload));
    await scheduler.start();
    const undone = database.transaction(async (tx) => {
      await scheduler.schedule({ name: "remind", runAt: new Date(), payload: "undone" }, { within: tx });
      throw new Error("undone");
    });
    await expect(undone).rejects.toThrow("undone");
    await database.transaction((tx) =>
      scheduler.schedule({ name: "remind", runAt: new Date(), payload: "committed" }, { within: tx }),
    );
    await until("it ran", () => payloads.length > 0);
    expect(payloads).toEqual(["committed"]);
  });

  test("several instances run each job once", async () => {
    const ran: unknown[] = [];
    for (let instance = 0; instance < 3; instance++) {
      const scheduler = makeScheduler({ concurrency: 2 });
      scheduler.handle("remind", async (payload) => void ran.push(payload));
      await scheduler.start();
    }
    const [scheduler] = schedulers;
    for (let n = 0; n < 30; n++) await scheduler?.schedule({ name: "remind", runAt: new Date(), payload: n });
    await until("all ran", () => ran.length >= 30);
    expect(new Set(ran).size).toBe(30);
    expect(ran).toHaveLength(30);
  });

  test("a recurring job is made once by several instances that start together", async () => {
    await Promise.all([1, 2, 3].map(() => makeScheduler().every({ name: "clean", intervalMs: 60_000 })));
    expect(await makeScheduler().counts()).toEqual({ scheduled: 1, due: 0, running: 0, dead: 0 });
  });

  test("jobs go on by themselves after the database restarted, and none is lost", async () => {
    const scheduler = makeScheduler({ pollMs: 200, leaseMs: 1000 });
    const ran = new Set<unknown>();
    const gate = Promise.withResolvers<void>();
    scheduler.handle("remind", async (payload) => {
      if (payload === "running") await gate.promise;
      ran.add(payload);
    });
    await scheduler.start();
    await scheduler.schedule({ name: "remind", runAt: new Date(), payload: "running" });
    await until("it is running", async () => (await scheduler.counts()).running === 1);
    await scheduler.schedule({ name: "remind", runAt: new Date(Date.now() + 100), payload: "later" });
    await postgres.stop();
    gate.resolve();
    await until("the handler is done", () => ran.has("running"));
    await postgres.start();
    await until("the later one ran", () => ran.has("later"));
    await until("both are settled", async () => {
      const { scheduled, due, running } = await scheduler.counts().catch(() => ({ scheduled: 1, due: 1, running: 1 }));
      return scheduled + due + running === 0;
    });
  });
});
