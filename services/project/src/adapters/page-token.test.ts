import { describe, expect, it } from "vitest";
import { decodePageToken, encodePageToken, type TokenPart } from "./page-token.ts";

const moment = "2026-02-28T23:59:59.123456Z";

describe("page tokens", () => {
  it.each<[TokenPart[], (string | number)[]]>([
    [
      ["moment", "id"],
      [moment, "p1"],
    ],
    [["count"], [7]],
  ])("of %j come back as they were", (shape, parts) => {
    expect(decodePageToken(encodePageToken(parts), shape)).toEqual(parts);
  });

  it.each([undefined, ""])("absent (%j) is the first page", (token) => {
    expect(decodePageToken(token, ["count"])).toBeUndefined();
  });

  it.each<[string, TokenPart[], string]>([
    ["no base64", ["count"], "%%%"],
    ["no JSON", ["count"], "abc"],
    ["no list", ["count"], encodePageToken({} as never)],
    ["another length", ["count"], encodePageToken([1, 2])],
    ["another type", ["count"], encodePageToken(["1"])],
    ["a fraction", ["count"], encodePageToken([1.5])],
    ["a number beyond the column", ["count"], encodePageToken([2 ** 31])],
    ["a number before the first", ["count"], encodePageToken([0])],
    ["no moment", ["moment", "id"], encodePageToken(["yesterday", "p1"])],
    ["a day that is not in the calendar", ["moment", "id"], encodePageToken(["2026-02-31T00:00:00.000000Z", "p1"])],
    ["a year before the first", ["moment", "id"], encodePageToken(["0000-01-01T00:00:00.000000Z", "p1"])],
    ["an id with NUL", ["moment", "id"], encodePageToken([moment, "p\0"])],
    ["an endless id", ["moment", "id"], encodePageToken([moment, "p".repeat(65)])],
  ])("are refused, naming the field, when they have %s", (_what, shape, token) => {
    expect(() => decodePageToken(token, shape)).toThrow(
      expect.objectContaining({ kind: "invalid", fields: [expect.objectContaining({ field: "pageToken" })] }),
    );
  });
});
