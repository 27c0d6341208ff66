import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { isRunning } from "../src/process/process-identity.ts";
import { isPortFree } from "../src/stores/free-port.ts";
import type { RunRecord } from "../src/up/run-file.ts";
import { type FakeService, FakeWorkspace, freeBasePort, healthyService, weftBin } from "./fake-workspace.ts";

let workspace: FakeWorkspace | undefined;

afterEach(async () => {
  await workspace?.dispose();
  workspace = undefined;
});

async function makeWorkspace(
  services: (base: number) => FakeService[],
): Promise<{ space: FakeWorkspace; base: number }> {
  const base = await freeBasePort();
  workspace = await FakeWorkspace.create(services(base));
  return { space: workspace, base };
}

/** The second is the higher one. */
async function twoFreeBasePorts(): Promise<[number, number]> {
  const first = await freeBasePort();
  let second = first;
  while (second === first) {
    second = await freeBasePort();
  }
  return first < second ? [first, second] : [second, first];
}

/** An entrance without data, and a service with a schema. */
const twoServices = (base: number): FakeService[] => [
  { name: "front-service", basePort: base },
  { name: "data-service", basePort: base + 20, database: "data_schema" },
];

async function readRun(space: FakeWorkspace, directory = ".weft"): Promise<RunRecord> {
  return JSON.parse(await readFile(join(space.directory, directory, "run.json"), "utf8")) as RunRecord;
}

function pidsOf(record: RunRecord): number[] {
  const stores = [record.stores.postgres?.pid, record.stores.redis?.pid];
  return [...stores, ...record.services.map(({ pid }) => pid)].filter((pid) => typeof pid === "number");
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await expect.poll(() => pids.filter((pid) => isRunning({ pid, startTicks: null })), { timeout: 20_000 }).toEqual([]);
}

