import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeFlags } from "../src/node-flags.ts";

/* A process with the flags of services, which loads a module of types. */

let folder: string;
let module: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weft-stripped-"));
  module = join(folder, "greeting.ts");
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await write("hello");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (text: string) => writeFile(module, `const text: string = "${text}";\nconsole.log(text);\n`);

function run(cache = join(folder, "cache")): string {
  const env = { ...process.env, NODE_COMPILE_CACHE: cache };
  const { stdout, stderr } = spawnSync(process.execPath, [...nodeFlags, module], { env, encoding: "utf8" });
  return stdout + stderr;
}

async function kept(): Promise<string> {
  const [name = ""] = (await readdir(join(folder, "cache"))).filter((each) => each.startsWith("stripped-"));
  const files = await readdir(join(folder, "cache", name));
  expect(files).toHaveLength(1);
  return join(folder, "cache", name, files[0] ?? "");
}

describe("a module of TypeScript", () => {
  it("is kept without its types, and loaded as it was kept", async () => {
    expect(run()).toBe("hello\n");
    const file = await kept();
    const text = await readFile(file, "utf8");
    expect(text).not.toContain(": string");
    await writeFile(file, text.replace("hello", "kept"));
    expect(run()).toBe("kept\n");
  });

  it("is stripped again when its source is another", async () => {
    run();
    await write("again");
    expect(run()).toBe("again\n");
    await kept();
  });

  it("that is no good is Node's to refuse", async () => {
    await writeFile(module, "enum Colour { Red }\n");
    expect(run()).toContain("ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX");
  });

  it("is loaded all the same where nothing can be kept", () => {
    expect(run("")).toBe("hello\n");
    expect(run(join(module, "below-a-file"))).toBe("hello\n");
  });
});
