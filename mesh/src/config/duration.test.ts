import { describe, expect, test } from "vitest";
import { parseDurationMs } from "./duration.ts";

describe("parseDurationMs", () => {
  test.each([
    ["250ms", 250],
    ["10s", 10_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    [" 8s ", 8000],
    ["0s", 0],
  ])("reads %s as %i ms", (text, expected) => {
    expect(parseDurationMs("WEFT_X", text)).toBe(expected);
  });

  test.each(["", "10", "s", "-1s", "1 s", "1e3ms", "10sec", "1w", "NaNs"])(
    "refuses %j, naming the variable and the units",
    (text) => {
      expect(() => parseDurationMs("WEFT_X", text)).toThrow(
        `WEFT_X is "${text}"; write a number with a unit: ms, s, m, h or d`,
      );
    },
  );
});
