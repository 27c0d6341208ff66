import { describe, expect, test } from "vitest";
import { parseBenchArguments, UsageError } from "./arguments.ts";

describe("parseBenchArguments", () => {
  test("runs in full, prints a table and writes results unless told otherwise", () => {
    expect(parseBenchArguments([])).toEqual({
      ...{ json: false, quick: false, write: true, help: false, update: false },
      only: [],
    });
  });

  test("takes every option in any order", () => {
    expect(parseBenchArguments(["--no-write", "--quick", "--json", "--update", "-h"])).toEqual({
      ...{ json: true, quick: true, write: false, help: true, update: true },
      only: [],
    });
  });

  test("takes parts of ids one by one and in a list", () => {
    expect(parseBenchArguments(["--only", "unary,tail", "--only", "idle"]).only).toEqual(["unary", "tail", "idle"]);
  });

  test.each([["--fast"], ["quick"], ["--only"], ["--json=yes"]])("refuses %s", (argument) => {
    expect(() => parseBenchArguments([argument])).toThrow(UsageError);
  });
});
