import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, rest, signUp, startSystem } from "./system.ts";

let stateDir: string;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "weft-restart-"));
});

afterAll(() => rm(stateDir, { recursive: true, force: true }));

/** A folder of links to everything on PATH but a Redis. */
async function pathWithoutRedis(): Promise<string> {
  const folder = join(stateDir, "bin");
  await mkdir(folder, { recursive: true });
  for (const directory of (process.env.PATH ?? "").split(":")) {
    for (const name of await readdir(directory).catch(() => [])) {
      if (!/^(redis|valkey)-server$/.test(name)) {
        // The first on PATH wins, as it does for a shell.
        await symlink(join(directory, name), join(folder, name)).catch(() => undefined);
      }
    }
  }
  return folder;
}

describe("a system that is stopped and started again", () => {
  it("still knows its accounts, projects and simulations, and takes tokens from before", async () => {
    const first = await startSystem({ stateDir });
    const account = await signUp(first);
    const { accessToken: token } = account;
    const project = await rest<{ id: string }>(first, "POST", "/api/projects", {
      token,
      body: { name: "kept", templateId: "payments" },
    });
    const run = await rest<{ id: string }>(first, "POST", `/api/projects/${project.body.id}/simulations`, {
      token,
      body: { durationSeconds: 2 },
    });
    await first.stop();

    const second = await startSystem({ stateDir });
    try {
      expect((await rest(second, "GET", `/api/projects/${project.body.id}`, { token })).body.name).toBe("kept");
      expect((await rest(second, "GET", `/api/simulations/${run.body.id}`, { token })).status).toBe(200);
      const login = await rest<Account>(second, "POST", "/api/auth/login", {
        body: { login: account.user.email, password: account.password },
      });
      expect(login.status).toBe(200);
      const refreshed = await rest(second, "POST", "/api/auth/refresh", {
        body: { refreshToken: account.refreshToken },
      });
      expect(refreshed.status).toBe(200);
    } finally {
      await second.stop();
    }
  }, 300_000);
});

describe("a system on the JavaScript Redis", () => {
  it("does the main job too", async () => {
    const system = await startSystem({ env: { PATH: await pathWithoutRedis() } });
    try {
      const { accessToken: token } = await signUp(system);
      const project = await rest<{ id: string }>(system, "POST", "/api/projects", {
        token,
        body: { name: "js", templateId: "web-shop" },
      });
      const run = await rest<{ status: string }>(system, "POST", `/api/projects/${project.body.id}/simulations`, {
        token,
        body: { durationSeconds: 1 },
      });
      expect(run.status).toBe(200);
      const { stdout } = await system.weft("status", "--json");
      expect(stdout).toMatch(/js-redis-server/);
    } finally {
      await system.stop();
    }
  }, 300_000);
});
