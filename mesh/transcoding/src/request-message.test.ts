import { type JsonValue, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FieldViolation, fieldViolationsOf } from "./field-violations.ts";
import { restBindingsOfService } from "./http-rule.ts";
import { decodeRestRequest } from "./request-message.ts";
import { anyText } from "./testing/any-text.ts";
import { scriptedService } from "./testing/scripted-service.ts";

const scripted = scriptedService({
  Get: { rule: { pattern: { case: "get", value: "/items/{id}" } } },
  Create: { rule: { pattern: { case: "post", value: "/items/{id}" }, body: "*" } },
  PutPart: { rule: { pattern: { case: "put", value: "/items/{main_part.id}/{color}" }, body: "main_part" } },
  ByEmail: { rule: { pattern: { case: "get", value: "/by-email/{email}" } } },
  PutPhone: { rule: { pattern: { case: "put", value: "/phone" }, body: "phone" } },
  At: {
    rule: {
      pattern: { case: "get", value: "/at/{created_at}/{max_age}/{update_mask}/{limit}/{data}/{main_part.size}" },
    },
  },
  Patch: { rule: { pattern: { case: "patch", value: "/items/{id}" }, body: "main_part" } },
  PatchTags: { rule: { pattern: { case: "patch", value: "/tags" }, body: "tags" } },
  PatchWhole: { rule: { pattern: { case: "patch", value: "/whole" }, body: "*" } },
  SetTags: { rule: { pattern: { case: "put", value: "/tags/{count}" }, body: "tags" } },
});
const { item, registry } = scripted;

type Parts = { readonly params?: Record<string, string>; readonly query?: string; readonly body?: string | Uint8Array };

function decode(method: string, { params = {}, query = "", body = "" }: Parts): Message {
  const binding = restBindingsOfService(scripted.service).find((each) => each.method.name === method);
  if (!binding) {
    throw new Error(`no binding ${method}`);
  }
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return decodeRestRequest(binding, { params: new Map(Object.entries(params)), query, body: bytes, registry });
}

function decodeJson(method: string, parts: Parts): JsonValue {
  return toJson(item, decode(method, parts), { registry });
}

function violationsOf(method: string, parts: Parts): FieldViolation[] {
  try {
    decode(method, parts);
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectError);
    expect((error as ConnectError).code).toBe(Code.InvalidArgument);
    return (error as ConnectError).findDetails(ViolationsSchema).flatMap(fieldViolationsOf);
  }
  throw new Error("the request was accepted");
}

