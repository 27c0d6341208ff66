import { describe, expect, it } from "vitest";
import { decodePageToken, encodePageToken, type TokenPart } from "./page-token.ts";

const moment = "2026-02-28T23:59:59.123456Z";

describe("page tokens", () => {
  it.each<[TokenPart[], string[]]>([
    [
      ["moment", "id"],
      [moment, "p1"],
    ],
  ])("of %j come back as they were", (shape, parts) => {
    expect(decodePageToken(encodePageToken(parts), shape)).toEqual(parts);
  });

  it.each([undefined, ""])("absent (%j) is the first page", (token) => {
    expect(decodePageToken(token, ["moment", "id"])).toBeUndefined();
  });

  it.each<[string, TokenPart[], string]>([
    ["no base64", ["moment", "id"], "%%%"],
    ["no JSON", ["moment", "id"], "abc"],
    ["no list", ["moment", "id"], encodePageToken({} as never)],
    ["another length", ["moment", "id"], encodePageToken([moment])],
    ["another type", ["moment", "id"], encodePageToken([moment, 1 as never])],
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
