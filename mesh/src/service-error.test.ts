import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { errorMetadata, errorReason, errorViolations, serviceError } from "./service-error.ts";

describe("serviceError", () => {
  test("carries code, reason, metadata and violations", () => {
    const error = serviceError(Code.InvalidArgument, "INVALID_FIELDS", "name: too long", {
      violations: [{ field: "name", description: "too long" }],
      metadata: { limit: "64" },
    });
    expect(error).toMatchObject({ code: Code.InvalidArgument, rawMessage: "name: too long" });
    expect(errorReason(error)).toBe("INVALID_FIELDS");
    expect(errorMetadata(error)).toEqual({ limit: "64" });
    expect(errorViolations(error)).toEqual([{ field: "name", description: "too long" }]);
  });

  test("says when to come back, and keeps its cause", () => {
    const error = serviceError(Code.Unavailable, "BUSY", "busy", { retryAfterMs: 250, cause: "why" });
    expect(error.metadata.get("retry-after-ms")).toBe("250");
    expect(error.cause).toBe("why");
  });
});

describe("an error without our details", () => {
  test.each([
    ["a plain error", new Error("x")],
    ["a foreign ConnectError", new ConnectError("x", Code.Internal)],
    ["nothing", undefined],
  ])("is read as saying nothing: %s", (_what, error) => {
    expect(errorReason(error)).toBeUndefined();
    expect(errorMetadata(error)).toEqual({});
    expect(errorViolations(error)).toEqual([]);
  });

  test("whose detail cannot be read still has its code", () => {
    const error = new ConnectError("x", Code.NotFound);
    error.details = [{ type: "google.rpc.ErrorInfo", value: new Uint8Array([0xff, 0xff]) }];
    expect(errorReason(error)).toBeUndefined();
  });
});
