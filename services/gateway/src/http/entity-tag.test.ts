import { describe, expect, it } from "vitest";
import { entityTag, isKnownTag } from "./entity-tag.ts";

const tag = entityTag(Buffer.from("a"));

describe("entity tags", () => {
  it("are the same for the same bytes alone", () => {
    expect(entityTag(Buffer.from("a"))).toBe(tag);
    expect(entityTag(Buffer.from("b"))).not.toBe(tag);
    expect(tag).toMatch(/^"[\w-]{22}"$/);
  });

  it.each([tag, `W/${tag}`, `"x", ${tag}`, ` ${tag} ,"y"`, "*"])("are known from If-None-Match: %s", (header) => {
    expect(isKnownTag(header, tag)).toBe(true);
  });

  it.each(["", '"x"', tag.slice(1, -1), `"${tag}"`])("are not known from If-None-Match: %s", (header) => {
    expect(isKnownTag(header, tag)).toBe(false);
  });
});
