import { FakeClock } from "@weft/mesh/testing";
import type { Change } from "@weft/simulator";
import { beforeEach, describe, expect, it } from "vitest";
import { SimulationError } from "./errors.ts";
import {
  createMemoryControl,
  createMemoryFeed,
  createMemoryStore,
  sampleResults,
  sampleSimulation,
} from "./memory-ports.ts";
import type { Access, ChangeOutcome, ControlMessage } from "./ports.ts";
import { mostUnfinished, Simulations } from "./simulations.ts";
import { stopOrphans } from "./stop-orphans.ts";
import type { Status } from "./transitions.ts";

const [owner, viewer, stranger] = [{ userId: "owner" }, { userId: "viewer" }, { userId: "stranger" }];
const given = { durationSeconds: 10, seed: 7, speed: 1, load: 1 };
const api = { id: "api" } as never;
const architecture = { components: [api], links: [], workloads: [] };

const broken = { kind: "errors", component: "api", ratio: 1 } as const;

let clock: FakeClock;
let store: ReturnType<typeof createMemoryStore>;
let feed: ReturnType<typeof createMemoryFeed>;
let control: ReturnType<typeof createMemoryControl>;
let simulations: Simulations;
let sent: ControlMessage[];
let announced: number;

const access: Access = {
  check: async (userId, permission, projectId) => {
    const role = projectId === "p1" && userId !== "stranger" ? userId : "";
    return { allowed: role === "owner" || (role === "viewer" && permission === "simulation.read"), role };
  },
  anybodyOn: async (projectId) => projectId !== "gone",
};

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore(() => clock.now());
  feed = createMemoryFeed();
  control = createMemoryControl();
  sent = [];
  announced = 0;
  control.onCommand((message) => sent.push(message));
  control.onPending(() => announced++);
  let ids = 0;
  simulations = new Simulations({
    store,
    engine: {
      check: (_architecture, { load }) => {
        if (load > 100) throw new SimulationError("cannot_be_simulated", "too much");
      },
      checkChange: (_architecture, change) => {
        if ("component" in change && change.component !== "api") throw new SimulationError("invalid", "no such thing");
      },
      start: () => expect.fail("nothing is run here"),
    },
    access,
    projects: { read: async (id) => (id === "p1" ? { version: 4, architecture } : undefined) },
    control,
    feed,
    now: () => clock.now(),
    newId: () => `s${++ids}`,
    newSeed: () => 99,
    sleep: (ms) => clock.sleep(ms),
  });
});

const stored = async (status: Status) => {
  await store.create(sampleSimulation("s0", { architecture }));
  become(status);
};
type Row = NonNullable<ReturnType<typeof store.rows.get>>;
const become = (status: Status, more: Partial<Row> = {}) =>
  store.rows.set("s0", { ...(store.rows.get("s0") as Row), status, ...more });
const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => "accepted",
    (error: SimulationError) => error.kind,
  );
/** What a command answers when the status becomes `next` a moment later. */
const commanded = async (what: "pause" | "resume" | "stop" | "load", next?: Status, load?: number) => {
  const answer = simulations.command(owner, "s0", what, load);
  const settled = answer.then(
    ({ status }) => status as string,
    ({ kind }: SimulationError) => kind,
  );
  await clock.advance(10);
  if (next !== undefined) become(next);
  await clock.advance(6000);
  return settled;
};

