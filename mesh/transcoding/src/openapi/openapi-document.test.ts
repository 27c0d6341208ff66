import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type ScriptedMethod, scriptedService } from "../testing/scripted-service.ts";
import { type OpenApiOptions, openApiDocument } from "./openapi-document.ts";

const get = (value: string) => ({ pattern: { case: "get", value } as const });
const patch = (value: string) => ({ pattern: { case: "patch", value } as const });
const post = (value: string) => ({ pattern: { case: "post", value } as const });

function documentOf(methods: Readonly<Record<string, ScriptedMethod>>, options: Partial<OpenApiOptions> = {}) {
  const { service } = scriptedService(methods);
  return openApiDocument({ services: [service], info: { title: "Items", version: "1.0.0" }, ...options });
}

/** What stands at a place of a document. */
function at(document: JsonObject, ...place: readonly string[]): JsonValue | undefined {
  return place.reduce<JsonValue | undefined>((node, name) => (node as JsonObject | undefined)?.[name], document);
}

function parametersAt(document: JsonObject, path: string, verb = "get"): Record<string, JsonObject> {
  const list = (at(document, "paths", path, verb, "parameters") ?? []) as readonly JsonObject[];
  return Object.fromEntries(list.map((parameter) => [String(parameter.name), parameter]));
}

describe("paths", () => {
  test("are the templates with their variables in JSON names, patterns opened and wildcards named", () => {
    const document = documentOf({
      A: { rule: get("/a/{display_name}:go") },
      B: { rule: get("/b/{main_part.id=x/*/y/*}") },
      C: { rule: get("/c/{id=files/**}") },
      D: { rule: get("/d/*/**") },
    });
    expect(Object.keys(at(document, "paths") as JsonObject)).toEqual([
      "/a/{displayName}:go",
      "/b/x/{mainPart.id}/y/{mainPart.id_2}",
      "/c/files/{id}",
      "/d/{segment2}/{segment3}",
    ]);
    expect(parametersAt(document, "/c/files/{id}").id).toMatchObject({
      in: "path",
      required: true,
      description: "Any number of path segments, with the slashes between them.",
    });
  });

  test("of one shape are one, with the names of the first", () => {
    const document = documentOf({ Get: { rule: get("/a/{id}/b") }, Look: { rule: patch("/a/{display_name}/b") } });
    expect(Object.keys(at(document, "paths", "/a/{id}/b") as JsonObject)).toEqual(["get", "patch"]);
    expect(Object.keys(parametersAt(document, "/a/{id}/b", "patch"))[0]).toBe("id");
  });

  test("have each binding of a method, with ids of their own, and none that OpenAPI has no verb for", () => {
    const document = documentOf({
      Get: {
        rule: {
          ...get("/a"),
          additionalBindings: [get("/b"), { pattern: { case: "custom", value: { kind: "purge", path: "/c" } } }],
        },
      },
    });
    expect([
      at(document, "paths", "/a", "get", "operationId"),
      at(document, "paths", "/b", "get", "operationId"),
    ]).toEqual(["Items_Get", "Items_Get_2"]);
    expect(at(document, "paths", "/b", "get", "x-alias-of")).toBe("Items_Get");
    expect(at(document, "paths", "/c")).toBeUndefined();
  });
});

describe("parameters", () => {
  const parameters = parametersAt(documentOf({ Get: { rule: get("/items/{id}") } }), "/items/{id}");

  test("of the query are all fields that can be text, nested ones by their path, but for those of the path", () => {
    expect(Object.keys(parameters)).toContain("mainPart.inner.partNames");
    expect(Object.keys(parameters)).toContain("updateMask");
    for (const absent of ["parts", "labels", "extra", "attachment", "mainPart"]) {
      expect(Object.keys(parameters)).not.toContain(absent);
    }
    expect(parameters.id?.in).toBe("path");
    expect(parameters.email?.description).toBe("At most one of `email`, `phone`.");
  });

  test.each<[string, JsonObject]>([
    ["count", { type: "integer", format: "int32" }],
    ["port", { type: "integer", format: "uint32", minimum: 0 }],
    ["total", { type: ["string", "integer"], format: "int64", pattern: "^-?[0-9]{1,20}$" }],
    ["active", { type: "boolean" }],
    ["data", { type: "string", contentEncoding: "base64" }],
    ["ratio", { type: "number", format: "double" }],
    ["color", { type: "string", enum: ["COLOR_UNSPECIFIED", "COLOR_RED", "COLOR_BLUE"] }],
    ["scores", { type: "array", items: { type: "integer", format: "int32" } }],
    ["createdAt", { type: "string", format: "date-time" }],
    ["limit", { type: ["string", "integer", "null"], format: "int64", pattern: "^-?[0-9]{1,20}$" }],
    ["strict", { type: ["boolean", "null"] }],
  ])("have the schema of their field: %s", (name, schema) => {
    expect(parameters[name]?.schema).toEqual(schema);
  });

  test("do not have the update mask of a PATCH that fills it in", () => {
    const document = documentOf({
      One: { rule: { ...patch("/one"), body: "main_part" } },
      Whole: { rule: { ...patch("/whole"), body: "*" } },
    });
    expect(Object.keys(parametersAt(document, "/one", "patch"))).not.toContain("updateMask");
    expect(Object.keys(parametersAt(document, "/one", "patch"))).toContain("count");
    expect(JSON.stringify(at(document, "paths", "/whole"))).toContain("schemas/ItemInput");
  });
});

