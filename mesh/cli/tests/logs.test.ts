import { appendFile, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeWorkspace } from "./fake-workspace.ts";

let workspace: FakeWorkspace;
let logs: string;

const line = (service: string, level: string, message: string, ageMs: number, fields: Record<string, unknown> = {}) =>
  `${JSON.stringify({ level, time: new Date(Date.now() - ageMs).toISOString(), service, instance: `${service}-0`, message, ...fields })}\n`;

beforeAll(async () => {
  workspace = await FakeWorkspace.create([]);
  logs = join(workspace.directory, ".weft", "logs");
  await mkdir(logs, { recursive: true });
  await writeFile(join(logs, "auth-service-0.log.1"), line("auth-service", "info", "oldest", 3_600_000));
  await writeFile(
    join(logs, "auth-service-0.log"),
    line("auth-service", "info", "second", 40_000, { correlationId: "abc-123" }) +
      line("auth-service", "error", "fourth", 20_000, {
        err: { type: "Error", message: "no", stack: "Error: no\n    at somewhere" },
      }),
  );
  await writeFile(
    join(logs, "user-service-0.log"),
    line("user-service", "warn", "third", 30_000, { correlationId: "abc-123" }),
  );
  await writeFile(join(logs, "postgres.log"), "not one of ours\n");
});

afterAll(async () => {
  await workspace.dispose();
});

const messages = (output: string) => output.match(/oldest|second|third|fourth/g);

describe("weft logs", () => {
  test("merges all services and older files by time, readable, with the stack of an error", async () => {
    const { code, stdout } = await workspace.run(["logs"]);
    expect(messages(stdout)).toEqual(["oldest", "second", "third", "fourth"]);
    expect(stdout).toMatch(/\d\d:\d\d:\d\d\.\d{3} warn {2}user-service third correlationId=abc-123/);
    expect(stdout).toContain("at somewhere");
    expect(code).toBe(0);
  });

  test("filters by service, level, age and text", async () => {
    expect(messages((await workspace.run(["logs", "user"])).stdout)).toEqual(["third"]);
    expect(messages((await workspace.run(["logs", "--level", "warn"])).stdout)).toEqual(["third", "fourth"]);
    expect(messages((await workspace.run(["logs", "--since", "10m"])).stdout)).toEqual(["second", "third", "fourth"]);
    expect(messages((await workspace.run(["logs", "--grep", "abc-123"])).stdout)).toEqual(["second", "third"]);
    expect(messages((await workspace.run(["logs", "-n", "1"])).stdout)).toEqual(["fourth"]);
  });

  test("prints the lines as they were written with --json", async () => {
    const { stdout } = await workspace.run(["logs", "user", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ service: "user-service", level: "warn", message: "third" });
  });

  test("follows what is written, over the rotation of a file", async () => {
    const file = join(logs, "user-service-0.log");
    const command = workspace.start(["logs", "user", "--follow", "--level", "info"]);
    await command.said(/third/);
    await appendFile(file, line("user-service", "info", "followed", 0));
    await command.said(/followed/);
    await appendFile(file, line("user-service", "info", "last of the old file", 0));
    await rename(file, `${file}.1`);
    await writeFile(file, line("user-service", "info", "first of the new file", 0));
    await command.said(/first of the new file/);
    expect(command.stdout).toContain("last of the old file");
    expect(command.stdout.match(/third/g)).toHaveLength(1);
    await command.stop();
  });

  test("refuses what it does not know, naming what it does", async () => {
    expect((await workspace.run(["logs", "nobody"])).stderr).toMatch(
      /no log of "nobody"\nnext: +services with logs: auth-service, user-service/,
    );
    expect((await workspace.run(["logs", "--level", "loud"])).stderr).toMatch(
      /--level is "loud"; it takes trace, debug/,
    );
    expect((await workspace.run(["logs", "--since", "10"])).stderr).toMatch(
      /--since is "10"; write a number with a unit/,
    );
    expect((await workspace.run(["logs"], { WEFT_PORT_OFFSET: "3" })).stderr).toMatch(
      /there are no logs in .*offset-3/,
    );
  });
});
