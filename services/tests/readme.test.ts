import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, type System, startSystem } from "./system.ts";

const run = promisify(execFile);

let system: System;

beforeAll(async () => {
  system = await startSystem();
});

afterAll(() => system?.stop());

describe("the README", () => {
  it("has a tour by hand that works as it is written", async () => {
    const text = await readFile(join(root, "README.md"), "utf8");
    const script = /<!-- run by services\/tests\/readme\.test\.ts -->\n```sh\n([\s\S]*?)```/.exec(text)?.[1];
    expect(script).toContain("WEFT=http://127.0.0.1:8000\n");
    const { stdout } = await run("sh", ["-e", "-c", (script ?? "").replace("http://127.0.0.1:8000", system.address)], {
      env: { ...process.env, PATH: `${join(process.execPath, "..")}:${process.env.PATH ?? ""}` },
    });
    expect(JSON.parse(stdout)).toMatchObject({
      durationSeconds: 60,
      seed: 1,
      channel: expect.stringMatching(/^simulation:/),
    });
  });

  it("names only files and scripts that are there", async () => {
    const text = await readFile(join(root, "README.md"), "utf8");
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const [, path] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
      await expect(readFile(join(root, path as string), "utf8"), path).resolves.toBeTruthy();
    }
    for (const [, script] of text.matchAll(/npm (?:run )?(start|test|demo|check)\b/g)) {
      expect(scripts).toHaveProperty(script as string);
    }
  });
});

describe("the tour", () => {
  it("runs on a system that is up, exits with 0, and leaves nothing behind", async () => {
    const { stdout } = await run(process.execPath, ["examples/demo.ts"], {
      cwd: root,
      env: { ...system.env, PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH ?? ""}` },
    });
    expect(stdout).toContain("Coffee shop".toLowerCase().replace(" ", "-"));
    expect(stdout).toMatch(/Bottleneck \S+: /);
    expect(stdout).toContain("load 3");
  }, 300_000);
});
