import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { SimulationError } from "../lifecycle/errors.ts";
import { createMemoryControl } from "../lifecycle/memory-ports.ts";
import type { Access } from "../lifecycle/ports.ts";
import { cancelOrphans } from "./cancel-orphans.ts";
import { createMemoryStudyStore, sampleStudy } from "./memory-ports.ts";
import { mostUnfinishedStudies, Studies } from "./studies.ts";
import type { StudySpec, StudyStatus, StudyTask } from "./study.ts";

const [owner, viewer, stranger] = [{ userId: "owner" }, { userId: "viewer" }, { userId: "stranger" }];
const architecture = { components: [], links: [], workloads: [] };
const spec: StudySpec = { question: { kind: "run" }, settings: ["api.instances=2"] };

let clock: FakeClock;
let store: ReturnType<typeof createMemoryStudyStore>;
let control: ReturnType<typeof createMemoryControl>;
let studies: Studies;
let checked: StudyTask[];
let announced: number;

const access: Access = {
  check: async (userId, permission, projectId) => {
    const role = projectId !== "p-else" && userId !== "stranger" ? userId : "";
    return { allowed: role === "owner" || (role === "viewer" && permission === "simulation.read"), role };
  },
  anybodyOn: async (projectId) => projectId !== "gone",
};

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStudyStore(() => clock.now());
  control = createMemoryControl();
  checked = [];
  announced = 0;
  control.onPending(() => announced++);
  let ids = 0;
  studies = new Studies({
    store,
    engine: {
      check: async (task) => {
        checked.push(task);
        if (task.spec.load === 99) throw new SimulationError("cannot_be_simulated", "too much");
      },
    },
    access,
    projects: {
      read: async (id) => (id === "p1" || id === "p2" ? { name: `shop ${id}`, version: 4, architecture } : undefined),
    },
    control,
    now: () => clock.now(),
    newId: () => `s${++ids}`,
    sleep: (ms) => clock.sleep(ms),
  });
});

const stored = async (status: StudyStatus, more = {}) => {
  await store.create(sampleStudy("s0"));
  const row = store.rows.get("s0");
  if (row !== undefined) store.rows.set("s0", { ...row, status, ...more });
};
const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => "accepted",
    (error: SimulationError) => error.kind,
  );

describe("starting a study", () => {
  it("copies the architectures, writes it down as PENDING, and tells everybody", async () => {
    const compare = { kind: "compare", otherProjectId: "p2", settings: [], objectives: [], prices: {} } as const;
    const study = await studies.start(owner, "p1", { ...spec, question: compare });
    expect(study).toMatchObject({ id: "s1", projectVersion: 4, question: "compare", status: "PENDING" });
    expect(store.rows.get("s1")?.task).toMatchObject({
      spec: { settings: ["api.instances=2"] },
      subject: { name: "shop p1", architecture },
      other: { name: "shop p2" },
    });
    expect([checked.length, announced]).toEqual([1, 1]);
  });

  it("is for editors and owners, and for strangers there is no project", async () => {
    expect(await kindOf(studies.start(viewer, "p1", spec))).toBe("not_allowed");
    expect(await kindOf(studies.start(stranger, "p1", spec))).toBe("project_unknown");
    expect(await kindOf(studies.start(owner, "p-none", spec))).toBe("project_unknown");
    expect(checked).toEqual([]);
  });

  it("needs a second project that the caller may read", async () => {
    const compare = { kind: "compare", otherProjectId: "p-none", settings: [], objectives: [], prices: {} } as const;
    expect(await kindOf(studies.start(owner, "p1", { ...spec, question: compare }))).toBe("project_unknown");
  });

  it("refuses what the engine refuses, and more than so many at once", async () => {
    expect(await kindOf(studies.start(owner, "p1", { ...spec, load: 99 }))).toBe("cannot_be_simulated");
    for (let n = 0; n < mostUnfinishedStudies; n++) await studies.start(owner, "p1", spec);
    expect(await kindOf(studies.start(owner, "p1", spec))).toBe("too_many_unfinished");
    await studies.cancel(owner, "s1");
    expect(await kindOf(studies.start(owner, "p1", spec))).toBe("accepted");
  });
});

describe("cancelling a study", () => {
  it("ends one that waits at once, and one that has ended stays as it is", async () => {
    await stored("PENDING");
    expect(await studies.cancel(owner, "s0")).toMatchObject({ status: "CANCELLED" });
    await stored("COMPLETED");
    expect(await studies.cancel(owner, "s0")).toMatchObject({ status: "COMPLETED" });
  });

  it("tells the instance that runs it, again until the effect shows", async () => {
    await stored("RUNNING");
    let heard = 0;
    control.onCommand(({ id, command }) => {
      expect([id, command]).toEqual(["s0", "stop"]);
      const row = store.rows.get("s0");
      if (++heard === 3 && row !== undefined) store.rows.set("s0", { ...row, status: "CANCELLED" });
    });
    const cancelled = studies.cancel(owner, "s0");
    await clock.advance(3000);
    expect(await cancelled).toMatchObject({ status: "CANCELLED" });
    expect(heard).toBe(3);
  });

  it("gives up when nobody answers", async () => {
    await stored("RUNNING");
    const kind = kindOf(studies.cancel(owner, "s0"));
    await clock.advance(6000);
    expect(await kind).toBe("unavailable");
  });

  it("is for editors and owners", async () => {
    await stored("RUNNING");
    expect(await kindOf(studies.cancel(viewer, "s0"))).toBe("not_allowed");
    expect(await kindOf(studies.cancel(stranger, "s0"))).toBe("study_unknown");
  });
});

describe("reading studies", () => {
  it("is for everybody who may read the project", async () => {
    await stored("COMPLETED", { result: "{}", report: "<p>" });
    expect(await studies.get(viewer, "s0")).toMatchObject({ id: "s0" });
    expect((await studies.list(viewer, "p1", 10, undefined)).items).toHaveLength(1);
    expect([await studies.result(viewer, "s0"), await studies.report(viewer, "s0")]).toEqual(["{}", "<p>"]);
    for (const read of [studies.get(stranger, "s0"), studies.result(stranger, "s0"), studies.report(stranger, "s0")]) {
      expect(await kindOf(read)).toBe("study_unknown");
    }
    expect(await kindOf(studies.get(owner, "s9"))).toBe("study_unknown");
    expect(await kindOf(studies.get(owner, "s\0"))).toBe("study_unknown");
  });

  it.each<[StudyStatus, object, string]>([
    ["RUNNING", {}, "the study is RUNNING; its result is there when it is COMPLETED"],
    ["FAILED", { failureReason: "db overflows" }, "the study ended as FAILED without a result: db overflows"],
    ["CANCELLED", {}, "the study ended as CANCELLED without a result"],
  ])("says why there is no result of one that is %s", async (status, more, message) => {
    await stored(status, more);
    await expect(studies.result(owner, "s0")).rejects.toMatchObject({ kind: "not_finished", message });
  });

  it("says that a prediction has no report", async () => {
    await stored("COMPLETED", { result: "{}", question: "predict" });
    await expect(studies.report(owner, "s0")).rejects.toThrow('a study of the kind "predict" has no report');
  });
});

it("studies of projects that nobody has a role on are cancelled", async () => {
  await store.create(sampleStudy("s1", { projectId: "gone" }));
  await store.create(sampleStudy("s2"));
  await cancelOrphans({ store, access, now: () => clock.now() });
  expect(store.rows.get("s1")).toMatchObject({ status: "CANCELLED", failureReason: "its project is gone" });
  expect(store.rows.get("s2")?.status).toBe("PENDING");
});
