// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what compose replaces is written in plain strings here
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpolateCompose } from "./interpolate-compose.ts";

function interpolate(text: string) {
  const missing: string[] = [];
  return { value: interpolateCompose(text, (name) => missing.push(name)), missing };
}

describe("interpolateCompose", () => {
  it.each([
    ["plain", "plain", []],
    ["a$$b", "a$b", []],
    ["${TAG:-1.2}", "1.2", []],
    ["${TAG-1.2}", "1.2", []],
    ["${A:-${B:-x}}y", "xy", []],
    ["${A:+set}z", "z", []],
    ["$HOST:$PORT", ":", ["HOST", "PORT"]],
    ["${URL:?must be set}", "", ["URL"]],
    ["${URL}", "", ["URL"]],
    ["${not closed", "${not closed", []],
    ["100$", "100$", []],
    ["${1bad}", "${1bad}", []],
  ])("makes of %s", (text, value, missing) => {
    expect(interpolate(text)).toEqual({ value, missing });
  });

  it("ends for every text", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("${", "}", "$", "A", ":-", "?", "+")), (parts) => {
        expect(interpolate(parts.join("")).value.length).toBeLessThanOrEqual(parts.join("").length);
      }),
    );
    expect(interpolate("${A:-".repeat(20_000)).value.length).toBeGreaterThan(0);
  });
});
