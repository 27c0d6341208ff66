import { FakeClock } from "@weft/mesh/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { systemTemplates } from "./architecture/templates/index.ts";
import type { ProjectError } from "./errors.ts";
import { createMemoryPorts, type MemoryPorts } from "./memory-ports.ts";
import type { Caller } from "./ports.ts";
import { Projects } from "./projects.ts";
import { Templates } from "./templates.ts";

const ada: Caller = { userId: "u1", username: "ada" };
const bob: Caller = { userId: "u2", username: "bob" };
const eve: Caller = { userId: "u3", username: "eve" };
const admin: Caller = { userId: "admin", username: "root" };
const small = {
  components: [
    { id: "users", kind: "client" },
    { id: "api", kind: "service" },
  ],
  links: [{ from: "users", to: "api" }],
  workloads: [{ component: "users", ratePerSecond: 10 }],
};

let clock: FakeClock;
let ports: MemoryPorts;
let projects: Projects;
let ids: number;

beforeEach(() => {
  clock = new FakeClock();
  ids = 0;
  ports = createMemoryPorts({ ada: "u1", bob: "u2", eve: "u3" });
  const now = () => clock.now();
  const newId = () => `p${++ids}`;
  const templates = new Templates({ system: systemTemplates, store: ports.templateStore, now, newId });
  projects = new Projects({ ...ports, templates, now, newId });
});

const made = async () =>
  (await projects.create(ada, { name: "Shop", description: "", architecture: small, templateId: "" })).project;
const shared = async () => {
  const { id } = await made();
  await projects.addMember(ada, id, { username: "bob" }, "viewer");
  return id;
};
const refusal = (work: Promise<unknown>): Promise<ProjectError> =>
  work.then(
    () => expect.fail("was accepted"),
    (error: ProjectError) => error,
  );
const kindOf = async (work: Promise<unknown>) => (await refusal(work)).kind;
const everyCall: readonly [
  string,
  "read" | "write" | "share" | "delete",
  (id: string, by: Caller) => Promise<unknown>,
][] = [
  ["get", "read", (id, by) => projects.get(by, id)],
  ["export", "read", (id, by) => projects.export(by, id, "WEFT")],
  ["versions", "read", (id, by) => projects.versions(by, id, 10, "")],
  ["version", "read", (id, by) => projects.version(by, id, 1)],
  ["analytics", "read", (id, by) => projects.analytics(by, id)],
  ["members", "read", (id, by) => projects.members(by, id)],
  ["announce", "read", (id, by) => projects.announce(by, id, "api")],
  ["update", "write", (id, by) => projects.update(by, id, { name: "x" })],
  ["restore", "write", (id, by) => projects.restore(by, id, 1)],
  ["addMember", "share", (id, by) => projects.addMember(by, id, { username: "eve" }, "viewer")],
  ["removeMember of somebody else", "share", (id, by) => projects.removeMember(by, id, ada.userId)],
  ["remove", "delete", (id, by) => projects.remove(by, id)],
];

describe("permissions", () => {
  it.each(everyCall)("%s: a project without a role on it does not exist", async (_name, _needs, call) => {
    expect(await kindOf(call((await made()).id, eve))).toBe("project_unknown");
    expect(await kindOf(call("nothing", eve))).toBe("project_unknown");
    expect(ports.notices).toEqual([]);
  });

  it.each(everyCall)("%s: a viewer may read, and is told what else it needs", async (_name, needs, call) => {
    const id = await shared();
    if (needs === "read") {
      await expect(call(id, bob)).resolves.toBeDefined();
      return;
    }
    const error = await refusal(call(id, bob));
    expect(error.kind).toBe("not_allowed");
    expect(error.message).toContain(`project.${needs}`);
  });

  it.each(everyCall)("%s: to an administrator a project that is not there is unknown as well", async (_n, _p, call) => {
    expect(["project_unknown", "version_unknown", "member_unknown"]).toContain(await kindOf(call("nothing", admin)));
    expect(ports.roles.size).toBe(0);
  });

  it("an editor changes and does not share", async () => {
    const id = await shared();
    await projects.addMember(ada, id, { userId: bob.userId }, "editor");
    expect((await projects.update(bob, id, { name: "Bob's" })).project.name).toBe("Bob's");
    expect(await kindOf(projects.addMember(bob, id, { username: "eve" }, "viewer"))).toBe("not_allowed");
  });
});

