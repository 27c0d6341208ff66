import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { MeshError, type MeshErrorCode } from "../errors.ts";
import { blame, type Outcome } from "./blame.ts";

describe("blame", () => {
  test.each<[MeshErrorCode, Outcome]>([
    ["CONNECT_FAILED", "failure"],
    ["CONNECTION_LOST", "failure"],
    ["DEADLINE_EXCEEDED", "failure"],
    ["PROTOCOL_ERROR", "failure"],
    ["CANCELED", "neutral"],
    ["QUEUE_FULL", "neutral"],
    ["CONNECTION_CEILING", "neutral"],
    ["CALL_REFUSED", "neutral"],
    ["MESSAGE_TOO_LARGE", "neutral"],
  ])("takes %s for a %s of the instance", (code, outcome) => {
    expect(blame(new MeshError(code), 10_000)).toBe(outcome);
  });

  test.each([Code.Unknown, Code.Internal, Code.Unavailable, Code.DeadlineExceeded, Code.NotFound, Code.Canceled])(
    "takes an answer with status %s for a success",
    (code) => {
      expect(blame(new ConnectError("an answer", code), 10_000)).toBe("success");
    },
  );

  test("takes a bug on the caller's side for nothing", () => {
    expect(blame(new TypeError("undefined is not a function"), 10_000)).toBe("neutral");
  });

  test.each([
    { patienceMs: 3, outcome: "neutral" },
    { patienceMs: 999, outcome: "neutral" },
    { patienceMs: 1000, outcome: "failure" },
    { patienceMs: Number.POSITIVE_INFINITY, outcome: "failure" },
  ])("takes a deadline after $patienceMs ms for $outcome", ({ patienceMs, outcome }) => {
    expect(blame(new MeshError("DEADLINE_EXCEEDED"), patienceMs)).toBe(outcome);
  });
});
