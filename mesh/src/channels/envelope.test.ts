import { describe, expect, it } from "vitest";
import { decodePublication, encodePublication } from "./envelope.ts";

describe("a publication on the wire", () => {
  it.each(["{}", "", 'a:1:{"b":2}', "ü\u{1f331}"])("keeps its place and the text %j", (payload) => {
    const message = Buffer.from(encodePublication({ epoch: "e1", offset: 12 }, payload));
    expect(decodePublication(message)).toEqual({ epoch: "e1", offset: 12, payload });
  });

  it.each([
    ['{"type":"updated"}', "JSON"],
    ['"a:1:b"', "a JSON string"],
    ["12", "a JSON number"],
    ["", "nothing"],
    [":1:x", "no epoch"],
    ["e::x", "no offset"],
    ["e:1", "no payload"],
    ["e:1x:y", "an offset that is none"],
    ["E:1:x", "an epoch of other characters"],
    [`${"e".repeat(65)}:1:x`, "an epoch that is too long"],
    ["e:99999999999999999999:x", "an offset beyond what numbers count"],
  ])("is not seen in %j (%s)", (message) => {
    expect(decodePublication(Buffer.from(message))).toBeUndefined();
  });
});
