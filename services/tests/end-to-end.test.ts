import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, openLive, rest, root, type System, signUp, startSystem } from "./system.ts";

/*
 * The main job, as an outsider does it: sign up, import real architecture files, simulate, watch live, read the results;
 * and nobody else can see any of it.
 */

const architectures = join(process.env.WEFT_SHARED ?? join(dirname(root), "shared"), "data/architectures");

interface Project {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly role: string;
  readonly architecture: {
    readonly components: { readonly id: string; readonly kind: string }[];
    readonly links: { readonly from: string; readonly to: string }[];
    readonly workloads: unknown[];
  };
}

interface Simulation {
  readonly id: string;
  readonly status: string;
  readonly channel: string;
  readonly seed: number;
}

interface Results {
  readonly completed: number;
  readonly eventTraceHash: string;
  readonly components: { readonly id: string; readonly arrivals: number; readonly utilization: number }[];
  readonly latency: { readonly p99Ms: number };
}

interface ShownTotal {
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
}

let system: System;
let owner: Account;
let stranger: Account;

beforeAll(async () => {
  system = await startSystem();
  owner = await signUp(system);
  stranger = await signUp(system);
});

afterAll(() => system?.stop());

/** Order says nothing: some formats have none. */
function sorted({ components, links, workloads }: Project["architecture"]): unknown {
  return {
    components: [...components].sort((one, other) => one.id.localeCompare(other.id)),
    links: [...links].sort((one, other) => `${one.from} ${one.to}`.localeCompare(`${other.from} ${other.to}`)),
    workloads,
  };
}

async function ended(simulation: Simulation): Promise<Simulation> {
  return until("the simulation has ended", async () => {
    const { body } = await rest<Simulation>(system, "GET", `/api/simulations/${simulation.id}`, {
      token: owner.accessToken,
    });
    return ["COMPLETED", "STOPPED", "FAILED"].includes(body.status) ? body : undefined;
  });
}

describe("the system", () => {
  it("is ready and says how each service is", async () => {
    const ready = await rest<{ services: Record<string, unknown> }>(system, "GET", "/readyz");
    expect(ready.status).toBe(200);
    expect(Object.keys(ready.body.services).sort()).toEqual([
      "auth-service",
      "project-service",
      "simulation-service",
      "user-service",
    ]);
    expect((await rest(system, "GET", "/healthz")).status).toBe(200);
  });

  it("shows itself through `weft status`", async () => {
    const { code, stdout } = await system.weft("status", "--json");
    expect(code).toBe(0);
    for (const name of ["gateway-service", "auth-service", "user-service", "project-service", "simulation-service"]) {
      expect(stdout).toContain(name);
    }
  });

  it("answers `weft call` through discovery and reflection", async () => {
    const { code, stdout } = await system.weft(
      "call",
      "UserService/ValidateUserExists",
      JSON.stringify({ userId: owner.user.id }),
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ exists: true, username: owner.user.username });
  });
});

describe("an account", () => {
  it("logs in with its name or its address, and refreshes once per token", async () => {
    for (const login of [owner.user.username, owner.user.email]) {
      const answer = await rest<Account>(system, "POST", "/api/auth/login", {
        body: { login, password: owner.password },
      });
      expect(answer.status).toBe(200);
      expect(answer.body.user.id).toBe(owner.user.id);
      const refreshed = await rest<Account>(system, "POST", "/api/auth/refresh", {
        body: { refreshToken: answer.body.refreshToken },
      });
      expect(refreshed.status).toBe(200);
      expect(refreshed.body.refreshToken).not.toBe(answer.body.refreshToken);
    }
  });

  it("is logged out at once, its access token included", async () => {
    const { body } = await rest<Account>(system, "POST", "/api/auth/login", {
      body: { login: owner.user.username, password: owner.password },
    });
    expect((await rest(system, "GET", "/api/auth/profile", { token: body.accessToken })).status).toBe(200);
    expect((await rest(system, "POST", "/api/auth/logout", { body: { refreshToken: body.refreshToken } })).status).toBe(
      200,
    );
    await until(
      "the token is refused",
      async () => (await rest(system, "GET", "/api/auth/profile", { token: body.accessToken })).status === 401,
    );
    expect(
      (await rest(system, "POST", "/api/auth/refresh", { body: { refreshToken: body.refreshToken } })).status,
    ).toBe(401);
  });

  it("reads and changes its profile, on the alias too", async () => {
    const changed = await rest<{ firstName: string }>(system, "PUT", "/auth/profile", {
      token: owner.accessToken,
      body: { firstName: "Grace" },
    });
    expect(changed.body.firstName).toBe("Grace");
    const read = await rest<{ firstName: string; createdAt: string }>(system, "GET", "/api/auth/profile", {
      token: owner.accessToken,
    });
    expect(read.body.firstName).toBe("Grace");
    expect(read.body.createdAt).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });
});

