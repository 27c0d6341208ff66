import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const run = promisify(execFile);
let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "weft-realtime-"));
  const built = join(project, "node_modules/@weft/realtime");
  await run(process.execPath, [resolve(import.meta.dirname, "../build.ts"), built]);
});
afterAll(() => rm(project, { recursive: true, force: true }));

it("is built into a package that another project can use, and that needs no other", async () => {
  const script = `
    import { connect } from "@weft/realtime";
    import { protobuf } from "@weft/realtime/protobuf";
    const client = connect("ws://127.0.0.1:1/ws", { token: () => null, format: protobuf });
    client.onState(({ status }) => console.log(status));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { cwd: project });
  expect(stdout.trim()).toBe("unauthenticated");
  const manifest = JSON.parse(await readFile(join(project, "node_modules/@weft/realtime/package.json"), "utf8"));
  expect(Object.keys(manifest).filter((name) => /dependencies/i.test(name))).toEqual([]);
});

it("has the protobuf form beside it, and nothing of it in the rest", async () => {
  const dist = join(project, "node_modules/@weft/realtime/dist");
  const files = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith(".js"));
  const rest = files.filter((file) => !file.startsWith("protobuf"));
  expect(rest.length).toBeLessThan(files.length);
  for (const file of rest) {
    expect(await readFile(join(dist, file), "utf8"), file).not.toMatch(/from "[^"]*protobuf/);
  }
});
