import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = dirname(import.meta.dirname);
const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-lint-"));
  for (const path of ["biome.json", ".gitignore", ".ci/lint"]) {
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(path: string, source: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), source);
}

/** What the linter reports for a path, the whole folder by default: category and text of each diagnostic. */
function lint(path = "."): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(process.execPath, [biome, "lint", "--colors=off", path], { cwd: folder }, (_, stdout, stderr) => {
    resolve(stdout + stderr);
  });
  return promise;
}

/** Where neither is allowed. */
const restricted = ["mesh/src/pool/pool.ts", "services/user/src/domain/users.ts"];

const clockUses = [
  "export const x = Date.now();",
  "export const x = new Date();",
  "export const x = { now: Date.now };",
  "export const x = performance.now();",
  "export const x = process.hrtime.bigint();",
  "export const x = setTimeout(() => 1, 5);",
  "export const x = setInterval(() => 1, 5);",
  "export const x = setImmediate(() => 1);",
  "export const x = globalThis.setTimeout(() => 1, 5);",
  'import { setTimeout as sleep } from "node:timers/promises";\nexport const x = sleep(5);',
];

const randomUses = [
  "export const x = Math.random();",
  "export const x = [1].map(Math.random);",
  "export const x = crypto.randomUUID();",
  'import { randomUUID } from "node:crypto";\nexport const x = randomUUID();',
  'import { randomBytes } from "node:crypto";\nexport const x = randomBytes(4);',
];

describe("the linter's rules", () => {
  it.each(clockUses)("refuse a raw clock in the mesh and in a domain: %s", async (source) => {
    for (const path of restricted) {
      await write(path, source);
      expect(await lint(path)).toContain("Raw clock");
    }
  });

  it.each(randomUses)("refuse raw randomness in the mesh and in a domain: %s", async (source) => {
    for (const path of restricted) {
      await write(path, source);
      expect(await lint(path)).toContain("Raw randomness");
    }
  });

  it("accept clock and randomness in clock.ts, random.ts, tests and adapters, and a date made of a number", async () => {
    const source = [...clockUses.slice(0, 5), randomUses[0]]
      .map((line, index) => line?.replace("const x", `const x${index}`))
      .join("\n");
    await write("mesh/src/clock.ts", source);
    await write("mesh/src/random.ts", source);
    await write("mesh/src/pool/pool.test.ts", source);
    await write("services/user/src/adapters/store.ts", source);
    await write("services/user/src/domain/users.ts", "export const x = new Date(0);");
    expect(await lint()).not.toContain("×");
  });

  it.each([
    ["noConsole", "mesh/src/pool/pool.ts", 'console.log("x");'],
    ["noConsole", "services/user/src/main.ts", 'console.log("x");'],
    ["noProcessEnv", "mesh/src/pool/pool.ts", "export const x = process.env;"],
    ["noProcessEnv", "services/user/src/adapters/store.ts", "export const x = process.env.HOME;"],
    ["noFloatingPromises", "mesh/src/pool/pool.ts", "async function f() {}\nexport function g() {\n  f();\n}"],
    ["noMisusedPromises", "mesh/src/pool/pool.ts", "async function f() {}\nexport const x = f() ? 1 : 2;"],
    ["noUnusedVariables", "mesh/src/pool/pool.ts", "const x = 1;"],
    ["noUnusedImports", "mesh/src/pool/pool.ts", 'import { a } from "./a.ts";'],
    ["useImportType", "mesh/src/pool/pool.ts", 'import { A } from "./a.ts";\nexport type B = A;'],
  ])("name %s in %s", async (rule, path, source) => {
    await write(path, source);
    expect(await lint()).toContain(rule);
  });

  it("find an import cycle", async () => {
    await write("mesh/src/a.ts", 'import { b } from "./b.ts";\nexport const a = () => b;\n');
    await write("mesh/src/b.ts", 'import { a } from "./a.ts";\nexport const b = () => a;\n');
    expect(await lint()).toContain("noImportCycles");
  });

  it("accept the console in the command line tool and the environment where configuration is read", async () => {
    await write("mesh/cli/src/main.ts", 'console.log("x");');
    await write("services/user/src/config.ts", "export const x = process.env;");
    await write("mesh/src/config/mesh-config.ts", "export const x = process.env;");
    expect(await lint()).not.toContain("×");
  });
});
