import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "./byte-writer.ts";

describe("a byte writer", () => {
  it("writes what protobuf-es writes, growing from any size", () => {
    const write = fc.oneof(
      fc.nat({ max: 2 ** 32 - 1 }),
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }),
    );
    fc.assert(
      fc.property(fc.array(write), fc.nat({ max: 300 }), (writes, initialBytes) => {
        const writer = new ByteWriter(initialBytes);
        const theirs = new BinaryWriter();
        for (const value of writes) {
          if (typeof value === "number") {
            writer.varint(value);
            theirs.uint32(value);
          } else if (typeof value === "string") {
            writer.string(value);
            theirs.string(value);
          } else {
            writer.raw(value);
            theirs.raw(value);
          }
        }
        expect(Uint8Array.from(writer.bytes.subarray(0, writer.position))).toEqual(theirs.finish());
      }),
      { numRuns: 300 },
    );
  });

  it("has room for as many bytes as were asked for, and keeps what was written", () => {
    const writer = new ByteWriter(4);
    writer.raw(Uint8Array.of(1, 2, 3));
    writer.ensure(1000);
    expect(writer.bytes.length).toBeGreaterThanOrEqual(1003);
    expect([...writer.bytes.subarray(0, writer.position)]).toEqual([1, 2, 3]);
  });

  it("does not grow three times as large as a long ASCII text", () => {
    const writer = new ByteWriter(16);
    writer.string("a".repeat(1_000_000));
    expect(writer.bytes.length).toBeLessThan(1_000_100);
  });
});