describe("permissions", () => {
  const calls: readonly [string, "read" | "run", (by: { userId: string }) => Promise<unknown>][] = [
    ["get", "read", (by) => simulations.get(by, "s0")],
    ["results", "read", (by) => simulations.results(by, "s0")],
    ["metrics", "read", (by) => simulations.metrics(by, "s0", "", 0)],
    ["list", "read", (by) => simulations.list(by, "p1", 10, "")],
    ["start", "run", (by) => simulations.start(by, "p1", given)],
    ["pause", "run", (by) => simulations.command(by, "s0", "pause")],
    ["stop", "run", (by) => simulations.command(by, "s0", "stop")],
    ["load", "run", (by) => simulations.command(by, "s0", "load", 2)],
    ["change", "run", (by) => simulations.applyChange(by, "s0", broken)],
  ];

  it.each(calls)("%s: nothing is there for a stranger", async (_name, _needs, call) => {
    await stored("PAUSED");
    expect(await kindOf(call(stranger))).toMatch(/_unknown$/);
    expect(sent).toEqual([]);
    expect(announced).toBe(0);
  });

  it.each(calls)("%s: a viewer reads and does not run", async (_name, needs, call) => {
    await stored("PAUSED");
    expect(await kindOf(call(viewer))).toBe(
      needs === "run" ? "not_allowed" : _name === "results" ? "not_finished" : "accepted",
    );
  });

  it.each(["nothing", "\0"])("a simulation that is not there is unknown: %j", async (id) => {
    expect(await kindOf(simulations.get(owner, id))).toBe("simulation_unknown");
  });
});

describe("starting", () => {
  it("writes down what is simulated, as PENDING, and says so to all instances", async () => {
    const simulation = await simulations.start(owner, "p1", given);
    expect(simulation).toMatchObject({ id: "s1", status: "PENDING", projectVersion: 4, seed: 7, createdBy: "owner" });
    expect(store.rows.get("s1")).toMatchObject({ architecture, load: 1, changes: [] });
    expect(announced).toBe(1);
  });

  it("keeps the changes that are planned, after the engine has seen them", async () => {
    const changes = [{ atMs: 5000, change: broken }];
    await simulations.start(owner, "p1", { ...given, changes });
    expect(store.rows.get("s1")).toMatchObject({ changes, liveChanges: [] });
  });

  it("draws a seed when none is given, and 0 is one", async () => {
    expect((await simulations.start(owner, "p1", { ...given, seed: undefined })).seed).toBe(99);
    expect((await simulations.start(owner, "p1", { ...given, seed: 0 })).seed).toBe(0);
  });

  it("refuses what the engine refuses, and leaves nothing behind", async () => {
    expect(await kindOf(simulations.start(owner, "p1", { ...given, load: 101 }))).toBe("cannot_be_simulated");
    expect(store.rows.size).toBe(0);
  });

  it("refuses a run that would hold a place for longer than a day", async () => {
    const slow = simulations.start(owner, "p1", { ...given, durationSeconds: 3600, speed: 0.01 });
    await expect(slow).rejects.toMatchObject({ kind: "invalid", fields: [{ field: "speed" }] });
    expect(await kindOf(simulations.start(owner, "p1", { ...given, durationSeconds: 86_400, speed: 0 }))).toBe(
      "accepted",
    );
  });

  it("refuses more at once than one may have", async () => {
    for (let n = 0; n < mostUnfinished; n++) await store.create(sampleSimulation(`x${n}`, { createdBy: "owner" }));
    expect(await kindOf(simulations.start(owner, "p1", given))).toBe("too_many_unfinished");
  });
});

