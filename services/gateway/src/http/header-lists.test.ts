import { describe, expect, it } from "vitest";
import { fieldBlock, headersOf, joinedFields } from "./header-lists.ts";

describe("the headers of a request", () => {
  it("leave out names and values that HTTP does not allow, and keep the others", () => {
    const fields = [
      ["accept", "a"],
      ["b ad", "x"],
      ["bad", "日"],
      ["accept", "b"],
    ] as const;
    expect([...headersOf(fields)]).toEqual([["accept", "a, b"]]);
  });
});

describe("the joined fields of an answer", () => {
  it("hold each field once, what the answer says itself before what all say", () => {
    const fields = [
      ["vary", "Origin"],
      ["cache-control", "no-store"],
      ["etag", "x"],
    ] as const;
    const headers = new Headers({ "cache-control": "private" });
    expect(joinedFields({ headers, fields })).toEqual({
      name: "vary",
      rest: "Origin\r\netag: x\r\ncache-control: private",
    });
    expect(joinedFields({ headers: new Headers() })).toBeUndefined();
  });

  it("take a block whole, unless the answer says some of it itself", () => {
    const block = fieldBlock([
      ["x-frame-options", "DENY"],
      ["content-security-policy", "default-src 'none'"],
    ]);
    const fields = [["vary", "Origin"]] as const;
    expect(joinedFields({ headers: new Headers(), fields, block })).toEqual({
      name: "vary",
      rest: "Origin\r\nx-frame-options: DENY\r\ncontent-security-policy: default-src 'none'",
    });
    const headers = new Headers({ "content-security-policy": "default-src 'self'" });
    const own = "DENY\r\nvary: Origin\r\ncontent-security-policy: default-src 'self'";
    expect(joinedFields({ headers, fields, block })).toEqual({ name: "x-frame-options", rest: own });
    expect(joinedFields({ headers: new Headers(), block })).toEqual({
      name: "x-frame-options",
      rest: "DENY\r\ncontent-security-policy: default-src 'none'",
    });
  });
});
