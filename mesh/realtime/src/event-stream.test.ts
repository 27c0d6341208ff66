import { describe, expect, it } from "vitest";
import { createEventParser } from "./event-stream.ts";

const stream =
  ':\n\nid: abc\nretry: 700\ndata: {"a":1}\n\nevent: close\r\ndata: one\r\ndata:two\r\n\r\n: beat\n\ndata\n\nevent: none\n\n';
const events = [
  { type: "message", data: '{"a":1}' },
  { type: "close", data: "one\ntwo" },
  { type: "message", data: "" },
];

describe("the text of a stream of events", () => {
  it.each([1, 2, 3, 7, 1000])("is read in pieces of %i characters", (size) => {
    const parse = createEventParser();
    const pieces = stream.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];
    expect(pieces.flatMap((piece) => parse(piece))).toEqual(events);
  });
});
