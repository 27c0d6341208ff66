import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { CreateProjectRequestSchema, CreateTemplateRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { describe, expect, it } from "vitest";
import { errorViolations } from "../service-error.ts";
import { assertStorableText } from "./storable-text.ts";

const description = "must not have NUL characters or halves of surrogate pairs";
const templateWith = (fields: { name?: string; tags?: string[] }) => create(CreateTemplateRequestSchema, fields);

describe("assertStorableText", () => {
  it.each([["plain"], ["ünïcödé \u{1F600}"], ["line\nbreak\ttab"], [""]])("lets %j pass", (name) => {
    expect(() => assertStorableText(CreateTemplateRequestSchema, templateWith({ name, tags: [name] }))).not.toThrow();
  });

  it.each([
    ["a field", templateWith({ name: "a\0" }), "name"],
    ["half a surrogate pair", templateWith({ name: "a\ud800" }), "name"],
    ["an item of a list", templateWith({ tags: ["good", "\0"] }), "tags[1]"],
  ])("refuses %s", (_, message, field) => {
    const check = () => assertStorableText(CreateTemplateRequestSchema, message);
    expect(check).toThrow(
      expect.objectContaining({ code: Code.InvalidArgument, rawMessage: `${field}: ${description}` }),
    );
  });

  it("names a field deep inside as the client writes it", () => {
    const architecture = { components: [{ id: "a" }, { id: "b", serviceTime: { kind: "\0" } }] };
    let violations: unknown;
    try {
      assertStorableText(CreateProjectRequestSchema, create(CreateProjectRequestSchema, { architecture }));
    } catch (error) {
      violations = errorViolations(error as Parameters<typeof errorViolations>[0]);
    }
    expect(violations).toEqual([expect.objectContaining({ field: "architecture.components[1].serviceTime.kind" })]);
  });
});
