import { Code } from "@connectrpc/connect";
import { toRestError } from "@weft/transcoding";
import { expect, test } from "vitest";
import { errorDetailRegistry } from "../error-details.ts";
import { errorMetadata, errorReason } from "../service-error.ts";
import { overloadedError } from "./overloaded-error.ts";

test("a refusal says that it is one, why, and in every usual way when to come back", () => {
  const error = overloadedError(1250, "waited_too_long");
  expect(error.code).toBe(Code.Unavailable);
  expect([errorReason(error), errorMetadata(error)]).toEqual(["MESH_OVERLOADED", { cause: "waited_too_long" }]);
  expect(error.metadata.get("retry-after-ms")).toBe("1250");
  expect(error.metadata.get("grpc-retry-pushback-ms")).toBe("1250");
  const { details } = toRestError(error, { registry: errorDetailRegistry }).body;
  expect(details).toContainEqual({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.250s" });
});

test("the described RetryInfo is the published one", () => {
  const desc = errorDetailRegistry.getMessage("google.rpc.RetryInfo");
  expect(desc?.fields.map((field) => [field.number, field.jsonName, field.message?.typeName])).toEqual([
    [1, "retryDelay", "google.protobuf.Duration"],
  ]);
});
