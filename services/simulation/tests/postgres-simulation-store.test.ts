import { type Database, openDatabase } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PostgresSimulationStore } from "../src/adapters/postgres-simulation-store.ts";
import { sampleResults, sampleSimulation } from "../src/domain/lifecycle/memory-ports.ts";
import type { MetricPoint } from "../src/domain/lifecycle/metric-series.ts";
import type { Status } from "../src/domain/lifecycle/transitions.ts";

let postgres: TestPostgres;
let database: Database;
let store: PostgresSimulationStore;

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("simulations"),
    schema: "simulation_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "simulation-test",
    logger: silentLogger,
  });
  store = new PostgresSimulationStore(database);
});
afterAll(async () => {
  await database?.close();
  await postgres?.close();
});
beforeEach(() => database.query("truncate simulations cascade"));

const create = (id: string, changes: Parameters<typeof sampleSimulation>[1] = {}) =>
  store.create(sampleSimulation(id, { createdAtMs: 1000, ...changes }));
const end = (status: Status, atMs = 2000) => ({
  status,
  simulatedSeconds: 10,
  failureReason: "",
  results: sampleResults(10_000),
  atMs,
});
const point = (simulatedSeconds: number, component = ""): MetricPoint => ({
  component,
  simulatedSeconds,
  requestsPerSecond: 1,
  failuresPerSecond: 2,
  utilization: 0.5,
  queueLength: 4,
  p50Ms: 5,
  p95Ms: 5.5,
  p99Ms: 6,
  goodputPerSecond: component === "" ? 0.9 : undefined,
});
const broken = { kind: "errors", component: "api", ratio: 1 } as const;
const mended = { kind: "errors", component: "api", ratio: 0 } as const;
/** As if the instance had not been heard of for that long. */
const silence = (id: string, seconds: number) =>
  database.query("update simulations set runner_seen_at = now() - $2::float8 * interval '1 second' where id = $1", [
    id,
    seconds,
  ]);
const statusOf = async (id: string) => (await store.find(id))?.status;