describe("a command", () => {
  it.each([
    ["pause", "RUNNING", "PAUSED"],
    ["resume", "PAUSED", "RUNNING"],
    ["stop", "RUNNING", "STOPPED"],
    ["stop", "PAUSED", "STOPPED"],
    ["stop", "RUNNING", "COMPLETED"],
  ] as const)("%s of a %s one is sent, and answered when its effect shows", async (what, from, to) => {
    await stored(from);
    expect(await commanded(what, to)).toBe(to);
    expect(sent).toEqual([{ id: "s0", command: what }]);
  });

  it.each([
    ["pause", "PAUSED"],
    ["resume", "RUNNING"],
    ["stop", "COMPLETED"],
    ["stop", "FAILED"],
  ] as const)("%s of a %s one is done already", async (what, status) => {
    await stored(status);
    expect(await commanded(what)).toBe(status);
    expect(sent).toEqual([]);
  });

  it.each([
    ["pause", "PENDING"],
    ["pause", "COMPLETED"],
    ["resume", "STOPPED"],
    ["load", "FAILED"],
  ] as const)("%s of a %s one is refused", async (what, status) => {
    await stored(status);
    expect(await commanded(what, undefined, 2)).toBe("wrong_status");
  });

  it("to a run that ends before it arrives is refused, not answered as if it had been paused", async () => {
    await stored("RUNNING");
    expect(await commanded("pause", "COMPLETED")).toBe("wrong_status");
  });

  it("that nobody answers is sent again, and then called unavailable", async () => {
    await stored("RUNNING");
    expect(await commanded("pause")).toBe("unavailable");
    expect(sent.length).toBeGreaterThanOrEqual(4);
  });

  it("stop of one that nobody runs ends it, also when it was given back meanwhile, and tells its viewers", async () => {
    await stored("PENDING");
    expect(await commanded("stop")).toBe("STOPPED");
    become("RUNNING");
    expect(await commanded("stop", "PENDING")).toBe("STOPPED");
    expect(feed.shown.map(({ status }) => status)).toEqual(["STOPPED", "STOPPED"]);
  });

  it("load is kept before it is told, and before a run begins it is the load it begins with", async () => {
    await stored("PENDING");
    expect((await simulations.command(owner, "s0", "load", 3)).load).toBe(3);
    expect(store.rows.get("s0")?.load).toBe(3);
    expect(sent).toEqual([{ id: "s0", command: "load", load: 3 }]);
  });

  it("load that the engine refuses changes nothing", async () => {
    await stored("RUNNING");
    expect(await commanded("load", undefined, 101)).toBe("cannot_be_simulated");
    expect(store.rows.get("s0")?.load).toBe(1);
    expect(sent).toEqual([]);
  });
});

describe("a change", () => {
  /** What is answered when `meanwhile` happens a moment later. */
  const changed = async (change: Change, meanwhile: () => unknown = () => undefined) => {
    const answer = simulations.applyChange(owner, "s0", change).then(
      ({ simulation, atMs }) => [simulation.status, atMs],
      ({ kind, message }: SimulationError) => [kind, message],
    );
    await clock.advance(10);
    await meanwhile();
    await clock.advance(6000);
    return answer;
  };
  const settled = (outcome: ChangeOutcome) => async () => store.settleChange("s0", "r1", 1, outcome);

  it.each(["RUNNING", "PAUSED"] as const)(
    "of a %s one is kept, told of without what it is, and answered when it took effect",
    async (status) => {
      await stored(status);
      become(status, { runner: "r1" });
      expect(await changed(broken, settled({ atMs: 1234 }))).toEqual([status, 1234]);
      expect(store.rows.get("s0")?.liveChanges).toEqual([{ number: 1, change: broken, atMs: 1234 }]);
      expect(sent).toEqual([{ id: "s0", command: "apply" }]);
    },
  );

  it("of one that nobody runs yet is kept for its start", async () => {
    await stored("PENDING");
    expect(await changed(broken)).toEqual(["PENDING", undefined]);
    expect(store.rows.get("s0")?.liveChanges).toMatchObject([{ change: broken }]);
  });

  it("that nobody answers is told again, and is kept: asking once more would make it twice", async () => {
    await stored("RUNNING");
    expect(await changed(broken)).toEqual(["RUNNING", undefined]);
    expect(sent.length).toBeGreaterThanOrEqual(4);
  });

  it("that the run finds impossible is refused in its words", async () => {
    await stored("RUNNING");
    become("RUNNING", { runner: "r1" });
    expect(await changed(broken, settled({ refusal: "too much" }))).toEqual(["invalid", "change: too much"]);
  });

  it("that the engine refuses leaves nothing behind", async () => {
    await stored("RUNNING");
    expect(await changed({ ...broken, component: "nothing" })).toEqual(["invalid", "no such thing"]);
    expect(store.rows.get("s0")?.liveChanges).toEqual([]);
    expect(sent).toEqual([]);
  });

  it("of a run that has ended, or ends before it, is refused", async () => {
    await stored("COMPLETED");
    expect(await changed(broken)).toEqual(["wrong_status", "a simulation that is COMPLETED cannot be changed"]);
    become("RUNNING");
    expect(await changed(broken, () => become("STOPPED"))).toEqual([
      "wrong_status",
      "a simulation that is STOPPED cannot be changed",
    ]);
  });

  it("beyond the most there can be is refused", async () => {
    await stored("RUNNING");
    const liveChanges = Array.from({ length: 1000 }, (_, n) => ({ number: n + 1, change: broken, atMs: 1 }));
    become("RUNNING", { liveChanges });
    expect((await changed(broken))[0]).toBe("too_many_changes");
  });

  it("of load is the command that sets it", async () => {
    await stored("RUNNING");
    expect(await changed({ kind: "load", load: 3 })).toEqual(["RUNNING", undefined]);
    expect(store.rows.get("s0")).toMatchObject({ load: 3, liveChanges: [] });
    expect(sent).toEqual([{ id: "s0", command: "load", load: 3 }]);
  });
});