describe("creating", () => {
  it("fills in defaults, makes the creator an owner, and begins with version 1", async () => {
    const project = await made();
    expect(project).toMatchObject({ version: 1, ownerId: ada.userId });
    expect(project.architecture.components[1]).toMatchObject({ id: "api", instances: 1 });
    expect((await projects.get(ada, project.id)).role).toBe("owner");
  });

  it("grants the role before the project is there, so that nobody owns a project they cannot open", async () => {
    await made();
    expect(ports.log).toEqual(["grant u1 owner", "create p1"]);
    ports.failNext("grant");
    expect(await kindOf(made())).toBe("unavailable");
    expect(await ports.store.find("p2")).toBeUndefined();
    ports.failNext("create");
    expect(await kindOf(made())).toBe("unavailable");
    expect((await projects.list(ada, 10, "")).items.map(({ id }) => id)).toEqual(["p1"]);
    expect(await kindOf(projects.get(ada, "p3"))).toBe("project_unknown");
  });

  it("starts from a template, and refuses both at once", async () => {
    const from = (templateId: string, architecture?: typeof small) =>
      projects.create(ada, { name: "x", description: "", architecture, templateId });
    expect((await from("web-shop")).project.architecture.components.length).toBeGreaterThan(2);
    const both = await refusal(from("web-shop", small));
    expect([both.kind, both.fields[0]?.field]).toEqual(["invalid", "templateId"]);
    expect(await kindOf(from("nothing"))).toBe("template_unknown");
  });

  it("names every field that cannot be simulated", async () => {
    const architecture = { components: [{ id: "A B", kind: "toaster" }], links: [], workloads: [] };
    const error = await refusal(projects.create(ada, { name: "x", description: "", architecture, templateId: "" }));
    expect(error.fields.map(({ field }) => field)).toEqual([
      "architecture.components[0].id",
      "architecture.components[0].kind",
    ]);
    expect(ports.log).toEqual([]);
  });

  it.each([
    ["name", { name: "a\0b", description: "", templateId: "" }],
    ["description", { name: "a", description: "\ud800", templateId: "" }],
    [
      "architecture.components[0].name",
      {
        name: "a",
        description: "",
        templateId: "",
        architecture: { components: [{ id: "a", kind: "service", name: "\0" }] },
      },
    ],
  ])("refuses text that cannot be kept in %s", async (field, given) => {
    const error = await refusal(projects.create(ada, given));
    expect([error.kind, error.fields[0]?.field]).toEqual(["invalid", field]);
    expect(ports.log).toEqual([]);
  });
});

describe("importing", () => {
  it("makes a project and passes on what was found", async () => {
    const given = { name: "x", description: "", format: "COMPOSE" as const };
    const { project, findings } = await projects.import(ada, {
      ...given,
      content: "services: {db: {image: postgres}}",
    });
    expect(project.architecture.components.map(({ id, kind }) => [id, kind])).toContainEqual(["db", "database"]);
    expect(findings.length).toBeGreaterThan(0);
    expect((await projects.versions(ada, project.id, 1, "")).items[0]?.change).toBe("imported");
  });

  it("refuses what cannot be read or kept, naming the content", async () => {
    const content = (text: string) =>
      refusal(projects.import(ada, { name: "x", description: "", format: "COMPOSE", content: text }));
    expect((await content("a: [")).fields[0]?.field).toBe("content");
    const kept = await content('services: {a: {image: "b\\0c"}}');
    expect([kept.kind, kept.fields[0]?.field]).toEqual(["content_unreadable", "content"]);
    expect(ports.log).toEqual([]);
  });
});

