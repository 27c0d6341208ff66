import { describe, expect, test } from "vitest";
import { nearest } from "./nearest.ts";
import { assertKnownOptions, parseDuration, repeatedOption } from "./options.ts";
import { formatSpan, formatTable } from "./table.ts";

describe("assertKnownOptions", () => {
  const args = { follow: { type: "boolean", alias: "f" }, level: { type: "string" } } as const;

  test("accepts names, aliases, values and negations, and leaves the rest after -- alone", () => {
    expect(() => assertKnownOptions(["x", "--level=warn", "-f", "--no-follow", "--", "--else"], args)).not.toThrow();
  });

  test("refuses an unknown option and names the nearest", () => {
    expect(() => assertKnownOptions(["--lvel", "warn"], args)).toThrow(/unknown option --lvel/);
  });
});

describe("repeatedOption", () => {
  test("collects every value of all spellings", () => {
    expect(repeatedOption(["-H", "a=1", "--header=b=2", "x", "--header", "c=3"], ["--header", "-H"])).toEqual([
      "a=1",
      "b=2",
      "c=3",
    ]);
  });
});

describe("parseDuration", () => {
  test("reads a number with its unit", () => {
    expect(["250ms", "1.5s", "2m", "1h", "1d"].map((text) => parseDuration("--x", text))).toEqual([
      250, 1500, 120_000, 3_600_000, 86_400_000,
    ]);
  });

  test.each(["10", "", "s", "-1s"])("refuses %j", (text) => {
    expect(() => parseDuration("--x", text)).toThrow(/--x is .*write a number with a unit/);
  });
});

describe("nearest", () => {
  test("ranks names that hold the text before names a few edits away, and leaves out the rest", () => {
    expect(nearest("Token", ["ValidateToken", "Tokem", "CheckPermission"], 3)).toEqual(["ValidateToken", "Tokem"]);
  });
});

describe("formatTable", () => {
  test("aligns columns by what is visible", () => {
    expect(
      formatTable(
        ["A", "B"],
        [
          ["\x1b[31mred\x1b[39m", "1"],
          ["x", "22"],
        ],
      )
        .split("\n")
        .slice(1),
    ).toEqual(["\x1b[31mred\x1b[39m  1", "x    22"]);
  });
});

describe("formatSpan", () => {
  test("shows the two largest units", () => {
    expect([5_000, 65_000, 3_661_000, 90_000_000].map(formatSpan)).toEqual(["5 s", "1 m 5 s", "1 h 1 m", "1 d 1 h"]);
  });
});