describe("results", () => {
  it("are there when a run has ended", async () => {
    await stored("COMPLETED");
    become("COMPLETED", { results: sampleResults(10_000) });
    expect((await simulations.results(viewer, "s0")).results.simulatedMs).toBe(10_000);
  });

  it.each(["PENDING", "RUNNING", "PAUSED"] as const)("are not there yet of a %s one", async (status) => {
    await stored(status);
    await expect(simulations.results(owner, "s0")).rejects.toMatchObject({ kind: "not_finished" });
  });

  it("of a run that failed say why there are none", async () => {
    await stored("FAILED");
    become("FAILED", { failureReason: "out of memory" });
    await expect(simulations.results(owner, "s0")).rejects.toThrow("out of memory");
  });
});

describe("metrics", () => {
  it("are thinned to what is asked for, and of a component that there is", async () => {
    await stored("RUNNING");
    const point = (n: number) => ({ ...zero, component: "api", simulatedSeconds: n + 1 });
    const zero = { requestsPerSecond: 0, failuresPerSecond: 0, utilization: 0, queueLength: 0, p50Ms: 0, p99Ms: 0 };
    store.points.set(
      "s0",
      Array.from({ length: 400 }, (_, n) => point(n)),
    );
    expect(await simulations.metrics(owner, "s0", "api", 10)).toHaveLength(10);
    expect((await simulations.metrics(owner, "s0", "api", 0)).length).toBeLessThanOrEqual(300);
    expect(await simulations.metrics(owner, "s0", "", 0)).toEqual([]);
    const unknown = simulations.metrics(owner, "s0", "nothing", 0);
    await expect(unknown).rejects.toMatchObject({ kind: "invalid", fields: [{ field: "component" }] });
  });
});

describe("stopOrphans", () => {
  it("stops what nobody has a role for any more, and tells its viewers", async () => {
    await stored("RUNNING");
    await store.create(sampleSimulation("s9", { projectId: "gone" }));
    await stopOrphans({ store, access, feed, now: () => clock.now() });
    expect(store.rows.get("s9")).toMatchObject({ status: "STOPPED", failureReason: "its project is gone" });
    expect(store.rows.get("s0")?.status).toBe("RUNNING");
    expect(feed.shown.map(({ id, status }) => [id, status])).toEqual([["s9", "STOPPED"]]);
  });

  it("stops nothing when it cannot be asked who has a role", async () => {
    await stored("RUNNING");
    const away = { anybodyOn: () => Promise.reject(new Error("away")) };
    await expect(stopOrphans({ store, access: away, feed, now: () => 0 })).rejects.toThrow("away");
    expect(store.rows.get("s0")?.status).toBe("RUNNING");
  });
});