describe("changing", () => {
  it("makes a version for every change and tells who has it open", async () => {
    const { id } = await made();
    const { project } = await projects.update(ada, id, { name: "New", expectedVersion: 1 });
    expect(project).toMatchObject({ name: "New", version: 2 });
    expect(ports.notices).toMatchObject([{ type: "updated", projectId: id, version: 2, change: "updated", by: ada }]);
  });

  it("refuses to overwrite a version that the caller has not seen, and says which it is", async () => {
    const { id } = await made();
    await projects.update(ada, id, { name: "New" });
    const error = await refusal(projects.update(ada, id, { name: "Late", expectedVersion: 1 }));
    expect([error.kind, error.facts.currentVersion]).toEqual(["version_conflict", "2"]);
    expect((await projects.get(ada, id)).project.name).toBe("New");
  });

  it("makes no version and no notice of a change that changes nothing", async () => {
    const { id } = await made();
    expect((await projects.update(ada, id, { name: "Shop", architecture: small })).project.version).toBe(1);
    expect((await projects.update(ada, id, {})).project.version).toBe(1);
    expect((await projects.restore(ada, id, 1)).project.version).toBe(1);
    expect(ports.notices).toEqual([]);
  });

  it("restores an earlier state as the newest version and keeps the history", async () => {
    const { id } = await made();
    await projects.update(ada, id, { name: "New", description: "d", architecture: {} });
    const { project } = await projects.restore(ada, id, 1);
    expect(project).toMatchObject({ name: "Shop", description: "", version: 3 });
    expect(project.architecture.components).toHaveLength(2);
    const { items } = await projects.versions(ada, id, 10, "");
    expect(items.map(({ version, change }) => [version, change])).toEqual([
      [3, "restored from 1"],
      [2, "updated"],
      [1, "created"],
    ]);
    expect(await kindOf(projects.restore(ada, id, 9))).toBe("version_unknown");
  });

  it("a project deleted meanwhile is unknown", async () => {
    const { id } = await made();
    await ports.store.remove(id);
    expect(await kindOf(projects.update(ada, id, { name: "x" }))).toBe("project_unknown");
    expect(await kindOf(projects.get(ada, id))).toBe("project_unknown");
  });
});

describe("deleting", () => {
  it("removes the project, tells its readers, then takes all roles away", async () => {
    const id = await shared();
    ports.log.length = 0;
    await projects.remove(ada, id);
    expect(ports.log).toEqual([`remove ${id}`, `revokeAll ${id}`]);
    expect(ports.notices.at(-1)).toMatchObject({ type: "deleted", projectId: id });
    expect(ports.roles.size).toBe(0);
    expect(await kindOf(projects.get(bob, id))).toBe("project_unknown");
  });

  it("asked for again after a failure half-way, takes the roles that were left, without a second notice", async () => {
    const id = await shared();
    ports.failNext("revokeAll");
    expect(await kindOf(projects.remove(ada, id))).toBe("unavailable");
    await projects.remove(ada, id);
    expect(ports.roles.size).toBe(0);
    expect(ports.notices.filter(({ type }) => type === "deleted")).toHaveLength(1);
    expect(await kindOf(projects.remove(ada, id))).toBe("project_unknown");
  });
});

describe("sharing", () => {
  it("grants before it lists: after a failure in between, asking again finishes it", async () => {
    const { id } = await made();
    ports.failNext("putMember");
    expect(await kindOf(projects.addMember(ada, id, { username: "bob" }, "editor"))).toBe("unavailable");
    expect((await projects.list(bob, 10, "")).items).toEqual([]);
    await projects.addMember(ada, id, { email: "bob@x" }, "editor");
    expect((await projects.list(bob, 10, "")).items.map(({ role }) => role)).toEqual(["editor"]);
    ports.failNext("grant");
    expect(await kindOf(projects.addMember(ada, id, { username: "eve" }, "viewer"))).toBe("unavailable");
    expect((await projects.members(ada, id)).map(({ username }) => username)).toEqual(["ada", "bob"]);
  });

  it("revokes before it unlists: after a failure in between, nobody has a role that cannot be seen", async () => {
    const id = await shared();
    ports.failNext("removeMember");
    expect(await kindOf(projects.removeMember(ada, id, bob.userId))).toBe("unavailable");
    expect(await kindOf(projects.get(bob, id))).toBe("project_unknown");
    expect((await projects.members(ada, id)).map(({ username }) => username)).toEqual(["ada", "bob"]);
    await projects.removeMember(ada, id, bob.userId);
    expect((await projects.members(ada, id)).map(({ username }) => username)).toEqual(["ada"]);
  });

  it("lets a member leave, and finish leaving when that failed half-way", async () => {
    const id = await shared();
    ports.failNext("removeMember");
    expect(await kindOf(projects.removeMember(bob, id, bob.userId))).toBe("unavailable");
    await projects.removeMember(bob, id, bob.userId);
    expect((await projects.list(bob, 10, "")).items).toEqual([]);
    expect(await kindOf(projects.removeMember(bob, id, bob.userId))).toBe("project_unknown");
  });

  it("keeps the last owner, whoever asks and however", async () => {
    const id = await shared();
    expect(await kindOf(projects.removeMember(ada, id, ada.userId))).toBe("last_owner");
    expect(await kindOf(projects.addMember(ada, id, { username: "ada" }, "viewer"))).toBe("last_owner");
    expect((await projects.get(ada, id)).role).toBe("owner");
    await projects.addMember(ada, id, { username: "bob" }, "owner");
    await projects.addMember(bob, id, { username: "ada" }, "editor");
    expect(await kindOf(projects.removeMember(bob, id, bob.userId))).toBe("last_owner");
    await projects.addMember(bob, id, { username: "bob" }, "owner");
    expect((await projects.members(ada, id)).map(({ role }) => role)).toEqual(["editor", "owner"]);
  });

  it("an owner steps down in the list before the role goes", async () => {
    const id = await shared();
    await projects.addMember(ada, id, { username: "bob" }, "owner");
    ports.log.length = 0;
    await projects.removeMember(ada, id, bob.userId);
    expect(ports.log).toEqual(["stepDown u2 viewer", "revoke u2", "removeMember u2"]);
  });

  it("keeps since when a member is one, and says who they are", async () => {
    const id = await shared();
    const [, before] = await projects.members(ada, id);
    await clock.advance(5000);
    expect(await projects.addMember(ada, id, { username: "bob" }, "editor")).toEqual({ ...before, role: "editor" });
  });

  it("refuses whom nobody knows and who is not there", async () => {
    const id = await shared();
    expect(await kindOf(projects.addMember(ada, id, { username: "nobody" }, "viewer"))).toBe("user_unknown");
    expect(await kindOf(projects.removeMember(ada, id, eve.userId))).toBe("member_unknown");
    expect((await refusal(projects.addMember(ada, id, { username: "\0" }, "viewer"))).fields[0]?.field).toBe(
      "username",
    );
  });

  it("takes the role back when the project went away meanwhile", async () => {
    const { id } = await made();
    const find = ports.directory.find;
    const directory = {
      ...ports.directory,
      find: async (who: Parameters<typeof find>[0]) => {
        await ports.store.remove(id);
        return find(who);
      },
    };
    const templates = new Templates({ system: [], store: ports.templateStore, now: () => 0, newId: () => "" });
    const racing = new Projects({ ...ports, directory, templates, now: () => 0, newId: () => "" });
    expect(await kindOf(racing.addMember(ada, id, { username: "bob" }, "viewer"))).toBe("project_unknown");
    expect([...ports.roles.keys()]).toEqual([`u1 ${id}`]);
  });
});

