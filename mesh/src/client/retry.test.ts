import { Code, ConnectError } from "@connectrpc/connect";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, test } from "vitest";
import { MeshError, type MeshErrorCode } from "../errors.ts";
import { isIdempotent, mayRetry, retryDefaults } from "./retry.ts";

const idempotent = UserService.method.getUserById;
const other = ProjectService.method.createProject;

describe("mayRetry", () => {
  const lost = (sent: boolean): MeshError => new MeshError("CONNECTION_LOST", undefined, { sent });

  test("repeats what was not sent, whatever the method", () => {
    expect(mayRetry(lost(false), idempotent, 1, retryDefaults)).toBe(true);
    expect([isIdempotent(idempotent), isIdempotent(other)]).toEqual([true, false]);
    expect(mayRetry(lost(false), other, 1, retryDefaults)).toBe(true);
  });

  test("repeats what was sent only when the method is idempotent", () => {
    expect(mayRetry(lost(true), idempotent, 1, retryDefaults)).toBe(true);
    expect(mayRetry(lost(true), other, 1, retryDefaults)).toBe(false);
  });

  test("stops at the policy's number of attempts", () => {
    expect([1, 2, 3].map((attempt) => mayRetry(lost(false), idempotent, attempt, { maxAttempts: 3 }))).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("takes every answer of the peer as final", () => {
    expect(mayRetry(new ConnectError("busy", Code.Unavailable), idempotent, 1, retryDefaults)).toBe(false);
    expect(mayRetry(new Error("a bug"), idempotent, 1, retryDefaults)).toBe(false);
  });

  test.each<[MeshErrorCode, boolean]>([
    ["NO_INSTANCES", true],
    ["NO_INSTANCE_AVAILABLE", true],
    ["CONNECT_FAILED", true],
    ["CALL_REFUSED", true],
    ["QUEUE_FULL", true],
    ["CONNECTION_CEILING", false],
    ["DEADLINE_EXCEEDED", false],
    ["CANCELED", false],
    ["PROTOCOL_ERROR", false],
    ["MESSAGE_TOO_LARGE", false],
    ["PEER_UNDECLARED", false],
  ])("repeats %s: %s", (code, repeated) => {
    expect(mayRetry(new MeshError(code), idempotent, 1, retryDefaults)).toBe(repeated);
  });
});
