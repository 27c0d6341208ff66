import { FakeClock } from "@weft/mesh/testing";
import type { Change } from "@weft/simulator";
import { beforeEach, describe, expect, it } from "vitest";
import {
  AwayError,
  createMemoryControl,
  createMemoryFeed,
  createMemoryStore,
  createScriptedEngine,
  sampleResults,
  sampleSimulation,
} from "./memory-ports.ts";
import { longestPauseMs, Runner } from "./runner.ts";
import type { Command } from "./transitions.ts";

let clock: FakeClock;
let store: ReturnType<typeof createMemoryStore>;
let control: ReturnType<typeof createMemoryControl>;
let feed: ReturnType<typeof createMemoryFeed>;
let errors: string[];

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore(() => clock.now());
  control = createMemoryControl();
  feed = createMemoryFeed();
  errors = [];
});

/** A runner with an engine of its own, on the store and the channels that all share. */
async function start(name: string, maxRuns = 2) {
  const engine = createScriptedEngine();
  const runner = new Runner({
    name,
    store,
    engine,
    control,
    feed,
    maxRuns,
    now: () => clock.now(),
    sleep: (ms) => clock.sleep(ms),
    every: (intervalMs, work) => {
      let timer = clock.setTimer(run, intervalMs);
      let ended = false;
      function run(): void {
        work()
          .catch((error: Error) => errors.push(error.message))
          .finally(() => {
            if (!ended) timer = clock.setTimer(run, intervalMs);
          });
      }
      return () => {
        ended = true;
        timer.cancel();
      };
    },
    isAway: (error) => error instanceof AwayError,
    onError: (message) => errors.push(message),
  });
  runner.start();
  await clock.advance(0);
  const run = (index = 0) => engine.runs[index] ?? expect.fail(`no run ${index} on ${name}`);
  return { runner, engine, run };
}

const pending = async (...ids: string[]) => {
  for (const id of ids) await store.create(sampleSimulation(id));
  await control.announcePending();
  await clock.advance(0);
};
type Row = NonNullable<ReturnType<typeof store.rows.get>>;
const change = (id: string, changes: Partial<Row>) =>
  store.rows.set(id, { ...(store.rows.get(id) as Row), ...changes });
const statusOf = (id: string) => store.rows.get(id)?.status;
const shown = (id = "s1") => feed.shown.filter((one) => one.id === id);
const command = async (id: string, what: Command, load?: number) => {
  await control.send({ id, command: what, ...(load === undefined ? {} : { load }) });
  await clock.advance(0);
};

describe("taking simulations", () => {
  it("takes what is pending at the start, and up to maxRuns", async () => {
    await pending("s1", "s2", "s3");
    const { runner, engine } = await start("a");
    expect(engine.runs.map(({ simulation }) => simulation.id)).toEqual(["s1", "s2"]);
    expect(runner.active).toBe(2);
    expect(statusOf("s3")).toBe("PENDING");
  });

  it("takes the next one when a place is free", async () => {
    const { run, engine } = await start("a", 1);
    await pending("s1", "s2");
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await clock.advance(0);
    expect(engine.runs[1]?.simulation.id).toBe("s2");
  });

  it("two runners never take the same one", async () => {
    const [a, b] = [await start("a"), await start("b")];
    await pending("s1", "s2", "s3", "s4");
    const taken = [...a.engine.runs, ...b.engine.runs].map(({ simulation }) => simulation.id);
    expect(taken.sort()).toEqual(["s1", "s2", "s3", "s4"]);
  });

  it("takes what it missed the notice of, within a second", async () => {
    const { engine } = await start("a");
    await store.create(sampleSimulation("s1"));
    await clock.advance(1000);
    expect(engine.runs).toHaveLength(1);
  });

  it("goes on trying while the store is away", async () => {
    store.away.add("claim");
    const { engine } = await start("a");
    await pending("s1");
    expect(errors).toContain("pending simulations could not be taken");
    store.away.clear();
    await clock.advance(1000);
    expect(engine.runs).toHaveLength(1);
  });

  it("ends one that cannot be started as FAILED, and tells so although it never showed anything", async () => {
    const { engine, runner } = await start("a");
    engine.failing = new Error("no threads left");
    await pending("s1");
    expect(store.rows.get("s1")).toMatchObject({ status: "FAILED", failureReason: "no threads left" });
    expect(shown()).toMatchObject([{ status: "FAILED", frame: { sequence: 1, components: [] } }]);
    expect(runner.active).toBe(0);
  });
});

