import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { restBindingsOfMethod } from "./http-rule.ts";
import { responseJson } from "./response-json.ts";
import { scriptedService } from "./testing/scripted-service.ts";

function encode(responseBody: string, value: JsonValue): JsonValue {
  const { item, registry, method } = scriptedService({
    Get: { rule: { pattern: { case: "get", value: "/item" }, responseBody } },
  });
  const [binding] = restBindingsOfMethod(method("Get"));
  if (!binding) {
    throw new Error("no binding");
  }
  const message = fromJson(item, value, { registry });
  return responseJson(binding, message, registry);
}

describe("responseJson", () => {
  test("has zero values and empty lists, and leaves out unset messages and choices", () => {
    const json = encode("", { id: "ü" });
    expect(json).toMatchObject({ id: "ü", count: 0, total: "0", active: false, tags: [], labels: {}, displayName: "" });
    expect(json).not.toHaveProperty("mainPart");
    expect(json).not.toHaveProperty("email");
  });

  test("is the field the binding names, null when that is not set", () => {
    expect(encode("main_part", { mainPart: { id: "p" } })).toEqual({ id: "p", size: 0, partNames: [] });
    expect(encode("main_part", {})).toBeNull();
    expect(encode("tags", {})).toEqual([]);
    expect(encode("limit", { limit: "5" })).toBe("5");
  });

  test("writes Any by the registry", () => {
    expect(encode("attachment", { attachment: { "@type": "type.googleapis.com/test.v1.Empty" } })).toEqual({
      "@type": "type.googleapis.com/test.v1.Empty",
    });
  });
});
