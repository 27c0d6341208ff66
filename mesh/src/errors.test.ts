import { existsSync, readFileSync } from "node:fs";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { MeshError, type MeshErrorCode, meshErrors } from "./errors.ts";

const codes = Object.keys(meshErrors) as MeshErrorCode[];

describe("the table of errors", () => {
  test.each(codes)("%s has a code, a message and its place in the class", (code) => {
    const error = new MeshError(code, "details", { sent: true, cause: "why" });
    expect(Code[error.code]).toBeDefined();
    expect(error.message).toBe(`${meshErrors[code].message}: details`);
    expect(error).toMatchObject({ meshCode: code, retryable: meshErrors[code].retryable, sent: true, cause: "why" });
    const bare = new MeshError(code);
    expect([bare.message, bare.sent, bare.cause]).toEqual([meshErrors[code].message, false, undefined]);
  });

  test("marks as retryable only what is Unavailable: anything else would fail again", () => {
    for (const code of codes.filter((one) => meshErrors[one].retryable)) {
      expect([code, meshErrors[code].code]).toEqual([code, Code.Unavailable]);
    }
  });

  const readme = new URL("../README.md", import.meta.url);
  test.skipIf(!existsSync(readme)).each(codes)("%s stands in the README", (code) => {
    expect(readFileSync(readme, "utf8")).toContain(code);
  });
});
