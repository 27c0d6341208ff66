import { describe, expect, test } from "vitest";
import { regExpFromGlob } from "./glob.ts";

describe("regExpFromGlob", () => {
  test.each([
    ["simulation:*", "simulation:1:step\nx", true],
    ["simulation:*", "Simulation:1", false],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["[a-c]x", "bx", true],
    ["[^a-c]x", "bx", false],
    ["[^a-c]x", "dx", true],
    ["\\*", "*", true],
    ["\\*", "x", false],
    ["a.b+(c)|d$", "a.b+(c)|d$", true],
    ["a.b", "axb", false],
    ["[", "x", false],
    ["", "", true],
  ])("%s against %j is %s", (glob, channel, matches) => {
    expect(regExpFromGlob(glob).test(channel)).toBe(matches);
  });
});