describe.skipIf(!existsSync(architectures))("a real architecture file", () => {
  const files = [
    {
      file: "voting-app.compose.yml",
      format: "COMPOSE",
      components: ["vote", "result", "worker", "redis", "db"],
      links: ["vote->redis", "redis->worker", "worker->db", "result->db"],
    },
    {
      file: "online-boutique.kubernetes.yaml",
      format: "KUBERNETES",
      components: ["frontend", "cartservice", "checkoutservice", "redis-cart", "paymentservice"],
      links: ["frontend->cartservice", "cartservice->redis-cart", "checkoutservice->paymentservice"],
    },
  ];

  it.each(files)("$file is imported, simulated, watched and read", async ({ file, format, components, links }) => {
    const token = owner.accessToken;
    const content = await readFile(join(architectures, file), "utf8");
    const imported = await rest<{ project: Project; findings: unknown[] }>(system, "POST", "/api/projects:import", {
      token,
      body: { name: file, format, content },
    });
    expect(imported.status).toBe(200);
    const { project } = imported.body;
    expect(project.architecture.components.map((component) => component.id)).toEqual(
      expect.arrayContaining(components),
    );
    expect(project.architecture.links.map((link) => `${link.from}->${link.to}`)).toEqual(expect.arrayContaining(links));

    const started = await rest<Simulation>(system, "POST", `/api/projects/${project.id}/simulations`, {
      token,
      body: { durationSeconds: 30, speed: 15, seed: 7 },
    });
    expect(started.status).toBe(200);
    const live = await openLive(system);
    live.send({ id: 1, connect: { token } });
    await live.frame("connected", (frame) => frame.id === 1);
    live.send({ id: 2, subscribe: { channel: `simulation:${started.body.id}` } });
    expect(await live.frame("subscribed", (frame) => frame.id === 2)).toMatchObject({
      subscribed: { channel: `simulation:${started.body.id}` },
    });
    await live.frame("the last frame", (frame) => frame.push?.data.status === "COMPLETED");
    const pushes = live.frames.filter((frame) => frame.push !== undefined);
    // Two seconds are 120 frames; a starved machine sends fewer, and one alone would be no live view.
    expect(pushes.length).toBeGreaterThan(5);
    expect(pushes.every((frame) => frame.push?.channel === `simulation:${started.body.id}`)).toBe(true);
    live.close();

    const results = await rest<Results>(system, "GET", `/api/simulations/${started.body.id}/results`, { token });
    expect(results.status).toBe(200);
    expect(results.body.completed).toBeGreaterThan(100);
    expect(results.body.components.filter((component) => component.arrivals > 0).length).toBeGreaterThan(3);

    const again = await rest<Simulation>(system, "POST", `/api/projects/${project.id}/simulations`, {
      token,
      body: { durationSeconds: 30, seed: 7 },
    });
    expect((await ended(again.body)).status).toBe("COMPLETED");
    const repeated = await rest<Results>(system, "GET", `/api/simulations/${again.body.id}/results`, { token });
    expect(repeated.body.eventTraceHash).toBe(results.body.eventTraceHash);
  });
});

