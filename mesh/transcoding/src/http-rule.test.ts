import { describe, expect, test } from "vitest";
import { restBindingsOfMethod } from "./http-rule.ts";
import { type ScriptedMethod, scriptedService } from "./testing/scripted-service.ts";

function bindingsOf(method: ScriptedMethod) {
  return restBindingsOfMethod(scriptedService({ Call: method }).method("Call"));
}

describe("restBindingsOfMethod", () => {
  test("finds no binding on a method without the option", () => {
    expect(bindingsOf({})).toEqual([]);
  });

  test("reads the rule and its additional bindings in order", () => {
    const bindings = bindingsOf({
      rule: {
        pattern: { case: "post", value: "/items/{main_part.id}" },
        body: "*",
        responseBody: "main_part",
        additionalBindings: [
          { pattern: { case: "get", value: "/items/{id}:look" } },
          { pattern: { case: "custom", value: { kind: "purge", path: "/cache/**" } }, body: "main_part" },
        ],
      },
    });
    expect(bindings.map(({ verb, template, bodyField }) => [verb, template.text, bodyField])).toEqual([
      ["POST", "/items/{main_part.id}", "*"],
      ["GET", "/items/{id}:look", ""],
      ["PURGE", "/cache/**", "main_part"],
    ]);
    expect(bindings[0]?.responseBody?.name).toBe("main_part");
    expect(bindings[0]?.pathFields.get("main_part.id")?.map((field) => field.name)).toEqual(["main_part", "id"]);
    expect(bindings[2]?.body?.name).toBe("main_part");
  });

  const get = (value: string) => ({ pattern: { case: "get", value } as const });
  test.each<[string, ScriptedMethod]>([
    ["the google.api.http option has no path", { rule: {} }],
    ["bad path template", { rule: get("/a/**/b") }],
    ['path variable "nope"', { rule: get("/a/{nope}") }],
    ['path variable "id.x"', { rule: get("/a/{id.x}") }],
    ['path variable "created_at.seconds"', { rule: get("/a/{created_at.seconds}") }],
    ["must be a single value that can be written as text, not a list", { rule: get("/a/{tags}") }],
    ["must be a single value that can be written as text, not a test.v1.Part", { rule: get("/a/{main_part}") }],
    ['body names "nope"', { rule: { pattern: { case: "post", value: "/a" }, body: "nope" } }],
    ['response_body names "nope"', { rule: { ...get("/a"), responseBody: "nope" } }],
    ["must not have a body", { rule: { ...get("/a"), body: "*" } }],
    ["both a path variable and the body", { rule: { pattern: { case: "put", value: "/a/{id}" }, body: "id" } }],
    ["is not an HTTP method", { rule: { pattern: { case: "custom", value: { kind: "A B", path: "/a" } } } }],
    ["requests are a stream", { rule: get("/a"), clientStreaming: true }],
    ["requests are a stream", { rule: get("/a"), clientStreaming: true, serverStreaming: true }],
    [
      "additional bindings of its own",
      { rule: { ...get("/a"), additionalBindings: [{ ...get("/b"), additionalBindings: [get("/c")] }] } },
    ],
  ])("refuses, naming the method: %s", (reason, method) => {
    expect(() => bindingsOf(method)).toThrow(reason);
    expect(() => bindingsOf(method)).toThrow("test.v1.Items.Call: ");
  });
});
