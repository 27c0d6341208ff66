import { type Database, openDatabase } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PostgresProjectStore } from "../src/adapters/postgres-project-store.ts";
import { PostgresTemplateStore } from "../src/adapters/postgres-template-store.ts";
import { completeArchitecture } from "../src/domain/architecture/complete-architecture.ts";
import { systemTemplates } from "../src/domain/architecture/templates/index.ts";
import type { Change, ChangeNotice, ProjectState } from "../src/domain/ports.ts";

let postgres: TestPostgres;
let database: Database;
let store: PostgresProjectStore;
let told: ChangeNotice[];
let templates: PostgresTemplateStore;

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("projects"),
    schema: "project_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "project-test",
    logger: silentLogger,
  });
  store = new PostgresProjectStore(database, async (_tx, notice) => void told.push(notice));
  templates = new PostgresTemplateStore(database);
});
afterAll(async () => {
  await database?.close();
  await postgres?.close();
});
beforeEach(async () => {
  told = [];
  await database.query("truncate projects, templates cascade");
});

const { architecture } = completeArchitecture({ components: [{ id: "api", kind: "service" }] });
const state: ProjectState = { name: "Shop", description: "d", architecture };
const person = (userId: string) => ({ userId, username: `name of ${userId}` });
const by = (what: string, atMs = 1000): Change => ({ by: person("u1"), what, atMs });
const made = (id = "p1", atMs = 1000) => store.create(id, state, by("created", atMs));
const member = (userId: string, role: "owner" | "editor" | "viewer") => ({ userId, role, addedAtMs: 5000 });
const rolesOf = async (id: string) => (await store.members(id)).map(({ userId, role }) => [userId, role]);