describe("a project", () => {
  let project: Project;

  beforeAll(async () => {
    const created = await rest<Project>(system, "POST", "/api/projects", {
      token: owner.accessToken,
      body: {
        name: "Small",
        architecture: {
          components: [
            { id: "users", kind: "client" },
            { id: "api", kind: "service", serviceTime: { kind: "exponential", meanMs: 5 } },
          ],
          links: [{ from: "users", to: "api" }],
          workloads: [{ component: "users", kind: "poisson", ratePerSecond: 100 }],
        },
      },
    });
    expect(created.status).toBe(200);
    project = created.body;
  });

  it("counts its versions, refuses an overwrite, and goes back", async () => {
    const token = owner.accessToken;
    const renamed = await rest<Project>(system, "PATCH", `/api/projects/${project.id}`, {
      token,
      body: { name: "Renamed", expectedVersion: 1 },
    });
    expect(renamed.body).toMatchObject({ name: "Renamed", version: 2 });
    const late = await rest(system, "PATCH", `/api/projects/${project.id}`, {
      token,
      body: { name: "Late", expectedVersion: 1 },
    });
    expect(late.status).toBe(409);
    expect(late.body.code).toBe("aborted");
    const versions = await rest<{ versions: { version: number }[] }>(
      system,
      "GET",
      `/api/projects/${project.id}/versions`,
      { token },
    );
    expect(versions.body.versions.map((version) => version.version)).toEqual([2, 1]);
    const restored = await rest<Project>(system, "POST", `/api/projects/${project.id}/versions/1:restore`, { token });
    expect(restored.body).toMatchObject({ name: "Small", version: 3 });
  });

  it("tells its readers of changes", async () => {
    const live = await openLive(system);
    live.send({ id: 1, connect: { token: owner.accessToken } });
    live.send({ id: 2, subscribe: { channel: `project:${project.id}` } });
    await live.frame("subscribed", (frame) => frame.id === 2);
    const { body } = await rest<Project>(system, "PATCH", `/api/projects/${project.id}`, {
      token: owner.accessToken,
      body: { description: "told" },
    });
    // Changes of before may be told late, too.
    const told = await live.frame("the change", ({ push }) => push?.data.version === body.version);
    expect(told.push).toMatchObject({
      channel: `project:${project.id}`,
      data: { type: "updated", projectId: project.id },
    });
    live.close();
  });

  it("is exported and imported again as the same architecture", async () => {
    const token = owner.accessToken;
    const before = await rest<Project>(system, "GET", `/api/projects/${project.id}`, { token });
    for (const format of ["WEFT", "COMPOSE", "KUBERNETES"]) {
      const exported = await rest<{ content: string }>(
        system,
        "GET",
        `/api/projects/${project.id}:export?format=${format}`,
        { token },
      );
      expect(exported.status).toBe(200);
      const back = await rest<{ project: Project }>(system, "POST", "/api/projects:import", {
        token,
        body: { name: `from ${format}`, format, content: exported.body.content },
      });
      expect(back.status, JSON.stringify(back.body)).toBe(200);
      expect(sorted(back.body.project.architecture), format).toEqual(sorted(before.body.architecture));
    }
  });

  it("starts from a template of the system", async () => {
    const token = owner.accessToken;
    const { body } = await rest<{ templates: { id: string; system: boolean }[] }>(system, "GET", "/api/templates", {
      token,
    });
    expect(body.templates.filter((template) => template.system).length).toBeGreaterThanOrEqual(8);
    for (const { id } of body.templates) {
      const created = await rest<Project>(system, "POST", "/api/projects", {
        token,
        body: { name: id, templateId: id },
      });
      expect(created.status).toBe(200);
      expect(created.body.architecture.workloads.length).toBeGreaterThan(0);
    }
  });

  it("is listed page by page", async () => {
    const token = owner.accessToken;
    const seen = new Set<string>();
    let pageToken = "";
    do {
      const page = await rest<{ projects: { id: string }[]; nextPageToken: string }>(
        system,
        "GET",
        `/api/projects?pageSize=3&pageToken=${pageToken}`,
        { token },
      );
      expect(page.body.projects.length).toBeLessThanOrEqual(3);
      for (const { id } of page.body.projects) {
        expect(seen.has(id)).toBe(false);
        seen.add(id);
      }
      pageToken = page.body.nextPageToken;
    } while (pageToken !== "");
    expect(seen.has(project.id)).toBe(true);
  });

  it("is paused, resumed, changed and stopped while it is simulated", async () => {
    const token = owner.accessToken;
    const started = await rest<Simulation>(system, "POST", `/api/projects/${project.id}/simulations`, {
      token,
      body: { durationSeconds: 3600, speed: 5 },
    });
    const path = `/api/simulations/${started.body.id}`;
    await until(
      "it runs",
      async () => (await rest<Simulation>(system, "GET", path, { token })).body.status === "RUNNING",
    );
    expect((await rest<Simulation>(system, "POST", `${path}:pause`, { token })).body.status).toBe("PAUSED");
    expect((await rest<Simulation>(system, "POST", `${path}:resume`, { token })).body.status).toBe("RUNNING");
    expect(
      (await rest<Simulation & { load: number }>(system, "POST", `${path}:load`, { token, body: { load: 2 } })).body
        .load,
    ).toBe(2);
    expect((await rest(system, "GET", `${path}/results`, { token })).status).toBe(400);
    // A run stopped in its first moments has, rightly, completed nothing.
    await until(
      "some of it is simulated",
      async () =>
        (await rest<Simulation & { simulatedSeconds: number }>(system, "GET", path, { token })).body.simulatedSeconds >
        1,
    );
    expect((await rest<Simulation>(system, "POST", `${path}:stop`, { token })).body.status).toBe("STOPPED");
    expect((await rest<Results>(system, "GET", `${path}/results`, { token })).body.completed).toBeGreaterThan(0);
    expect((await rest(system, "POST", `${path}:pause`, { token })).status).toBe(400);
  });

  it("is broken and mended while it is simulated, and everybody who watches sees it", async () => {
    const token = owner.accessToken;
    const started = await rest<Simulation>(system, "POST", `/api/projects/${project.id}/simulations`, {
      token,
      body: { durationSeconds: 3600, speed: 10, seed: 7 },
    });
    const path = `/api/simulations/${started.body.id}`;
    const live = await openLive(system);
    live.send({ id: 1, connect: { token } });
    live.send({ id: 2, subscribe: { channel: started.body.channel } });
    await live.frame("subscribed", (frame) => frame.id === 2);
    const change = async (ratio: number): Promise<number> => {
      const body = { change: { errors: { component: "api", ratio } } };
      const answer = await rest<{ simulation: Simulation; atSeconds: number }>(system, "POST", `${path}:change`, {
        token,
        body,
      });
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      expect(answer.body.simulation.status).toBe("RUNNING");
      return answer.body.atSeconds;
    };
    /** The first frame that begins later than that. */
    const shown = async (description: string, fits: (total: ShownTotal) => boolean, afterSeconds: number) =>
      live.frame(description, ({ push }) => {
        const data = push?.data as { simulatedSeconds: number; total: ShownTotal } | undefined;
        return data !== undefined && data.simulatedSeconds > afterSeconds && fits(data.total);
      });
    const fails = (total: ShownTotal) =>
      total.requestsPerSecond > 0 && total.failuresPerSecond === total.requestsPerSecond;
    const serves = (total: ShownTotal) => total.requestsPerSecond > 0 && total.failuresPerSecond === 0;
    await shown("that it serves", serves, 0);

    const brokenAt = await change(1);
    await shown("that all fail", fails, brokenAt + 1);
    const mendedAt = await change(0);
    expect(mendedAt).toBeGreaterThan(brokenAt);
    await shown("that it has recovered", serves, mendedAt + 1);
    live.close();

    const nothing = { change: { errors: { component: "nothing", ratio: 1 } } };
    const refused = await rest(system, "POST", `${path}:change`, { token, body: nothing });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain('"field":"change.errors.component"');
    await rest(system, "POST", `${path}:stop`, { token });
    expect((await rest(system, "POST", `${path}:change`, { token, body: nothing })).body.code).toBe(
      "failed_precondition",
    );

    const results = await rest<Results & { failed: number; changes: unknown[] }>(system, "GET", `${path}/results`, {
      token,
    });
    expect(results.body.changes).toEqual([
      { atSeconds: brokenAt, change: { errors: { component: "api", ratio: 1 } } },
      { atSeconds: mendedAt, change: { errors: { component: "api", ratio: 0 } } },
    ]);
    expect(results.body.failed).toBeGreaterThan(50 * (mendedAt - brokenAt));
  });

  it("ASVS 8.4.1: does not exist for a stranger, in any way", async () => {
    const started = await rest<Simulation>(system, "POST", `/api/projects/${project.id}/simulations`, {
      token: owner.accessToken,
      body: { durationSeconds: 1 },
    });
    await ended(started.body);
    const token = stranger.accessToken;
    const p = `/api/projects/${project.id}`;
    const s = `/api/simulations/${started.body.id}`;
    const calls: [string, string, unknown?][] = [
      ["GET", p],
      ["PATCH", p, { name: "mine" }],
      ["DELETE", p],
      ["GET", `${p}:export`],
      ["GET", `${p}/members`],
      ["POST", `${p}/members`, { userId: stranger.user.id, role: "owner" }],
      ["DELETE", `${p}/members/${owner.user.id}`],
      ["GET", `${p}/versions`],
      ["POST", `${p}/versions/1:restore`],
      ["POST", `${p}/simulations`, { durationSeconds: 1 }],
      ["GET", `${p}/simulations`],
      ["GET", s],
      ["GET", `${s}/results`],
      ["GET", `${s}/metrics`],
      ["POST", `${s}:stop`],
      ["POST", `${s}:change`, { change: { load: { load: 2 } } }],
    ];
    for (const [method, path, body] of calls) {
      const answer = await rest(system, method, path, { token, ...(body === undefined ? {} : { body }) });
      expect([403, 404], `${method} ${path}: ${JSON.stringify(answer.body)}`).toContain(answer.status);
      expect((await rest(system, method, path, body === undefined ? {} : { body })).status).toBe(401);
    }
    const live = await openLive(system);
    live.send({ id: 1, connect: { token } });
    for (const [id, channel] of [
      [2, `simulation:${started.body.id}`],
      [3, `project:${project.id}`],
    ] as const) {
      live.send({ id, subscribe: { channel } });
      expect(await live.frame("refused", (frame) => frame.id === id)).toHaveProperty("error.code");
    }
    live.close();
  });

  it("lets a viewer read, an editor change, and neither share", async () => {
    const viewer = await signUp(system);
    const editor = await signUp(system);
    const p = `/api/projects/${project.id}`;
    for (const [account, role] of [
      [viewer, "viewer"],
      [editor, "editor"],
    ] as const) {
      const added = await rest(system, "POST", `${p}/members`, {
        token: owner.accessToken,
        body: { username: account.user.username, role },
      });
      expect(added.status).toBe(200);
      expect(added.body).toMatchObject({ userId: account.user.id, role });
      await until(
        "the role counts",
        async () => (await rest(system, "GET", p, { token: account.accessToken })).status === 200,
      );
    }
    expect((await rest(system, "PATCH", p, { token: viewer.accessToken, body: { name: "no" } })).status).toBe(403);
    expect((await rest(system, "PATCH", p, { token: editor.accessToken, body: { name: "yes" } })).status).toBe(200);
    expect(
      (
        await rest(system, "POST", `${p}/members`, {
          token: editor.accessToken,
          body: { userId: viewer.user.id, role: "editor" },
        })
      ).status,
    ).toBe(403);
    expect((await rest(system, "DELETE", `${p}/members/${viewer.user.id}`, { token: owner.accessToken })).status).toBe(
      200,
    );
    await until(
      "the role is gone",
      async () => (await rest(system, "GET", p, { token: viewer.accessToken })).status === 404,
    );
  });
});