describe("decodeRestRequest: query", () => {
  test.each<[string, JsonValue]>([
    ["displayName=a%20b", { displayName: "a b" }],
    ["?display_name=a+b", { displayName: "a b" }],
    ["count=-7&total=9007199254740993&port=4294967295", { count: -7, total: "9007199254740993", port: 4294967295 }],
    ["offset=18446744073709551615&active=true", { offset: "18446744073709551615", active: true }],
    ["data=_-8&ratio=1.5e3&weight=-0.5", { data: "/+8=", ratio: 1500, weight: -0.5 }],
    ["ratio=Infinity", { ratio: "Infinity" }],
    ["color=COLOR_RED", { color: "COLOR_RED" }],
    ["color=2&colors=1&colors=COLOR_BLUE", { color: "COLOR_BLUE", colors: ["COLOR_RED", "COLOR_BLUE"] }],
    ["tags=a&tags=&tags=a&scores=1&scores=2", { tags: ["a", "", "a"], scores: [1, 2] }],
    ["mainPart.size=3&main_part.inner.part_names=x", { mainPart: { size: 3, inner: { partNames: ["x"] } } }],
    ["createdAt=2026-01-31T12:00:00.5Z", { createdAt: "2026-01-31T12:00:00.500Z" }],
    ["maxAge=-1.5s", { maxAge: "-1.500s" }],
    ["updateMask=displayName,main_part.part_names", { updateMask: "displayName,mainPart.partNames" }],
    ["limit=9007199254740993&strict=false&note=", { limit: "9007199254740993", strict: false, note: "" }],
    ["phone=1", { phone: "1" }],
    ["tags=%E2%82%AC&&tags=%2B+%26&note", { tags: ["€", "+ &"], note: "" }],
  ])("reads %s", (query, expected) => {
    expect(decodeJson("Get", { params: { id: "i" }, query })).toEqual({ id: "i", ...(expected as object) });
  });

  test.each([
    ["nope=1", "nope", "unknown query parameter"],
    ["main_part.nope=1", "mainPart.nope", "unknown query parameter"],
    ["__proto__=1", "__proto__", "unknown query parameter"],
    ["constructor.prototype.x=1", "constructor.prototype.x", "unknown query parameter"],
    ["id=other", "id", "is given by the path"],
    ["count=1&count=2", "count", "must be given only once"],
    ["email=a&phone=b", "phone", "cannot be given together with email"],
    ["count=", "count", "must be an integer between -2147483648 and 2147483647"],
    ["count=2147483648", "count", "must be an integer between -2147483648 and 2147483647"],
    ["port=-1", "port", "must be an integer between 0 and 4294967295"],
    ["active=1", "active", "must be true or false"],
    ["ratio=0x10", "ratio", "must be a number"],
    ["data=*", "data", "must be base64"],
    ["color=GREEN", "color", "must be one of COLOR_UNSPECIFIED, COLOR_RED, COLOR_BLUE"],
    ["createdAt=yesterday", "createdAt", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z"],
    ["maxAge=5", "maxAge", "must be a duration in seconds such as 1.5s"],
    ["updateMask=a,,b", "updateMask", "must be a comma-separated list of field names"],
    ["limit=x", "limit", "must be an integer between -9223372036854775808 and 9223372036854775807"],
    ["labels=1", "labels", "cannot be given as a query parameter"],
    ["extra=1", "extra", "cannot be given as a query parameter"],
    ["mainPart=1", "mainPart", "cannot be given as a query parameter"],
    ["parts.id=1", "parts.id", '"parts" has no fields of its own that can be addressed'],
    ["note=%ff", "note", "must be percent-encoded UTF-8"],
    ["main_part.id=%", "mainPart.id", "must be percent-encoded UTF-8"],
    ["%zz=1", "%zz", "must be percent-encoded UTF-8"],
    ["createdAt.seconds=1", "createdAt.seconds", '"createdAt" has no fields of its own that can be addressed'],
  ])("refuses %s", (query, field, description) => {
    expect(violationsOf("Get", { params: { id: "i" }, query })).toEqual([{ field, description }]);
  });

  test("refuses a parameter that contradicts the choice made by the path or the body", () => {
    expect(violationsOf("ByEmail", { params: { email: "a" }, query: "phone=1" })).toEqual([
      { field: "phone", description: "cannot be given together with email" },
    ]);
    expect(violationsOf("PutPhone", { body: '"1"', query: "email=a" })).toEqual([
      { field: "email", description: "cannot be given together with phone" },
    ]);
    expect(decodeJson("PutPhone", { query: "email=a" })).toEqual({ email: "a" });
  });

  test("names every wrong parameter at once", () => {
    const fields = violationsOf("Get", { params: { id: "i" }, query: "a=1&count=x&b.c=1" }).map(({ field }) => field);
    expect(fields).toEqual(["a", "count", "b.c"]);
  });

  test("refuses a parameter nested deeper than 64 levels", () => {
    const query = `main_part.${"inner.".repeat(64)}id=1`;
    expect(violationsOf("Get", { params: { id: "i" }, query })[0]?.description).toContain("64 levels");
  });

  test("refuses parameters for what the body holds", () => {
    expect(violationsOf("Create", { params: { id: "i" }, query: "count=1" })).toEqual([
      { field: "count", description: "belongs in the request body" },
    ]);
    const params = { "main_part.id": "p", color: "1" };
    expect(violationsOf("PutPart", { params, query: "mainPart.size=1" })).toHaveLength(1);
  });
});

describe("decodeRestRequest: path and body", () => {
  test("takes an empty body for an empty message", () => {
    expect(decodeJson("Create", { params: { id: "i" } })).toEqual({ id: "i" });
  });

  test("lets the path win over the body", () => {
    expect(decodeJson("Create", { params: { id: "path" }, body: '{"id":"body","count":1}' })).toEqual({
      id: "path",
      count: 1,
    });
  });

  test("puts path values beside a body that is one field, and reads the query for the others", () => {
    const params = { "main_part.id": "p", color: "COLOR_RED" };
    expect(decodeJson("PutPart", { params, body: '{"size":3}', query: "count=1" })).toEqual({
      mainPart: { id: "p", size: 3 },
      color: "COLOR_RED",
      count: 1,
    });
  });

  test("takes a list as the body of a repeated field", () => {
    expect(decodeJson("SetTags", { params: { count: "2" }, body: '["a","b"]' })).toEqual({
      count: 2,
      tags: ["a", "b"],
    });
  });

  test("reads well-known types, bytes and nested fields from the path", () => {
    const params = {
      created_at: "2026-01-31T12:00:00Z",
      max_age: "1.5s",
      update_mask: "display_name,count",
      limit: "9007199254740993",
      data: "_-8",
      "main_part.size": "3",
    };
    expect(decodeJson("At", { params })).toEqual({
      createdAt: "2026-01-31T12:00:00Z",
      maxAge: "1.500s",
      updateMask: "displayName,count",
      limit: "9007199254740993",
      data: "/+8=",
      mainPart: { size: 3 },
    });
    const wrong = { created_at: "x", max_age: "x", update_mask: "a b", limit: "x", data: "*", "main_part.size": "x" };
    expect(violationsOf("At", { params: wrong }).map(({ field }) => field)).toEqual([
      "createdAt",
      "maxAge",
      "updateMask",
      "limit",
      "data",
      "mainPart.size",
    ]);
  });

  test("says which path value is wrong", () => {
    expect(violationsOf("SetTags", { params: { count: "x" } })).toEqual([
      { field: "count", description: "must be an integer between -2147483648 and 2147483647" },
    ]);
  });

  test("takes no body where the route has none, except an empty object", () => {
    expect(decodeJson("Get", { params: { id: "i" }, body: " { } " })).toEqual({ id: "i" });
    expect(violationsOf("Get", { params: { id: "i" }, body: '{"count":1}' })[0]?.description).toContain("takes no");
  });

  test.each<[string, FieldViolation[]]>([
    ['{"nope":1}', [{ field: "nope", description: "unknown field" }]],
    ['{"__proto__":{"count":1}}', [{ field: "__proto__", description: "unknown field" }]],
    ['{"parts":[{},{},{"partNamez":1}]}', [{ field: "parts[2].partNamez", description: "unknown field" }]],
    [
      '{"parts":[{"inner":{"size":"x"}}]}',
      [{ field: "parts[0].inner.size", description: "must be an integer between -2147483648 and 2147483647" }],
    ],
    [
      '{"partsByName":{"a b":{"size":true}}}',
      [{ field: 'partsByName["a b"].size', description: "must be an integer between -2147483648 and 2147483647" }],
    ],
    [
      '{"count":[],"active":"yes","tags":"a"}',
      [
        { field: "count", description: "must be an integer between -2147483648 and 2147483647" },
        { field: "active", description: "must be true or false" },
        { field: "tags", description: "must be a list" },
      ],
    ],
    ['{"tags":["a",null]}', [{ field: "tags[1]", description: "must not be null" }]],
    ['{"labels":{"a":"x"}}', [{ field: 'labels["a"]', description: "is not a valid entry" }]],
    ['{"email":"a","phone":"b"}', [{ field: "phone", description: "cannot be given together with email" }]],
    ['{"display_name":"a","displayName":"b"}', [{ field: "displayName", description: "must be given only once" }]],
    ['{"count":1,"co\\u0075nt":2}', [{ field: "count", description: "must be given only once" }]],
    [
      '{"attachment":{"@type":"x/y.Z"}}',
      [{ field: "attachment", description: "must be an object (google.protobuf.Any)" }],
    ],
    ["[]", [{ field: "", description: "must be an object" }]],
    ["{", [{ field: "", description: "the body is not valid JSON" }]],
    [
      `${"[".repeat(65)}${"]".repeat(65)}`,
      [{ field: "", description: "the body must not be nested deeper than 64 levels" }],
    ],
  ])("refuses the body %s", (body, expected) => {
    expect(violationsOf("Create", { params: { id: "i" }, body })).toEqual(expected);
  });

  test("refuses bytes that are not UTF-8", () => {
    const body = new Uint8Array([0x22, 0xff, 0x22]);
    expect(violationsOf("Create", { params: { id: "i" }, body })[0]?.description).toBe("the body is not valid UTF-8");
  });

  test("never repeats what was sent", () => {
    const [violation] = violationsOf("Create", { params: { id: "i" }, body: '{"count":"hunter2"}' });
    expect(violation?.description).not.toContain("hunter2");
  });

  test("keeps __proto__ as an ordinary key of a map", () => {
    const message = decode("Create", { params: { id: "i" }, body: '{"labels":{"__proto__":1}}' });
    expect(toBinary(item, message).byteLength).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>).labels).toBeUndefined();
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe("decodeRestRequest: the update mask of a PATCH", () => {
  const patch = (body: string, query = "") =>
    (decodeJson("Patch", { params: { id: "i" }, body, query }) as { readonly updateMask?: string }).updateMask;

  test("names every field that the body gives, and those of messages one by one", () => {
    expect(patch('{"id":"a","inner":{"size":1,"inner":{"partNames":["x"]}}}')).toBe(
      "id,inner.size,inner.inner.partNames",
    );
  });

  test("names what the body clears: zero values, null and empty messages", () => {
    expect(patch('{"id":"","size":null,"inner":{},"part_names":[]}')).toBe("id,size,inner,partNames");
  });

  test("is what the query says, if it says something", () => {
    expect(patch('{"id":"a","size":1}', "updateMask=size")).toBe("size");
    expect(patch('{"id":"a","size":1}', "update_mask=")).toBe("id,size");
  });

  test("stays away without a body, in a PUT, and where the body is no message or the whole request", () => {
    expect(patch("")).toBeUndefined();
    const put = decodeJson("PutPart", { params: { "main_part.id": "p", color: "1" }, body: '{"size":3}' });
    expect(put).not.toHaveProperty("updateMask");
    expect(decodeJson("PatchTags", { body: '["a"]' })).not.toHaveProperty("updateMask");
    expect(decodeJson("PatchWhole", { body: '{"count":1}' })).not.toHaveProperty("updateMask");
  });

  test("is empty for a body that gives nothing", () => {
    expect(patch("{}")).toBe("");
  });
});

describe("decodeRestRequest: whatever is sent", () => {
  const text = fc.string({ unit: "grapheme" }).filter((each) => each.isWellFormed());

  test("reads from the query what protobuf JSON reads from a body", () => {
    const fields = fc.record(
      {
        displayName: text,
        count: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        total: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
        active: fc.boolean(),
        // JSON has no negative zero.
        ratio: fc.double({ noDefaultInfinity: true, noNaN: true }).map((ratio) => (Object.is(ratio, -0) ? 0 : ratio)),
        color: fc.constantFrom("COLOR_RED", "COLOR_BLUE"),
        tags: fc.array(text),
        scores: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        data: fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("base64url")),
        createdAt: fc
          .date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T00:00:00Z"), noInvalidDate: true })
          .map((date) => date.toISOString()),
        note: text,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (json) => {
        const query = new URLSearchParams();
        for (const [name, value] of Object.entries(json)) {
          for (const each of Array.isArray(value) ? value : [value]) {
            query.append(name, String(each));
          }
        }
        const fromQuery = decode("Get", { params: { id: "i" }, query: query.toString() });
        const fromBody = decode("Create", {
          params: { id: "i" },
          body: JSON.stringify(json),
        });
        expect(toJson(item, fromQuery)).toEqual(toJson(item, fromBody));
      }),
    );
  });

  test("throws nothing but InvalidArgument", () => {
    const names = item.fields.flatMap((field) => [field.name, field.jsonName, `${field.name}.id`]);
    const key = fc.oneof(fc.constantFrom(...names, "__proto__", "[x.y]", "@type"), fc.string());
    const json = fc.oneof(
      fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.stringify(value)),
      fc.dictionary(key, fc.dictionary(key, fc.jsonValue())).map((value) => JSON.stringify(value)),
    );
    const body = fc.oneof(
      json.map((value) => new TextEncoder().encode(value)),
      fc.uint8Array(),
    );
    const pair = fc.tuple(key, anyText).map(([name, value]) => `${name}=${value}`);
    const query = fc.oneof(
      fc.array(pair).map((pairs) => pairs.join("&")),
      anyText,
    );
    const method = fc.constantFrom("Get", "Create", "PutPart", "SetTags", "PutPhone");
    const value = anyText;
    let refused = 0;
    fc.assert(
      fc.property(method, query, body, value, (name, text, bytes, id) => {
        const params = { id, count: id, "main_part.id": id, color: id };
        try {
          const message = decode(name, { params, query: text, body: bytes });
          toBinary(item, message);
        } catch (error) {
          refused++;
          if (!(error instanceof ConnectError) || error.findDetails(ViolationsSchema)[0]?.violations.length === 0) {
            throw error;
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(0);
  });
});