describe("PostgresProjectStore", () => {
  it("keeps a project with its first version and its owner", async () => {
    const project = await made();
    expect(project).toEqual({ id: "p1", ...state, version: 1, ownerId: "u1", createdAtMs: 1000, updatedAtMs: 1000 });
    expect(await store.find("p1")).toEqual(project);
    expect(await store.findVersion("p1", 1)).toMatchObject({ ...state, change: "created", changedBy: "u1" });
    expect(await rolesOf("p1")).toEqual([["u1", "owner"]]);
    expect(await store.find("p2")).toBeUndefined();
  });

  it.each(systemTemplates.map((template) => [template.id, template] as const))(
    "gives the architecture of %s back as it was, so that the same again is no change",
    async (id, template) => {
      await store.create(id, { ...state, architecture: template.architecture }, by("created"));
      const again = await store.change(id, by("updated"), (current) => ({
        ...state,
        architecture: structuredClone(current.architecture),
      }));
      expect(again?.version).toBe(1);
      expect(again?.architecture).toEqual(template.architecture);
    },
  );

  it("keeps a version for every change, and none when the change throws", async () => {
    await made();
    const changed = await store.change("p1", by("updated", 2000), () => ({ ...state, name: "New" }));
    expect(changed).toMatchObject({ name: "New", version: 2, createdAtMs: 1000, updatedAtMs: 2000 });
    const thrown = store.change("p1", by("updated"), () => {
      throw new Error("not this one");
    });
    await expect(thrown).rejects.toThrow("not this one");
    expect((await store.listVersions("p1", 10, "")).items.map(({ version }) => version)).toEqual([2, 1]);
    expect(await store.change("p2", by("updated"), () => state)).toBeUndefined();
  });

  it("of many changes at once loses none, and each sees what the one before left", async () => {
    await made();
    await Promise.all(
      Array.from({ length: 12 }, () =>
        store.change("p1", by("updated"), (current) => ({
          ...current,
          ...state,
          description: `${current.description}x`,
        })),
      ),
    );
    expect(await store.find("p1")).toMatchObject({ version: 13, description: `d${"x".repeat(12)}` });
    expect((await store.listVersions("p1", 50, "")).items).toHaveLength(13);
  });

  it("ASVS 15.4.2: of two changes at once that expect the same version lets one through", async () => {
    await made();
    const expecting = (name: string) =>
      store.change("p1", by("updated"), (current) => {
        if (current.version !== 1) throw new Error("conflict");
        return { ...state, name };
      });
    const outcomes = await Promise.allSettled([expecting("a"), expecting("b")]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("removes everything with the project, once", async () => {
    await made();
    await store.announce("p1", { userId: "u1", username: "ada", component: "", lastSeenAtMs: 1000 });
    expect(await Promise.all([store.remove("p1"), store.remove("p1")])).toContain(false);
    expect(await store.find("p1")).toBeUndefined();
    for (const table of ["project_versions", "project_members", "project_presence"]) {
      expect(await database.query(`select * from ${table}`), table).toEqual([]);
    }
  });

  it("neither shares nor shows presence on a project that is not there", async () => {
    expect(await store.putMember("p1", member("u2", "viewer"), by("members"))).toBe(false);
    const collaborator = { userId: "u1", username: "ada", component: "", lastSeenAtMs: 1000 };
    expect(await store.announce("p1", collaborator)).toBe(false);
    expect(await store.stepDown("p1", "u1", "viewer")).toBe(false);
  });

  it("changes a member's role and keeps since when they are one", async () => {
    await made();
    expect(await store.putMember("p1", member("u2", "viewer"), by("members"))).toBe(true);
    await store.putMember("p1", { ...member("u2", "editor"), addedAtMs: 9000 }, by("members"));
    expect(await store.members("p1")).toContainEqual({ userId: "u2", role: "editor", addedAtMs: 5000 });
    expect(await store.removeMember("p1", "u2", by("members"))).toBe(true);
    expect(await store.removeMember("p1", "u2", by("members"))).toBe(false);
  });

  it("tells of what changed, and of nothing else", async () => {
    await made();
    await store.change("p1", by("updated", 2000), () => ({ ...state, name: "New" }));
    await store.change("p1", by("updated", 2500), () => ({ ...state, name: "New" }));
    await store.putMember("p1", member("u2", "viewer"), by("members", 3000));
    await store.putMember("none", member("u2", "viewer"), by("members"));
    await store.removeMember("p1", "u2", by("members", 4000));
    await store.removeMember("p1", "u2", by("members"));
    await store.tellRemoved("p1", by("deleted", 5000));
    const shared = { projectId: "p1", by: person("u1") };
    expect(told).toEqual([
      { type: "updated", ...shared, version: 2, change: "updated", atMs: 2000 },
      { type: "members", ...shared, atMs: 3000 },
      { type: "members", ...shared, atMs: 4000 },
      { type: "deleted", ...shared, atMs: 5000 },
    ]);
  });

  it("takes a change back that it cannot keep for those who have the project open", async () => {
    await made();
    const untold = new PostgresProjectStore(database, () => Promise.reject(new Error("cannot be told")));
    const renamed = untold.change("p1", by("updated"), () => ({ ...state, name: "New" }));
    await expect(renamed).rejects.toThrow("cannot be told");
    await expect(untold.putMember("p1", member("u2", "viewer"), by("members"))).rejects.toThrow("cannot be told");
    expect(await store.find("p1")).toMatchObject({ name: "Shop", version: 1 });
    expect(await rolesOf("p1")).toEqual([["u1", "owner"]]);
  });

  it("keeps an owner when two leave at the same moment", async () => {
    for (let round = 0; round < 10; round++) {
      const id = `p${round}`;
      await made(id);
      await store.putMember(id, member("u2", "owner"), by("members"));
      const left = await Promise.all([store.stepDown(id, "u1", "viewer"), store.stepDown(id, "u2", "viewer")]);
      expect(left.filter(Boolean), `round ${round}`).toHaveLength(1);
    }
  });

  it("does not show somebody as being there who was removed", async () => {
    await made();
    await store.putMember("p1", member("u2", "viewer"), by("members"));
    for (const userId of ["u1", "u2"]) {
      await store.announce("p1", { userId, username: userId, component: "api", lastSeenAtMs: 1000 });
    }
    await store.removeMember("p1", "u2", by("members"));
    expect((await store.collaborators("p1", 500)).map(({ userId }) => userId)).toEqual(["u1"]);
    expect(await store.collaborators("p1", 1001)).toEqual([]);
  });

  it("lists what is shared with a user, last changed first, page by page, also when many changed at once", async () => {
    for (let n = 0; n < 7; n++) await made(`p${n}`, 1000 + Math.floor(n / 3));
    await store.create("other", state, { ...by("created"), by: person("u2") });
    await store.putMember("other", member("u1", "viewer"), by("members"));
    const seen: string[] = [];
    let after: string | undefined = "";
    do {
      const page = await store.listFor("u1", 3, after);
      seen.push(...page.items.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(seen).toEqual(["p6", "p5", "p4", "p3", "p2", "p1", "p0", "other"]);
    expect((await store.listFor("u1", 8, "")).next).toBeUndefined();
    expect((await store.listFor("u1", 50, "")).items.at(-1)).toMatchObject({ role: "viewer", componentCount: 1 });
  });

  it("counts the history by age and by person, most changes first", async () => {
    await made("p1", 1000);
    await made("p2", 1000);
    const name = (userId: string, atMs: number) =>
      store.change("p1", { by: person(userId), what: "updated", atMs }, () => ({ ...state, name: `at ${atMs}` }));
    for (const [userId, atMs] of [
      ["u2", 2000],
      ["u3", 3000],
      ["u2", 4000],
    ] as const)
      await name(userId, atMs);
    expect(await store.history("p1", [4000, 2000, 5000], 2)).toEqual({
      changes: 4,
      changesSince: [1, 3, 0],
      contributions: [
        { userId: "u2", changes: 2, lastAtMs: 4000 },
        { userId: "u3", changes: 1, lastAtMs: 3000 },
      ],
    });
    expect(await store.history("none", [0], 2)).toEqual({ changes: 0, changesSince: [0], contributions: [] });
  });

  it("pages through versions", async () => {
    await made();
    for (let n = 0; n < 4; n++) await store.change("p1", by("updated"), () => ({ ...state, name: `${n}` }));
    const first = await store.listVersions("p1", 3, "");
    const second = await store.listVersions("p1", 3, first.next);
    expect([...first.items, ...second.items].map(({ version }) => version)).toEqual([5, 4, 3, 2, 1]);
    expect(second.next).toBeUndefined();
  });
});

describe("PostgresTemplateStore", () => {
  const template = (id: string) => ({ id, name: id, description: "", tags: ["a", "b"], architecture });

  it("keeps each one's own, newest first", async () => {
    await templates.create(template("t1"), "u1", 1000);
    await templates.create(template("t2"), "u1", 2000);
    await templates.create(template("t3"), "u2", 3000);
    expect(await templates.listOf("u1")).toEqual([template("t2"), template("t1")]);
    expect(await templates.countOf("u1")).toBe(2);
    expect(await templates.find("t3", "u1")).toBeUndefined();
    expect(await templates.update({ ...template("t3"), name: "x" }, "u1")).toBe(false);
    expect(await templates.update({ ...template("t3"), name: "x", tags: [] }, "u2")).toBe(true);
    expect(await templates.find("t3", "u2")).toEqual({ ...template("t3"), name: "x", tags: [] });
    expect(await templates.remove("t3", "u1")).toBe(false);
    expect(await templates.remove("t3", "u2")).toBe(true);
    expect(await templates.find("t3", "u2")).toBeUndefined();
  });
});
