import { type Database, openDatabase } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PostgresStudyStore } from "../src/adapters/postgres-study-store.ts";
import { sampleStudy } from "../src/domain/studies/memory-ports.ts";

let postgres: TestPostgres;
let database: Database;
let store: PostgresStudyStore;

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("studies"),
    schema: "simulation_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "study-test",
    logger: silentLogger,
  });
  store = new PostgresStudyStore(database);
});
afterAll(async () => {
  await database?.close();
  await postgres?.close();
});
beforeEach(() => database.query("truncate studies"));

const create = (id: string, changes: Parameters<typeof sampleStudy>[1] = {}) =>
  store.create(sampleStudy(id, { createdAtMs: 1000, ...changes }));
const completed = { status: "COMPLETED", resultJson: '{"a": 1}', report: "<p>" } as const;
/** As if the instance had not been heard of for that long. */
const silence = (id: string, seconds: number) =>
  database.query("update studies set runner_seen_at = now() - $2::float8 * interval '1 second' where id = $1", [
    id,
    seconds,
  ]);

describe("PostgresStudyStore", () => {
  it("keeps a study and its task as they were, whatever texts are in it", async () => {
    const task = {
      spec: { question: { kind: "sweep", vary: "a.name=\0", objectives: [], prices: { a: 0.1 } }, settings: ["\0"] },
      subject: { name: "shop", architecture: { components: [], links: [], workloads: [] } },
    } as const;
    const study = sampleStudy("s1", { task, question: "sweep", createdAtMs: 1234 });
    await store.create(study);
    const { task: _, ...rest } = study;
    expect(await store.find("s1")).toEqual(rest);
    expect(await store.claim("r1", 2000)).toEqual({ ...study, status: "RUNNING", startedAtMs: 2000 });
    expect(await store.find("s2")).toBeUndefined();
  });

  it("gives each pending one to one instance, first to whoever has fewer running, then the oldest", async () => {
    await create("a1", { createdBy: "ada", createdAtMs: 1 });
    await create("a2", { createdBy: "ada", createdAtMs: 2 });
    await create("b1", { createdBy: "bob", createdAtMs: 3 });
    const order = [];
    for (let n = 0; n < 4; n++) order.push((await store.claim(`r${n}`, 2000))?.id);
    expect(order).toEqual(["a1", "b1", "a2", undefined]);
  });

  it("takes writes of the instance that runs it, and of no other", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    const step = { id: "s1", progress: 0.5, phase: "3 of 6 replications \0" };
    expect(await store.heartbeat("r2", [{ ...step, progress: 0.9 }])).toEqual([]);
    expect(await store.finish("s1", "r2", completed, 3000)).toBe(false);
    await store.release(["s1"], "r2");
    expect(await store.heartbeat("r1", [step, { ...step, id: "gone" }])).toEqual(["s1"]);
    expect(await store.find("s1")).toMatchObject({
      status: "RUNNING",
      progress: 0.5,
      phase: "3 of 6 replications \uFFFD",
    });
    expect(await store.result("s1")).toBeUndefined();
  });

  it("keeps the end and the answer, also said twice, and progress that comes late changes nothing", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    expect(await store.finish("s1", "r1", completed, 3000)).toBe(true);
    expect(await store.finish("s1", "r1", completed, 3000)).toBe(true);
    expect(await store.heartbeat("r1", [{ id: "s1", progress: 0.1, phase: "late" }])).toEqual(["s1"]);
    expect(await store.find("s1")).toMatchObject({ status: "COMPLETED", progress: 1, phase: "", finishedAtMs: 3000 });
    expect([await store.result("s1"), await store.report("s1")]).toEqual(['{"a": 1}', "<p>"]);
    await create("s2");
    await store.claim("r1", 2000);
    await store.finish("s2", "r1", { status: "FAILED", error: "db \0 overflows" }, 3000);
    expect(await store.find("s2")).toMatchObject({ status: "FAILED", failureReason: "db \uFFFD overflows" });
  });

  it("gives silent ones back, ends those lost three times, and does not count what was given back", async () => {
    for (const id of ["fresh", "silent", "poisonous", "drained"]) {
      await create(id, { createdBy: id });
      await store.claim("r1", 2000);
    }
    for (let n = 0; n < 4; n++) {
      await store.release(["drained"], "r1");
      await store.claim("r1", 2000);
    }
    for (const id of ["silent", "poisonous", "drained"]) await silence(id, 11);
    await database.query("update studies set attempts = 3 where id = 'poisonous'");
    expect(await store.releaseSilent(10_000, 3, 5000)).toBe(true);
    const statuses = await Promise.all(
      ["fresh", "silent", "poisonous", "drained"].map(async (id) => (await store.find(id))?.status),
    );
    expect(statuses).toEqual(["RUNNING", "PENDING", "FAILED", "PENDING"]);
    expect(await store.find("poisonous")).toMatchObject({
      finishedAtMs: 5000,
      failureReason: "the instance that ran it was lost 3 times",
    });
    expect(await store.releaseSilent(10_000, 3, 5000)).toBe(false);
  });

  it("of a cancel and a claim at once lets one win", async () => {
    for (let round = 0; round < 10; round++) {
      await create(`s${round}`);
      const [cancelled, claimed] = await Promise.all([store.cancelPending(`s${round}`, 3000), store.claim("r1", 2000)]);
      expect(cancelled).toBe(claimed === undefined);
      expect((await store.find(`s${round}`))?.status).toBe(cancelled ? "CANCELLED" : "RUNNING");
    }
  });

  it("cancels what a project still has, whoever runs it, and counts what a user has", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    await create("s2");
    await create("s3", { projectId: "p2", createdBy: "u2" });
    expect(await store.countUnfinished("u1")).toBe(2);
    expect([...(await store.unfinishedProjects())].sort()).toEqual(["p1", "p2"]);
    await store.cancelOfProject("p1", "its project is gone", 4000);
    expect(await store.find("s1")).toMatchObject({ status: "CANCELLED", failureReason: "its project is gone" });
    expect(await store.finish("s1", "r1", completed, 5000)).toBe(false);
    expect(await store.unfinishedProjects()).toEqual(["p2"]);
    expect(await store.countUnfinished("u1")).toBe(0);
  });

  it("removes what ended long ago, and all but a project's newest, so many at a time, and nothing that goes on", async () => {
    for (let n = 0; n < 6; n++) {
      await create(`s${n}`, { createdAtMs: n });
      await store.claim("r1", n);
      if (n !== 5) await store.finish(`s${n}`, "r1", completed, n * 1000);
    }
    expect(await store.removeFinishedBefore(1500, 1)).toBe(1);
    expect(await store.removeFinishedBefore(1500, 5)).toBe(1);
    expect(await store.removeFinishedBeyond(2, 5)).toBe(1);
    expect((await store.list("p1", 10, "")).items.map(({ id }) => id)).toEqual(["s5", "s4", "s3"]);
  });

  it("lists a project's newest first, page by page", async () => {
    for (let n = 0; n < 5; n++) await create(`s${n}`, { createdAtMs: n < 2 ? 0 : n });
    await create("other", { projectId: "p2" });
    const first = await store.list("p1", 3, "");
    const second = await store.list("p1", 3, first.next);
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(["s4", "s3", "s2", "s1", "s0"]);
    expect(second.next).toBeUndefined();
  });
});