describe("bodies and answers", () => {
  const document = documentOf({
    Create: { rule: { ...post("/items"), body: "*", responseBody: "main_part" } },
    Put: { rule: { ...post("/items/{id}"), body: "*" } },
    Tags: { rule: { ...post("/tags"), body: "tags" } },
    Watch: { rule: get("/items:watch"), serverStreaming: true },
  });
  const schemas = at(document, "components", "schemas") as Record<string, JsonObject>;
  const bodyOf = (path: string) =>
    at(document, "paths", path, "post", "requestBody", "content", "application/json", "schema");

  test("are components by name, apart for requests and answers of one message", () => {
    expect(bodyOf("/items")).toEqual({ $ref: "#/components/schemas/ItemInput" });
    expect(schemas.ItemInput).toMatchObject({ additionalProperties: false });
    expect(schemas.ItemInput?.required).toBeUndefined();
    expect(schemas.Item).not.toHaveProperty("additionalProperties");
    expect(
      at(document, "paths", "/items", "post", "responses", "200", "content", "application/json", "schema"),
    ).toEqual({
      $ref: "#/components/schemas/Part",
    });
  });

  test("leave out of the body what the path gives, and may be a field", () => {
    expect(bodyOf("/items/{id}")).toMatchObject({ type: "object" });
    expect(Object.keys((bodyOf("/items/{id}") as JsonObject).properties as JsonObject)).not.toContain("id");
    expect(bodyOf("/tags")).toEqual({ type: "array", items: { type: "string" } });
  });

  test("say that answers have every field without a presence of its own", () => {
    const required = schemas.Item?.required as string[];
    expect(required).toContain("displayName");
    expect(required).toContain("tags");
    for (const absent of ["mainPart", "email", "createdAt", "limit"]) {
      expect(required).not.toContain(absent);
    }
  });

  test("say that of a oneof there is at most one", () => {
    const [email, phone] = [{ required: ["email"] }, { required: ["phone"] }];
    expect(schemas.ItemInput?.allOf).toEqual([{ oneOf: [email, phone, { not: { anyOf: [email, phone] } }] }]);
  });

  test("write maps, recursive messages and well-known types", () => {
    const properties = schemas.Item?.properties as Record<string, JsonObject>;
    expect(properties.partsByName).toEqual({
      type: "object",
      additionalProperties: { $ref: "#/components/schemas/Part" },
    });
    expect(at(document, "components", "schemas", "Part", "properties", "inner")).toEqual({
      $ref: "#/components/schemas/Part",
    });
    expect(properties.total).toMatchObject({ type: "string" });
    expect(properties.extra).toEqual({ type: "object", additionalProperties: true });
    expect(properties.attachment).toMatchObject({ required: ["@type"] });
  });

  test("of a stream are lines and events", () => {
    const content = at(document, "paths", "/items:watch", "get", "responses", "200", "content") as JsonObject;
    expect(Object.keys(content)).toEqual(["application/x-ndjson", "text/event-stream"]);
    expect(JSON.stringify(content)).toContain('"required":["error"]');
  });
});

describe("the words around", () => {
  const methods = {
    GetItem: { rule: get("/open/{id}") },
    Hidden: { rule: get("/hidden") },
    Locked: { rule: get("/locked") },
  };
  const comments: Readonly<Record<string, string>> = {
    "test.v1.Items": "Things.",
    "test.v1.Items.GetItem": "Gives one.",
    "test.v1.Item.id": "Its name.",
    "test.v1.Item": "A thing.",
    "test.v1.Color.COLOR_RED": "Like a rose.",
  };
  const document = documentOf(methods, {
    comment: (fullName) => comments[fullName],
    include: ({ method }) => method.name !== "Hidden",
    securitySchemes: { key: { type: "http", scheme: "bearer" } },
    security: ({ name }) => (name === "Locked" ? { key: ["read"] } : {}),
    responses: ({ verb }) => ({ "304": { description: `${verb}: you have it.` } }),
  });

  test("are the comments of services, methods, messages, fields and values", () => {
    expect(at(document, "tags")).toEqual([{ name: "Items", description: "Things." }]);
    expect(at(document, "paths", "/open/{id}", "get")).toMatchObject({
      summary: "Get item",
      description: "Gives one.",
    });
    expect(parametersAt(document, "/open/{id}").id?.description).toBe("Its name.");
    expect(parametersAt(document, "/open/{id}").color?.description).toBe("- `COLOR_RED`: Like a rose.");
    expect(at(document, "components", "schemas", "Item", "description")).toBe("A thing.");
  });

  test("say who may call, and leave out what is not included", () => {
    expect(at(document, "paths", "/locked", "get", "security")).toEqual([{ key: ["read"] }]);
    expect(at(document, "paths", "/locked", "get", "responses", "401")).toBeDefined();
    expect(at(document, "paths", "/open/{id}", "get", "security")).toEqual([]);
    expect(at(document, "paths", "/open/{id}", "get", "responses", "401")).toBeUndefined();
    expect(at(document, "paths", "/hidden")).toBeUndefined();
    expect(at(document, "paths", "/locked", "get", "responses", "304")).toEqual({ description: "GET: you have it." });
    expect(at(document, "components", "securitySchemes")).toEqual({ key: { type: "http", scheme: "bearer" } });
  });
});
