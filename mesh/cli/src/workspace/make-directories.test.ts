import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { makeDirectories } from "./make-directories.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "weft-directories-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("makeDirectories", () => {
  test("makes what is missing, with the mode that was asked for", async () => {
    await makeDirectories(join(directory, "a/b/c"), 0o700);
    expect((await stat(join(directory, "a/b/c"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, "a"))).mode & 0o777).toBe(0o700);
  });

  test("leaves one that is there as it is", async () => {
    await makeDirectories(join(directory, "a"), 0o750);
    await makeDirectories(join(directory, "a"), 0o700);
    expect((await stat(join(directory, "a"))).mode & 0o777).toBe(0o750);
  });

  test("may be asked for the same by several at once", async () => {
    const all = Array.from({ length: 5 }, () => makeDirectories(join(directory, "a/b")));
    await Promise.all(all);
    expect(existsSync(join(directory, "a/b"))).toBe(true);
  });

  test("refuses a file, on the way and at the end", async () => {
    await writeFile(join(directory, "file"), "");
    await expect(makeDirectories(join(directory, "file"))).rejects.toThrow(/EEXIST/);
    await expect(makeDirectories(join(directory, "file/a"))).rejects.toThrow(/ENOTDIR/);
  });

  test.runIf(existsSync("/proc/self"))("fails where nothing can be made, instead of trying for ever", async () => {
    await expect(makeDirectories("/proc/weft/certs")).rejects.toThrow(/ENOENT.*\/proc\/weft/);
  });
});