describe("presence", () => {
  it("shows who said lately that they have the project open, and tells the others", async () => {
    const id = await shared();
    await projects.announce(ada, id, "api");
    await clock.advance(10_000);
    expect((await projects.announce(bob, id, "")).map(({ username }) => username)).toEqual(["ada", "bob"]);
    await clock.advance(10_000);
    expect((await projects.announce(bob, id, "users")).map(({ username, component }) => [username, component])).toEqual(
      [["bob", "users"]],
    );
    expect(ports.presences.at(-1)).toMatchObject({ projectId: id, collaborators: [{ username: "bob" }] });
  });
});

describe("analytics", () => {
  it("analyses the newest version under its load", async () => {
    const { id } = await made();
    const serviceTime = { kind: "exponential", meanMs: 20 } as const;
    const api = { id: "api", kind: "service", instances: 1, concurrency: 1, serviceTime } as const;
    await projects.update(ada, id, { architecture: { ...small, components: [{ id: "users", kind: "client" }, api] } });
    const { version, architecture } = await projects.analytics(ada, id);
    expect(version).toBe(2);
    expect(architecture).toMatchObject({ bottleneck: "api", entryPoints: ["api"], offeredRatePerSecond: 10 });
    expect(architecture.headroom).toBeCloseTo(5, 9);
    expect(architecture.loads.find((load) => load.id === "api")?.utilization).toBeCloseTo(0.2, 9);
  });

  it("counts changes by person and by age, and who has the project open", async () => {
    const dayMs = 24 * 60 * 60 * 1000;
    const { id } = await made();
    await projects.addMember(ada, id, { username: "bob" }, "editor");
    await clock.advance(20 * dayMs);
    await projects.update(bob, id, { name: "A" });
    await clock.advance(12 * dayMs);
    await projects.update(bob, id, { name: "B" });
    await projects.announce(bob, id, "");
    const { activity } = await projects.analytics(ada, id);
    expect(activity).toMatchObject({ changeCount: 3, changesLast7Days: 1, changesLast30Days: 2 });
    expect(activity).toMatchObject({ memberCount: 2, openByCount: 1 });
    expect(activity.contributions.map(({ username, changes }) => [username, changes])).toEqual([
      ["bob", 2],
      ["ada", 1],
    ]);
  });
});
