import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { AwayError, createMemoryControl } from "../lifecycle/memory-ports.ts";
import { createMemoryStudyStore, createScriptedStudyEngine, sampleStudy } from "./memory-ports.ts";
import { longestStudyMs, StudyRunner } from "./study-runner.ts";

let clock: FakeClock;
let store: ReturnType<typeof createMemoryStudyStore>;
let control: ReturnType<typeof createMemoryControl>;
let errors: string[];

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStudyStore(() => clock.now());
  control = createMemoryControl();
  errors = [];
});

const answer = { status: "COMPLETED", resultJson: '{"a":1}', report: "<!doctype html>" } as const;

/** A runner with an engine of its own, on the store and the channels that all share. */
async function start(name: string, maxStudies = 1) {
  const engine = createScriptedStudyEngine();
  const runner = new StudyRunner({
    name,
    store,
    engine,
    control,
    maxStudies,
    now: () => clock.now(),
    sleep: (ms) => clock.sleep(ms),
    every: (intervalMs, work) => {
      let ended = false;
      let timer = clock.setTimer(run, intervalMs);
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
  const study = (index = 0) => engine.studies[index] ?? expect.fail(`no study ${index} on ${name}`);
  return { runner, engine, study };
}

const pending = async (...ids: string[]) => {
  for (const id of ids) await store.create(sampleStudy(id));
  await control.announcePending();
  await clock.advance(0);
};
const row = (id = "s1") => store.rows.get(id) ?? expect.fail(`no study ${id}`);

describe("a study", () => {
  it("is taken when there is room, and the next one when the first has ended", async () => {
    const { runner, engine, study } = await start("r1");
    await pending("s1", "s2");
    expect([engine.studies.length, runner.active, row("s2").status]).toEqual([1, 1, "PENDING"]);
    study().end(answer);
    await clock.advance(0);
    expect(row("s1")).toMatchObject({ status: "COMPLETED", result: '{"a":1}', report: "<!doctype html>" });
    expect([engine.studies.length, row("s2").status]).toEqual([2, "RUNNING"]);
  });

  it("has its progress written once a second", async () => {
    const { study } = await start("r1");
    await pending("s1");
    study().progress({ progress: 0.2, phase: "one" });
    study().progress({ progress: 0.4, phase: "two" });
    await clock.advance(999);
    expect(row().progress).toBe(0);
    await clock.advance(1);
    expect(row()).toMatchObject({ progress: 0.4, phase: "two" });
  });

  it("is cancelled at once on the instance that runs it, whatever it says after that", async () => {
    const { study, runner } = await start("r1");
    await pending("s1");
    await control.send({ id: "s1", command: "stop" });
    study().end(answer);
    await clock.advance(0);
    expect(study().isCancelled).toBe(true);
    expect(row()).toMatchObject({ status: "CANCELLED", result: undefined });
    expect(runner.active).toBe(0);
  });

  it("is FAILED with the reason, also when it cannot even be started", async () => {
    const { study, engine } = await start("r1");
    await pending("s1");
    study().end({ status: "FAILED", error: "component db: instances must be above 0" });
    await clock.advance(0);
    expect(row()).toMatchObject({ status: "FAILED", failureReason: "component db: instances must be above 0" });
    engine.failing = new Error("no memory");
    await pending("s2");
    expect(row("s2")).toMatchObject({ status: "FAILED", failureReason: "no memory" });
  });

  it("is FAILED when its answer cannot be stored", async () => {
    const { study } = await start("r1");
    await pending("s1");
    store.refusing.add("COMPLETED");
    study().end(answer);
    await clock.advance(10_000);
    expect(row()).toMatchObject({ status: "FAILED", failureReason: "its answer could not be stored" });
  });

  it("is FAILED when it takes longer than anybody waits", async () => {
    const { study } = await start("r1");
    await pending("s1");
    await clock.advance(longestStudyMs + 1000);
    expect(row()).toMatchObject({ status: "FAILED", failureReason: expect.stringContaining("within 2 hours") });
    expect(study().isCancelled).toBe(true);
  });

  it("keeps its answer until the store is back", async () => {
    const { study } = await start("r1");
    await pending("s1");
    store.away.add("finish");
    study().end(answer);
    await clock.advance(60_000);
    expect(row().status).toBe("RUNNING");
    store.away.clear();
    await clock.advance(1000);
    expect(row().status).toBe("COMPLETED");
  });
});

describe("instances", () => {
  it("give what they have back when they stop, and another begins it again", async () => {
    const [first, second] = [await start("r1"), await start("r2")];
    await pending("s1");
    await first.runner.close();
    await clock.advance(0);
    expect(first.study().isCancelled).toBe(true);
    expect(row()).toMatchObject({ status: "RUNNING", runner: "r2" });
    second.study().end(answer);
    await clock.advance(0);
    expect(row().status).toBe("COMPLETED");
  });

  it("take what one that fell silent had, which then drops it without a word", async () => {
    const first = await start("r1");
    await pending("s1");
    store.away.add("heartbeat");
    await clock.advance(11_000);
    store.away.clear();
    store.rows.set("s1", { ...row(), status: "PENDING", runner: undefined });
    const second = await start("r2");
    await clock.advance(2000);
    expect(first.study().isCancelled).toBe(true);
    first.study().end(answer);
    await clock.advance(0);
    expect(row()).toMatchObject({ status: "RUNNING", runner: "r2" });
    expect(second.engine.studies).toHaveLength(1);
  });

  it("give up a study that was lost three times", async () => {
    await pending("s1");
    store.rows.set("s1", { ...row(), status: "RUNNING", runner: "gone", attempts: 3, seenAtMs: -20_000 });
    await start("r1");
    await clock.advance(5000);
    expect(row()).toMatchObject({ status: "FAILED", failureReason: "lost 3 times" });
  });
});
