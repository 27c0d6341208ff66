import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RotatingLog } from "./rotating-log.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weft-log-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe("RotatingLog", () => {
  test("sets the file aside at its limit and keeps three older ones", () => {
    const path = join(directory, "x.log");
    const log = new RotatingLog(path, 10);
    for (const line of ["one", "two", "three", "four", "five", "six", "seven", "eight"]) {
      log.writeLine(line.padEnd(8, "."));
    }
    log.close();
    const texts = ["", ".1", ".2", ".3"].map((end) => readFileSync(path + end, "utf8").slice(0, 5));
    expect(texts).toEqual(["eight", "seven", "six..", "five."]);
    expect(() => readFileSync(`${path}.4`)).toThrow(/ENOENT/);
  });

  test("goes on where an earlier run stopped", () => {
    const path = join(directory, "x.log");
    for (const line of ["first", "second"]) {
      const log = new RotatingLog(path);
      log.writeLine(line);
      log.close();
    }
    expect(readFileSync(path, "utf8")).toBe("first\nsecond\n");
  });
});
