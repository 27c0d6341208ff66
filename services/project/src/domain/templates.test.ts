import { beforeEach, describe, expect, it } from "vitest";
import { completeArchitecture } from "./architecture/complete-architecture.ts";
import { systemTemplates } from "./architecture/templates/index.ts";
import { createMemoryPorts } from "./memory-ports.ts";
import type { Caller, Project } from "./ports.ts";
import { mostTemplates, Templates } from "./templates.ts";

const ada: Caller = { userId: "u1", username: "ada" };
const bob: Caller = { userId: "u2", username: "bob" };
const { architecture } = completeArchitecture({ components: [{ id: "api", kind: "service" }] });
const project: Project = {
  id: "p1",
  name: "x",
  description: "",
  architecture,
  version: 1,
  ownerId: "u1",
  createdAtMs: 0,
  updatedAtMs: 0,
};
const given = { name: "Mine", description: "d", tags: ["a"] };

let templates: Templates;
beforeEach(() => {
  let ids = 0;
  const { templateStore } = createMemoryPorts({});
  templates = new Templates({ system: systemTemplates, store: templateStore, now: () => 0, newId: () => `t${++ids}` });
});

describe("Templates", () => {
  it("are the system's for everybody, and one's own", async () => {
    const { id } = await templates.create(ada, project, given);
    const own = (await templates.list(ada)).filter(({ system }) => !system);
    expect(own).toEqual([{ template: { ...given, id, architecture }, system: false }]);
    expect((await templates.list(bob)).every(({ system }) => system)).toBe(true);
    expect(await templates.get(ada, id)).toMatchObject({ name: "Mine", system: false });
    expect(await templates.get(bob, "web-shop")).toMatchObject({ system: true });
  });

  it.each(["t1", "nothing", "\0"])("of somebody else or nobody are unknown: %j", async (id) => {
    await templates.create(ada, project, given);
    await expect(templates.get(bob, id)).rejects.toMatchObject({ kind: "template_unknown" });
    await expect(templates.update(bob, id, project, given)).rejects.toMatchObject({ kind: "template_unknown" });
    await expect(templates.remove(bob, id)).rejects.toMatchObject({ kind: "template_unknown" });
    expect(await templates.list(ada)).toHaveLength(systemTemplates.length + 1);
  });

  it("are deleted by their owner; the system's by nobody", async () => {
    const { id } = await templates.create(ada, project, given);
    await templates.remove(ada, id);
    await expect(templates.get(ada, id)).rejects.toMatchObject({ kind: "template_unknown" });
    await expect(templates.remove(ada, "web-shop")).rejects.toMatchObject({ kind: "not_allowed" });
  });

  it("are changed by their owner, with the architecture of a project or their own; the system's by nobody", async () => {
    const { id } = await templates.create(ada, project, given);
    const renamed = { name: "Ours", description: "", tags: [] };
    await templates.update(ada, id, undefined, renamed);
    expect(await templates.get(ada, id)).toEqual({ ...renamed, id, architecture, system: false });
    const other = completeArchitecture({ components: [{ id: "db", kind: "database" }] }).architecture;
    await templates.update(ada, id, { ...project, architecture: other }, renamed);
    expect((await templates.get(ada, id)).architecture).toEqual(other);
    await expect(templates.update(ada, "web-shop", project, given)).rejects.toMatchObject({ kind: "not_allowed" });
  });

  it("are limited in number, since all are listed at once", async () => {
    for (let n = 0; n < mostTemplates; n++) await templates.create(ada, project, given);
    await expect(templates.create(ada, project, given)).rejects.toMatchObject({ kind: "too_many_templates" });
    await expect(templates.create(bob, project, given)).resolves.toBeDefined();
  });

  it("do not take text that cannot be kept", async () => {
    const attempt = templates.create(ada, project, { ...given, tags: ["fine", "\0"] });
    await expect(attempt).rejects.toMatchObject({ kind: "invalid", fields: [{ field: "tags[1]" }] });
  });
});
