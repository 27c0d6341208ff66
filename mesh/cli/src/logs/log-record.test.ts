import { describe, expect, test } from "vitest";
import { isAtLeast, parseLogLine, wrapPlainText } from "./log-record.ts";

describe("parseLogLine", () => {
  test("reads levels as names and as numbers, times as text and as numbers", () => {
    const named = parseLogLine('{"level":"warn","time":"2026-01-02T03:04:05.006Z","service":"a","message":"m","x":1}');
    expect(named).toMatchObject({
      level: "warn",
      timeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
      service: "a",
      message: "m",
      fields: { x: 1 },
    });
    expect(parseLogLine('{"level":50,"time":7,"msg":"m"}')).toMatchObject({ level: "error", timeMs: 7, message: "m" });
  });

  test.each(["plain text", "{broken", '{"level":"loud","time":1}', '{"level":"info"}'])(
    "takes %s for no record",
    (line) => {
      expect(parseLogLine(line)).toBeUndefined();
    },
  );

  test("reads back text that was wrapped", () => {
    const line = wrapPlainText("boom", { service: "a", instance: "a-0", level: "error", timeMs: 9 });
    expect(parseLogLine(line)).toMatchObject({
      level: "error",
      timeMs: 9,
      service: "a",
      instance: "a-0",
      message: "boom",
    });
  });
});

describe("isAtLeast", () => {
  test("orders the levels by severity", () => {
    expect(isAtLeast("error", "warn")).toBe(true);
    expect(isAtLeast("info", "warn")).toBe(false);
  });
});