describe("frames", () => {
  it("are numbered without gaps, those that only tell a status included", async () => {
    const { run } = await start("a");
    await pending("s1");
    run().frame(10);
    await command("s1", "pause");
    run().frame(20);
    await command("s1", "resume");
    run().frame(30);
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await clock.advance(0);
    expect(shown().map(({ frame }) => frame.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(shown().map(({ status }) => status)).toEqual([
      "RUNNING",
      "PAUSED",
      "PAUSED",
      "RUNNING",
      "RUNNING",
      "COMPLETED",
    ]);
  });

  it("become a series of at most 300 points, and progress is noted every second", async () => {
    const { run } = await start("a");
    await pending("s1");
    for (let atMs = 1; atMs <= 10_000; atMs += 7) run().frame(atMs);
    await clock.advance(1000);
    expect(store.points.get("s1")?.length).toBeLessThanOrEqual(300);
    expect(store.points.get("s1")?.length).toBeGreaterThan(250);
    expect(store.rows.get("s1")?.simulatedSeconds).toBeCloseTo(9.997);
  });

  it("the last one comes after the end is written, and none after it", async () => {
    const { run } = await start("a");
    await pending("s1");
    run().frame(5000);
    store.away.add("finish");
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    run().frame(6000);
    await clock.advance(3500);
    expect(shown().map(({ status }) => status)).toEqual(["RUNNING"]);
    store.away.clear();
    await clock.advance(1000);
    expect(statusOf("s1")).toBe("COMPLETED");
    run().frame(7000);
    run().end({ status: "FAILED", error: "again" });
    await clock.advance(0);
    expect(shown().map(({ status }) => status)).toEqual(["RUNNING", "COMPLETED"]);
    expect(store.rows.get("s1")).toMatchObject({ status: "COMPLETED", simulatedSeconds: 10 });
  });
});

describe("commands", () => {
  it("pause and resume reach the engine and the store", async () => {
    const { run } = await start("a");
    await pending("s1");
    await command("s1", "pause");
    expect(statusOf("s1")).toBe("PAUSED");
    await command("s1", "resume");
    expect(statusOf("s1")).toBe("RUNNING");
    expect(run().calls).toEqual(["pause", "resume"]);
  });

  it.each(["pause", undefined] as const)("stop ends a run (after %s) with what it has shown", async (before) => {
    await start("a");
    await pending("s1");
    if (before !== undefined) await command("s1", before);
    await command("s1", "stop");
    expect(store.rows.get("s1")).toMatchObject({ status: "STOPPED", results: { events: 1 } });
    expect(shown().at(-1)?.status).toBe("STOPPED");
  });

  it("load reaches the engine once, also when the command was lost and only the store knows it", async () => {
    const { run } = await start("a");
    await pending("s1");
    await command("s1", "load", 2);
    await command("s1", "load", 2);
    await store.setLoad("s1", 3);
    await clock.advance(2000);
    expect(run().calls).toEqual(["load 2", "load 3"]);
  });

  it("a load that the engine refuses disturbs nothing else", async () => {
    const { run } = await start("a");
    await pending("s1");
    await command("s1", "load", 101);
    run().frame(10);
    expect(shown()).toHaveLength(1);
    expect(errors).toEqual(["the load of simulation s1 could not be changed"]);
  });

  it("to a run that has just ended do nothing", async () => {
    const { run } = await start("a");
    await pending("s1");
    store.away.add("finish");
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    for (const what of ["pause", "resume", "stop"] as const) await command("s1", what);
    await command("s1", "load", 2);
    store.away.clear();
    await clock.advance(1000);
    expect(run().calls).toEqual([]);
    expect(shown().map(({ status }) => status)).toEqual(["COMPLETED"]);
  });

  it("for simulations that run elsewhere are somebody else's", async () => {
    const { run } = await start("a");
    await pending("s1");
    await command("s2", "stop");
    expect(run().calls).toEqual([]);
  });
});

describe("changes", () => {
  const broken = { kind: "errors", component: "api", ratio: 1 } as const;
  const mended = { kind: "errors", component: "api", ratio: 0 } as const;
  const asked = async (...changes: readonly Change[]) => {
    for (const one of changes) await store.addChange("s1", one, 1000);
  };
  const outcomes = () => store.rows.get("s1")?.liveChanges.map(({ atMs }) => atMs);

  it("reach the engine once each and in order, however often it is told to look", async () => {
    const { run } = await start("a");
    await pending("s1");
    await asked(broken, mended);
    void control.send({ id: "s1", command: "apply" });
    await command("s1", "apply");
    await clock.advance(2000);
    expect(run().calls).toEqual(["apply 1 errors api", "apply 2 errors api"]);
    run().settle(1, { atMs: 100 });
    run().settle(2, { refusal: "impossible" });
    await clock.advance(0);
    expect(outcomes()).toEqual([100, undefined]);
    expect(await store.changeOutcome("s1", 2)).toEqual({ refusal: "impossible" });
  });

  it("are found within a second when nobody told, and when they could not be read before", async () => {
    const { run } = await start("a");
    await pending("s1");
    await asked(broken);
    store.away.add("waitingChanges");
    await command("s1", "apply");
    expect(errors).toEqual(["the changes of simulation s1 could not be read"]);
    store.away.clear();
    await clock.advance(1000);
    expect(run().calls).toEqual(["apply 1 errors api"]);
  });

  it("are repeated when the run begins again: what took effect when it did, the rest at the start", async () => {
    const a = await start("a");
    await pending("s1");
    await asked(broken, mended, broken);
    await command("s1", "apply");
    a.run().settle(1, { atMs: 500 });
    a.run().settle(2, { refusal: "impossible" });
    await clock.advance(0);
    const b = await start("b");
    await a.runner.close();
    await clock.advance(0);
    expect(b.run().simulation.liveChanges).toEqual([
      { number: 1, change: broken, atMs: 500 },
      { number: 3, change: broken, atMs: undefined },
    ]);
    b.run().settle(3, { atMs: 0 });
    b.run().settle(1, { atMs: 501 });
    await clock.advance(1000);
    expect(outcomes()).toEqual([500, undefined, 0]);
    expect(b.run().calls).toEqual([]);
  });

  it("of an instance that has lost the run count for nothing", async () => {
    const { run } = await start("a");
    await pending("s1");
    await asked(broken);
    change("s1", { runner: "b" });
    await command("s1", "apply");
    run().settle(1, { atMs: 500 });
    await clock.advance(0);
    expect(run().calls).toEqual([]);
    expect(outcomes()).toEqual([undefined]);
  });

  it("of load that were planned stay, until a load is set, be it the one at the start", async () => {
    const { run } = await start("a");
    await pending("s1");
    run().frame(10, 1);
    run().frame(20, 5);
    await clock.advance(2000);
    expect(run().calls).toEqual([]);
    await command("s1", "load", 1);
    expect(run().calls).toEqual(["load 1"]);
  });
});

describe("a run that nobody resumes", () => {
  it("is stopped after an hour, since it holds a place", async () => {
    await start("a");
    await pending("s1");
    await command("s1", "pause");
    await clock.advance(longestPauseMs - 2000);
    expect(statusOf("s1")).toBe("PAUSED");
    await clock.advance(3000);
    expect(statusOf("s1")).toBe("STOPPED");
  });
});

describe("a store that refuses", () => {
  it("the results leaves a run that FAILED and says why", async () => {
    const { run, runner } = await start("a");
    await pending("s1");
    const finish = store.finish;
    store.finish = async (id, name, end) => {
      if (end.results !== undefined) throw new Error("refused");
      return finish(id, name, end);
    };
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await clock.advance(10_000);
    expect(store.rows.get("s1")).toMatchObject({ status: "FAILED", failureReason: "its results could not be stored" });
    expect(shown().at(-1)?.status).toBe("FAILED");
    expect(runner.active).toBe(0);
  });

  it("a point of the series is asked a few times, and the end is written all the same", async () => {
    const { run } = await start("a");
    await pending("s1");
    store.refusing.add("addMetrics");
    run().frame(5000);
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await clock.advance(20_000);
    expect(statusOf("s1")).toBe("COMPLETED");
    expect(store.log.filter((operation) => operation === "addMetrics").length).toBeLessThanOrEqual(10);
  });
});

describe("an instance that falls silent", () => {
  it("loses its runs to another, which starts them again; what it says afterwards counts for nothing", async () => {
    const a = await start("a", 1);
    await pending("s1");
    a.run().frame(2000);
    const cutOff = { heartbeat: store.heartbeat, finish: store.finish };
    // Only a is cut off.
    store.heartbeat = async (name, progress) => {
      if (name === "a") throw new AwayError("cut off");
      return cutOff.heartbeat(name, progress);
    };
    const b = await start("b");
    await clock.advance(12_000);
    expect(b.run().simulation.id).toBe("s1");
    expect(store.rows.get("s1")).toMatchObject({ runner: "b", attempts: 2 });
    const before = shown().length;
    a.run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await clock.advance(0);
    expect(statusOf("s1")).toBe("RUNNING");
    expect(shown()).toHaveLength(before);
    expect(a.runner.active).toBe(0);
  });

  it("and takes its own run again ends the one it had", async () => {
    const a = await start("a");
    await pending("s1");
    change("s1", { status: "PENDING", runner: undefined });
    await control.announcePending();
    await clock.advance(0);
    expect(a.run(0).calls).toEqual(["stop"]);
    a.run(0).frame(10);
    a.run(1).frame(20);
    expect(shown().map(({ frame }) => frame.simulatedMs)).toEqual([20]);
    expect(a.runner.active).toBe(1);
  });

  it("finds out by its heartbeat and stops its engine without a word", async () => {
    const a = await start("a");
    await pending("s1");
    change("s1", { runner: "b" });
    await clock.advance(1000);
    expect(a.run().calls).toEqual(["stop"]);
    expect(a.runner.active).toBe(0);
    expect(shown()).toEqual([]);
    expect(statusOf("s1")).toBe("RUNNING");
  });

  it("stops writing for a run that was deleted, however long the store refused", async () => {
    const a = await start("a");
    await pending("s1");
    store.away.add("finish");
    a.run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await clock.advance(2000);
    store.rows.delete("s1");
    await clock.advance(3000);
    const tries = store.log.filter((operation) => operation === "finish").length;
    await clock.advance(5000);
    expect(store.log.filter((operation) => operation === "finish")).toHaveLength(tries);
    expect(a.runner.active).toBe(0);
  });

  it("with its third run in a row ends it as FAILED, and viewers are told", async () => {
    await start("a");
    await store.create(sampleSimulation("s1"));
    change("s1", { status: "RUNNING", runner: "gone", attempts: 3 });
    await clock.advance(5000);
    expect(statusOf("s1")).toBe("FAILED");
    expect(shown()).toMatchObject([{ status: "FAILED" }]);
  });

  it("is not declared so by one that has just found the store again itself", async () => {
    const [a] = [await start("a"), await start("b")];
    await pending("s1");
    store.away.add("heartbeat");
    await clock.advance(20_000);
    store.away.clear();
    await clock.advance(5000);
    expect(store.rows.get("s1")).toMatchObject({ runner: "a", attempts: 1 });
    expect(a.run().calls).toEqual([]);
  });
});

describe("closing", () => {
  it("gives the runs back at once, without counting the attempt, and another takes them", async () => {
    const a = await start("a");
    await pending("s1");
    const b = await start("b");
    await a.runner.close();
    await clock.advance(0);
    expect(a.run().calls).toEqual(["stop"]);
    expect(b.run().simulation.id).toBe("s1");
    expect(store.rows.get("s1")).toMatchObject({ status: "RUNNING", runner: "b", attempts: 1 });
    expect(shown()).toEqual([]);
  });

  it("waits for an end that is being written, and does not give it back", async () => {
    const { run, runner } = await start("a");
    await pending("s1");
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await runner.close();
    expect(statusOf("s1")).toBe("COMPLETED");
    expect(shown().at(-1)?.status).toBe("COMPLETED");
  });

  it("gives up an end that cannot be written, and gives the run back", async () => {
    const { run, runner } = await start("a");
    await pending("s1");
    store.away.add("finish");
    run().end({ status: "COMPLETED", results: sampleResults(10_000) });
    await clock.advance(0);
    const closed = runner.close();
    await clock.advance(2000);
    await closed;
    expect(statusOf("s1")).toBe("PENDING");
    expect(shown()).toEqual([]);
  });

  it("gives back what it was taking at that moment", async () => {
    const { runner, engine } = await start("a");
    await store.create(sampleSimulation("s1"));
    void control.announcePending();
    await runner.close();
    expect(statusOf("s1")).toBe("PENDING");
    expect(engine.runs).toEqual([]);
    await clock.advance(5000);
    expect(statusOf("s1")).toBe("PENDING");
  });

  it("succeeds while the store is away", async () => {
    const { runner } = await start("a");
    await pending("s1");
    store.away.add("release");
    await runner.close();
    expect(errors.some((message) => message.startsWith("runs could not be given back"))).toBe(true);
  });
});