describe("weft up", () => {
  test("gets ready with one line, gives services their environment, and leaves nothing behind", async () => {
    const { space, base } = await makeWorkspace(twoServices);
    const run = space.start(["up", "--instances", "data=2"]);
    await run.said(/^ready http:\/\/127\.0\.0\.1:\d+ \(\d+\.\d s\)$/m);
    expect(run.stdout.split("\n").filter((line) => line !== "")).toHaveLength(1);
    expect(run.stdout).toContain(`ready http://127.0.0.1:${base} `);
    const record = await readRun(space);
    const pids = pidsOf(record);
    expect(pids).toHaveLength(5);

    const ask = async (port: number) => {
      const answer = (await (await fetch(`http://127.0.0.1:${port}`)).json()) as { env: Record<string, string> };
      return answer.env;
    };
    const front = await ask(base + 3);
    const second = await ask(base + 20 + 4 + 3);
    expect(front.DATABASE_URL).toBeUndefined();
    expect(second.DATABASE_URL).toMatch(/^postgres:\/\/weft_data_service:/);
    expect(second).toMatchObject({ WEFT_INSTANCE: "1", WEFT_PORT_OFFSET: "0", NODE_ENV: "development" });
    expect(second.REDIS_URL).toBe(record.stores.redis?.url);
    expect(second.WEFT_DATA_DIR).toBe(join(space.directory, ".weft", "data"));

    const status = await space.run(["status"]);
    expect(status.stdout).toMatch(/data-service +- +missing +not registered/);
    expect(status.stdout).toMatch(
      /postgres +up +postgres:\/\/postgres:\*\*\*@127\.0\.0\.1:\d+\/postgres +PostgreSQL 18/,
    );
    expect(status.code).toBe(1);

    expect(await run.stop("SIGINT")).toBe(0);
    await untilGone(pids);
    await expect(readRun(space)).rejects.toThrow(/ENOENT/);
  });

  test("keeps the data of PostgreSQL and Redis for the next start", async () => {
    const { space } = await makeWorkspace(twoServices);
    const ask = async (sql: string) => {
      const client = new pg.Client({ connectionString: (await readRun(space)).stores.postgres?.url ?? "" });
      await client.connect();
      const { rows } = await client.query(sql);
      await client.end();
      return rows;
    };
    const first = space.start(["up"]);
    await first.said(/^ready/m);
    await ask("CREATE TABLE data_schema.kept AS SELECT 42 AS n");
    await first.stop();
    const second = space.start(["up"]);
    await second.said(/^ready/m);
    expect(await ask("SELECT n FROM data_schema.kept")).toEqual([{ n: 42 }]);
    await second.stop();
  });

  test("leaves nothing running when it is killed with SIGKILL, and starts again afterwards", async () => {
    const { space } = await makeWorkspace(twoServices);
    const run = space.start(["up"]);
    await run.said(/^ready/m);
    const pids = pidsOf(await readRun(space));
    expect(pids).toHaveLength(4);
    await run.stop("SIGKILL");
    await untilGone(pids);
    const again = space.start(["up"]);
    await again.said(/^ready/m);
    expect(await again.stop()).toBe(0);
  });

  test("ends with the shell that npm runs it in", async () => {
    const { space } = await makeWorkspace((base) => [{ name: "front-service", basePort: base }]);
    const script = `"${process.execPath}" "${weftBin}" up & wait`;
    const shell = spawn("sh", ["-c", script], {
      cwd: space.directory,
      env: { ...process.env, npm_lifecycle_event: "start" },
    });
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    shell.stdout.on("data", (chunk) => String(chunk).startsWith("ready") && resolve());
    await ready;
    const record = await readRun(space);
    shell.kill("SIGKILL");
    await untilGone([record.up.pid, ...pidsOf(record)]);
  });

  test("names the process that holds a port", async () => {
    const { space, base } = await makeWorkspace(twoServices);
    const foreign = createServer();
    await new Promise<void>((resolve) => foreign.listen(base + 21, "127.0.0.1", resolve));
    try {
      const { code, stderr } = await space.run(["up"]);
      expect(code).toBe(1);
      expect(stderr).toContain(
        `port ${base + 21}, the http port of data-service 0, is held by process ${process.pid} (`,
      );
      expect(stderr).toContain("WEFT_PORT_OFFSET=100");
    } finally {
      foreign.close();
    }
  });

  test("starts a service and a store again that died, and says why", async () => {
    const { space, base } = await makeWorkspace(twoServices);
    const run = space.start(["up"]);
    await run.said(/^ready/m);
    await fetch(`http://127.0.0.1:${base + 3}/die`);
    await run.said(
      /front-service exited with code 3; it starts again in 0\.\d s\. Its last words:[\s\S]*going down with a reason/,
    );
    await run.said(/front-service is ready again \(pid \d+\)/);
    const redis = (await readRun(space)).stores.redis;
    process.kill(redis?.pid ?? 0, "SIGKILL");
    await run.said(/was killed by SIGKILL; it starts again/);
    await run.said(/is back \(pid \d+\)/);
    const client = new Redis(redis?.url ?? "");
    expect(await client.ping()).toBe("PONG");
    client.disconnect();
    await expect.poll(async () => (await readRun(space)).stores.redis?.pid).not.toBe(redis?.pid);
    expect(await run.stop()).toBe(0);
  });

  test("shows the last words of a service that cannot start, and stops everything", async () => {
    const { space } = await makeWorkspace((base) => [
      { name: "front-service", basePort: base },
      { name: "broken-service", basePort: base + 20, source: 'throw new Error("the key file is missing");' },
    ]);
    const { code, stdout, stderr } = await space.run(["up"]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/broken-service exited with code 1 while starting/);
    expect(stderr).toMatch(/the key file is missing/);
    expect(stderr).toMatch(/next:\s+the whole log: .*broken-service-0\.log/);
    expect(stderr).not.toMatch(/service-process\.ts/);
  });

  test("says so when this checkout runs already, and runs a second copy with a port offset", async () => {
    const [base, copyBase] = await twoFreeBasePorts();
    workspace = await FakeWorkspace.create([{ name: "front-service", basePort: base }]);
    const space = workspace;
    const first = space.start(["up"]);
    await first.said(/^ready/m);
    const refused = await space.run(["up"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(`already running: pid ${first.child.pid}, http://127.0.0.1:${base}`);
    const offset = copyBase - base;
    const second = space.start(["up"], { WEFT_PORT_OFFSET: String(offset) });
    await second.said(new RegExp(`^ready http://127\\.0\\.0\\.1:${base + offset} `, "m"));
    const copy = await readRun(space, `.weft/offset-${offset}`);
    expect(copy.stores.redis?.url).not.toBe((await readRun(space)).stores.redis?.url);
    await second.stop();
    expect(await isPortFree(base + 3)).toBe(false);
    await first.stop();
  });

  test("is not held up by the lock of a run that is gone", async () => {
    const { space } = await makeWorkspace((base) => [{ name: "front-service", basePort: base }]);
    const run = space.start(["up"]);
    await run.said(/^ready/m);
    await run.stop();
    // This test's own pid lives, but did not start at boot: the lock is somebody's whose number was given out again.
    await writeFile(join(space.directory, ".weft", "up.lock"), JSON.stringify({ pid: process.pid, startTicks: 1 }));
    const again = space.start(["up"]);
    await again.said(/^ready/m);
    await again.stop();
  });

  test("kills a service that ignores SIGTERM", async () => {
    const { space } = await makeWorkspace((base) => [
      { name: "front-service", basePort: base },
      {
        name: "deaf-service",
        basePort: base + 20,
        source: `${healthyService}\nprocess.removeAllListeners("SIGTERM");process.on("SIGTERM", () => {});`,
      },
    ]);
    const run = space.start(["up", "--stop-timeout", "300ms"]);
    await run.said(/^ready/m);
    const pids = pidsOf(await readRun(space));
    expect(await run.stop()).toBe(0);
    expect(run.stderr).toMatch(/deaf-service did not stop in 0\.3 s and was killed/);
    await untilGone(pids);
  });

  test("refuses names and counts it cannot run", async () => {
    const { space } = await makeWorkspace(twoServices);
    expect((await space.run(["up", "--only", "fornt"])).stderr).toMatch(
      /"fornt" is no service here\nnext:.*front-service/,
    );
    expect((await space.run(["up", "--instances", "front=9"])).stderr).toMatch(/runs 1 to 5 instances/);
    expect((await space.run(["up"], { WEFT_PORT_OFFSET: "x" })).stderr).toMatch(/WEFT_PORT_OFFSET is "x"/);
    expect((await space.run(["up"], { DATABASE_URL: "postgres://a:b@127.0.0.1:1/x" })).stderr).toMatch(
      /does not answer/,
    );
  });
});
