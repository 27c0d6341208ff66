import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { requestedTimeoutMs } from "./request-timeout.ts";

describe("requestedTimeoutMs", () => {
  it.each([
    [{}, undefined],
    [{ "connect-timeout-ms": "250" }, 250],
    [{ "x-request-timeout": "250ms" }, 250],
    [{ "x-request-timeout": "2s" }, 2000],
    [{ "x-request-timeout": "1m" }, 60_000],
    [{ "connect-timeout-ms": "250", "x-request-timeout": "2s" }, 250],
  ])("reads %j", (headers, timeoutMs) => {
    expect(requestedTimeoutMs(new Headers(headers as Record<string, string>))).toBe(timeoutMs);
  });

  it.each([
    { "connect-timeout-ms": "1e3" },
    { "connect-timeout-ms": "-1" },
    { "connect-timeout-ms": "12345678901" },
    { "x-request-timeout": "5" },
    { "x-request-timeout": "1.5s" },
    { "x-request-timeout": "1h" },
  ])("refuses %j", (headers) => {
    const read = () => requestedTimeoutMs(new Headers(headers as Record<string, string>));
    expect(read).toThrow(expect.objectContaining({ code: Code.InvalidArgument }));
  });
});