describe("PostgresSimulationStore", () => {
  it("keeps a simulation as it was, the largest seed included", async () => {
    const simulation = sampleSimulation("s1", { seed: 2 ** 32 - 1, speed: 0.5, load: 2.5, createdAtMs: 1234 });
    await store.create(simulation);
    const { architecture, changes: _changes, liveChanges: _liveChanges, ...rest } = simulation;
    expect(await store.find("s1")).toEqual(rest);
    expect(await store.architecture("s1")).toEqual(architecture);
    expect(await store.find("s2")).toBeUndefined();
    expect(await store.results("s1")).toBeUndefined();
  });

  it("gives each pending one to one of many runners that ask at once", async () => {
    for (let n = 0; n < 20; n++) await create(`s${n}`, { createdBy: `u${n}` });
    const claims = await Promise.all(Array.from({ length: 40 }, (_, n) => store.claim(`r${n % 4}`, 2000)));
    const claimed = claims.flatMap((simulation) => (simulation === undefined ? [] : [simulation.id]));
    expect(new Set(claimed).size).toBe(claimed.length);
    // Asked at once, one may find all taken or locked that another then takes; nothing stays when asked again.
    for (let more = await store.claim("r0", 2000); more !== undefined; more = await store.claim("r0", 2000)) {
      claimed.push(more.id);
    }
    expect(new Set(claimed).size).toBe(20);
    expect(claimed).toHaveLength(20);
  });

  it("gives the oldest first, but lets whoever has fewer running go before", async () => {
    await create("a1", { createdBy: "ada", createdAtMs: 1 });
    await create("a2", { createdBy: "ada", createdAtMs: 2 });
    await create("b1", { createdBy: "bob", createdAtMs: 3 });
    const order = [];
    for (let n = 0; n < 3; n++) order.push((await store.claim("r1", 2000))?.id);
    expect(order).toEqual(["a1", "b1", "a2"]);
  });

  it("begins an attempt without the metrics and the progress of the one before", async () => {
    await create("s1");
    expect(await store.claim("r1", 2000)).toMatchObject({ status: "RUNNING", startedAtMs: 2000 });
    await store.heartbeat("r1", [{ id: "s1", simulatedSeconds: 5 }]);
    await store.addMetrics("s1", "r1", [point(1), point(1, "api")]);
    await store.release(["s1"], "r1");
    expect(await store.claim("r2", 3000)).toMatchObject({ simulatedSeconds: 0, startedAtMs: 2000 });
    expect(await store.metrics("s1", "")).toEqual([]);
  });

  it("takes writes of the instance that runs it, and of no other", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    await store.addMetrics("s1", "r2", [point(1)]);
    await store.setStatus("s1", "r2", "PAUSED");
    expect(await store.finish("s1", "r2", end("COMPLETED"))).toBe(false);
    await store.release(["s1"], "r2");
    expect(await store.heartbeat("r2", [{ id: "s1", simulatedSeconds: 9 }])).toEqual([]);
    expect(await store.find("s1")).toMatchObject({ status: "RUNNING", simulatedSeconds: 0 });
    expect(await store.metrics("s1", "")).toEqual([]);
    await store.addMetrics("s1", "r1", [point(2), point(1), point(1, "api")]);
    await store.addMetrics("s1", "r1", [point(1)]);
    expect(await store.metrics("s1", "")).toEqual([point(1), point(2)]);
    expect(await store.metrics("s1", "api")).toEqual([point(1, "api")]);
  });

  it("reads series that are older than p95 and goodput", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    await store.addMetrics("s1", "r1", [point(1)]);
    await database.query("update simulation_metrics set p95_ms = null, goodput_per_second = null", []);
    expect(await store.metrics("s1", "")).toEqual([{ ...point(1), p95Ms: undefined, goodputPerSecond: undefined }]);
  });

  it("says who still holds what, with the load it should have", async () => {
    await create("s1");
    await create("s2", { createdBy: "u2" });
    await store.claim("r1", 2000);
    await store.claim("r1", 2000);
    await store.setLoad("s2", 3);
    const progress = ["s1", "s2", "gone"].map((id) => ({ id, simulatedSeconds: 5 }));
    const held = await store.heartbeat("r1", progress);
    expect([...held].sort((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: "s1", load: 1, hasWaitingChanges: false },
      { id: "s2", load: 3, hasWaitingChanges: false },
    ]);
    expect((await store.find("s1"))?.simulatedSeconds).toBe(5);
    expect(await store.heartbeat("r1", [])).toEqual([]);
  });

  it("keeps what was planned, and what was asked for since then until it is known what became of it", async () => {
    const changes = [{ atMs: 5000, change: broken }];
    await create("s1", { changes });
    expect(await store.addChange("s1", broken, 10)).toBe(1);
    expect(await store.claim("r1", 2000)).toMatchObject({
      changes,
      liveChanges: [{ number: 1, change: broken, atMs: undefined }],
    });
    expect(await store.addChange("s1", mended, 10)).toBe(2);
    expect(await store.heartbeat("r1", [{ id: "s1", simulatedSeconds: 1 }])).toEqual([
      { id: "s1", load: 1, hasWaitingChanges: true },
    ]);
    expect((await store.waitingChanges("s1", "r1")).map(({ number, change }) => [number, change])).toEqual([
      [1, broken],
      [2, mended],
    ]);
    expect(await store.changeOutcome("s1", 1)).toBeUndefined();
    await store.settleChange("s1", "r1", 1, { atMs: 1234.567_891 });
    await store.settleChange("s1", "r1", 2, { refusal: "impossible" });
    await store.settleChange("s1", "r1", 1, { atMs: 9 });
    expect(await store.changeOutcome("s1", 1)).toEqual({ atMs: 1234.567_891 });
    expect(await store.changeOutcome("s1", 2)).toEqual({ refusal: "impossible" });
    expect(await store.waitingChanges("s1", "r1")).toEqual([]);
    await store.release(["s1"], "r1");
    expect(await store.claim("r2", 3000)).toMatchObject({
      changes,
      liveChanges: [{ number: 1, change: broken, atMs: 1234.567_891 }],
    });
  });

  it("takes changes of runs that go on, a number each, and no more than there may be", async () => {
    await create("s1");
    const numbers = await Promise.all(Array.from({ length: 12 }, () => store.addChange("s1", broken, 10)));
    const given = numbers.filter((number) => number !== undefined);
    expect(given.sort((one, other) => one - other)).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
    await store.cancelPending("s1", 3000);
    expect(await store.addChange("s1", broken, 100)).toBeUndefined();
    expect(await store.addChange("nothing", broken, 100)).toBeUndefined();
  });

  it("tells of changes, and hears what became of them, only by the instance that runs it", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    await store.addChange("s1", broken, 10);
    expect(await store.waitingChanges("s1", "r2")).toEqual([]);
    await store.settleChange("s1", "r2", 1, { atMs: 1 });
    expect(await store.changeOutcome("s1", 1)).toBeUndefined();
    expect(await store.changeOutcome("s1", 2)).toBeUndefined();
  });

  it("keeps the end and its results, also said twice, and progress that comes late changes nothing", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    expect(await store.finish("s1", "r1", end("COMPLETED"))).toBe(true);
    expect(await store.finish("s1", "r1", end("COMPLETED"))).toBe(true);
    await store.heartbeat("r1", [{ id: "s1", simulatedSeconds: 3 }]);
    await store.setStatus("s1", "r1", "PAUSED");
    expect(await store.find("s1")).toMatchObject({ status: "COMPLETED", simulatedSeconds: 10, finishedAtMs: 2000 });
    expect(await store.results("s1")).toEqual(sampleResults(10_000));
    expect(await store.setLoad("s1", 2)).toBe(false);
  });

  it("gives silent runs back, and ends those that were lost three times", async () => {
    for (const id of ["fresh", "silent", "poisonous"]) {
      await create(id, { createdBy: id });
      await store.claim("r1", 2000);
    }
    await silence("silent", 11);
    await silence("poisonous", 11);
    await database.query("update simulations set attempts = 3 where id = 'poisonous'");
    const released = await store.releaseSilent(10_000, 3, 5000);
    expect(released.map(({ id, status }) => [id, status]).sort()).toEqual([
      ["poisonous", "FAILED"],
      ["silent", "PENDING"],
    ]);
    expect(await store.find("poisonous")).toMatchObject({
      finishedAtMs: 5000,
      failureReason: "the instance that ran it was lost 3 times",
    });
    expect(await statusOf("fresh")).toBe("RUNNING");
    expect(await store.releaseSilent(10_000, 3, 5000)).toEqual([]);
  });

  it("does not count an attempt that was given back", async () => {
    await create("s1");
    for (let n = 0; n < 5; n++) {
      await store.claim("r1", 2000);
      await store.release(["s1"], "r1");
    }
    await store.claim("r1", 2000);
    await silence("s1", 11);
    expect(await store.releaseSilent(10_000, 3, 5000)).toMatchObject([{ status: "PENDING" }]);
  });

  it("of a stop and a claim at once lets one win", async () => {
    for (let round = 0; round < 10; round++) {
      await create(`s${round}`);
      const [cancelled, claimed] = await Promise.all([store.cancelPending(`s${round}`, 3000), store.claim("r1", 2000)]);
      expect(cancelled).toBe(claimed === undefined);
      expect(await statusOf(`s${round}`)).toBe(cancelled ? "STOPPED" : "RUNNING");
    }
  });

  it("stops what a project still has, whoever runs it", async () => {
    await create("s1");
    await store.claim("r1", 2000);
    await create("s2");
    await create("s3", { projectId: "p2" });
    expect([...(await store.unfinishedProjects())].sort()).toEqual(["p1", "p2"]);
    expect(await store.stopOfProject("p1", "its project is gone", 4000)).toHaveLength(2);
    expect(await store.find("s1")).toMatchObject({ status: "STOPPED", failureReason: "its project is gone" });
    expect(await store.heartbeat("r1", [{ id: "s1", simulatedSeconds: 1 }])).toEqual([]);
    expect(await store.finish("s1", "r1", end("COMPLETED"))).toBe(false);
    expect(await store.unfinishedProjects()).toEqual(["p2"]);
  });

  it("counts what a user has that has not ended", async () => {
    await create("s1");
    await create("s2");
    await create("s3", { createdBy: "u2" });
    await store.cancelPending("s2", 3000);
    expect(await store.countUnfinished("u1")).toBe(1);
  });

  it("removes what ended long ago with its metrics, so many at a time, and nothing that goes on", async () => {
    for (let n = 0; n < 5; n++) {
      await create(`s${n}`, { createdBy: `u${n}` });
      await store.claim("r1", 2000);
      await store.addMetrics(`s${n}`, "r1", [point(1)]);
      if (n < 4) await store.finish(`s${n}`, "r1", end("COMPLETED", n * 1000));
    }
    expect(await store.removeFinishedBefore(2500, 2)).toBe(2);
    expect(await store.removeFinishedBefore(2500, 2)).toBe(1);
    expect(await store.removeFinishedBefore(2500, 2)).toBe(0);
    expect((await store.list("p1", 10, "")).items.map(({ id }) => id).sort()).toEqual(["s3", "s4"]);
    expect(await database.query("select distinct simulation_id from simulation_metrics")).toHaveLength(2);
  });

  it("keeps a project's newest that have finished, and whatever goes on, however many instances remove the rest", async () => {
    for (let n = 0; n < 9; n++) {
      await create(`s${n}`, { createdAtMs: n, projectId: n < 7 ? "p1" : "p2" });
      await store.claim("r1", n);
      await store.addMetrics(`s${n}`, "r1", [point(1)]);
      if (n !== 0) await store.finish(`s${n}`, "r1", end("COMPLETED", n * 1000));
    }
    expect(await store.removeFinishedBeyond(2, 1)).toBe(1);
    const removed = await Promise.all([store.removeFinishedBeyond(2, 20), store.removeFinishedBeyond(2, 20)]);
    expect(removed[0] + removed[1]).toBe(3);
    const left = await database.query<{ id: string }>("select id from simulations order by id");
    expect(left.map(({ id }) => id)).toEqual(["s0", "s5", "s6", "s7", "s8"]);
    expect(await database.query("select distinct simulation_id from simulation_metrics")).toHaveLength(5);
  });

  it("lists a project's simulations, newest first, page by page", async () => {
    for (let n = 0; n < 7; n++) await create(`s${n}`, { createdAtMs: 1000 + Math.floor(n / 3) });
    await create("other", { projectId: "p2" });
    const seen: string[] = [];
    let after: string | undefined = "";
    do {
      const page = await store.list("p1", 3, after);
      seen.push(...page.items.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(["s6", "s5", "s4", "s3", "s2", "s1", "s0"]);
  });
});
