import { describe, expect, it } from "vitest";
import { framingFault } from "./message-framing.ts";

describe("framingFault", () => {
  it.each([
    [[]],
    [[["content-length", "0"]]],
    [
      [
        ["content-length", "12"],
        ["host", "a"],
      ],
    ],
    [[["transfer-encoding", "Chunked"]]],
  ] as [string, string][][][])("accepts %j", (fields) => {
    expect(framingFault(fields)).toBeUndefined();
  });

  it.each([
    [
      [
        ["content-length", "3"],
        ["content-length", "4"],
      ],
      "more than once",
    ],
    [
      [
        ["content-length", "3"],
        ["content-length", "3"],
      ],
      "more than once",
    ],
    [[["content-length", "3, 3"]], "not a number"],
    [[["content-length", "-3"]], "not a number"],
    [[["content-length", "+3"]], "not a number"],
    [[["content-length", "0x3"]], "not a number"],
    [[["content-length", ""]], "not a number"],
    [[["content-length", "9".repeat(16)]], "not a number"],
    [
      [
        ["content-length", "3"],
        ["transfer-encoding", "chunked"],
      ],
      "exclude each other",
    ],
    [[["transfer-encoding", "chunked, identity"]], "can only be chunked"],
    [[["transfer-encoding", "identity"]], "can only be chunked"],
    [
      [
        ["transfer-encoding", "chunked"],
        ["transfer-encoding", "chunked"],
      ],
      "can only be chunked",
    ],
    [[["transfer-encoding", "xchunked"]], "can only be chunked"],
    [
      [
        ["host", "a"],
        ["host", "b"],
      ],
      "Host is given more than once",
    ],
  ] as [[string, string][], string][])("finds fault with %j", (fields, fault) => {
    expect(framingFault(fields)).toContain(fault);
  });
});
