import type { DescMessage } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { isCompilable } from "./compilable.ts";
import { handMade, schema } from "./testing/schemas.ts";

describe("generated code", () => {
  it.each(["Every", "Shuffled", "Holder"] as const)("is made for %s", (name) => {
    expect(isCompilable(schema(name))).toBe(true);
  });

  it.each(["Old", "Required", "Edition", "WithJson"] as const)("is not made for %s", (name) => {
    expect(isCompilable(schema(name))).toBe(false);
  });

  it("is made for a google.protobuf.Struct in a google.protobuf.Value", () => {
    expect(isCompilable(ValueSchema)).toBe(true);
  });

  it.each(["x y", "a=1", '"];throw 1//', "a\u2028b", "é", "1a", "", "__proto__"])(
    "is not made for a field %j",
    (name) => {
      const desc = handMade("fine");
      const members = desc.members.map((member) => Object.create(member, { localName: { value: name } }));
      expect(isCompilable(Object.create(desc, { members: { value: members } }) as DescMessage)).toBe(false);
      expect(isCompilable(desc)).toBe(true);
    },
  );
});
