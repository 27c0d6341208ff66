import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { create, type DescMessage, equals, isMessage, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { anyPack, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { PrincipalSchema, ValidateTokenResponseSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "./byte-writer.ts";
import { codecFor } from "./codec-for.ts";
import { decoded, encoded, expected, expectedBytes, partOf } from "./testing/outcome.ts";
import { handMade, schema } from "./testing/schemas.ts";

const every = schema("Every");

/** The field numbers of `Every` that tests below write by hand. */
const numbers = { int32: 5, bool: 8, string: 9, bytes: 10, int32List: 45, self: 166, color: 161, selfChoice: 2061 };

function wire(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

/** `Every` in itself, `levels` messages in all. */
function nested(levels: number, field: "self" | "choice" = "self"): Uint8Array {
  let bytes = wire((writer) => writer.tag(numbers.int32, WireType.Varint).int32(1));
  for (let level = 1; level < levels; level += 1) {
    const inner = bytes;
    const number = field === "self" ? numbers.self : numbers.selfChoice;
    bytes = wire((writer) => writer.tag(number, WireType.LengthDelimited).bytes(inner));
  }
  return bytes;
}

function messageOf(desc: DescMessage, bytes: Uint8Array): Record<string, unknown> {
  const { value, error } = decoded(desc, bytes);
  expect(error).toBeUndefined();
  return value as Record<string, unknown>;
}

describe("a codec", () => {
  const message = create(ValidateTokenResponseSchema, {
    valid: true,
    principal: { userId: "1", roles: ["admin"], expiresAt: { seconds: 1_700_000_000n } },
  });

  it("is made once for a message type", () => {
    expect(codecFor(PrincipalSchema)).toBe(codecFor(PrincipalSchema));
  });

  it("gives messages that protobuf-es takes for its own", () => {
    const bytes = toBinary(ValidateTokenResponseSchema, message);
    const ours = codecFor(ValidateTokenResponseSchema).decode(bytes, 0, bytes.length) as typeof message;
    expect(isMessage(ours, ValidateTokenResponseSchema)).toBe(true);
    expect(equals(ValidateTokenResponseSchema, ours, message)).toBe(true);
    expect(toBinary(ValidateTokenResponseSchema, ours)).toEqual(bytes);
    expect(toJson(ValidateTokenResponseSchema, ours)).toEqual(toJson(ValidateTokenResponseSchema, message));
  });

  it("writes messages one behind the other", () => {
    const writer = new ByteWriter(8);
    const codec = codecFor(ValidateTokenResponseSchema);
    const first = codec.encode(message, writer);
    writer.raw(Uint8Array.of(1, 2, 3));
    const second = codec.encode(message, writer);
    expect(writer.position).toBe(first + 3 + second);
    expect(codec.decode(writer.bytes, first + 3, writer.position)).toEqual(message);
  });

  it("leaves nothing in the writer when it refuses a message", () => {
    const writer = new ByteWriter();
    writer.raw(Uint8Array.of(7));
    const wrong = create(every, { selfList: [{ int32Value: 1 }, { int32Value: 1.5 }] });
    expect(() => codecFor(every).encode(wrong, writer)).toThrow("invalid int32: 1.5");
    expect(writer.position).toBe(1);
  });

  it("refuses a message of another type, as protobuf-es does", () => {
    const other = create(TimestampSchema) as Message;
    const ours = encoded(PrincipalSchema, other);
    expect(ours.error).toContain("cannot use field");
    expect(ours).toEqual(expectedBytes(PrincipalSchema, other));
  });

  it("refuses a range that is not in the bytes", () => {
    const codec = codecFor(PrincipalSchema);
    for (const [start, end] of [
      [-1, 2],
      [2, 1],
      [0, 5],
      [0, Number.NaN],
    ] as const) {
      expect(() => codec.decode(new Uint8Array(4), start, end)).toThrow(RangeError);
    }
  });

  it("does not look behind the range, even if a message goes on there", () => {
    const bytes = toBinary(ValidateTokenResponseSchema, message);
    for (let end = 0; end < bytes.length; end += 1) {
      const cut = bytes.slice(0, end);
      expect(decoded(ValidateTokenResponseSchema, cut)).toEqual(expected(ValidateTokenResponseSchema, cut));
    }
    expect(() => codecFor(ValidateTokenResponseSchema).decode(bytes, 0, bytes.length - 1)).toThrow(Error);
  });
});

describe("what is valid but rare", () => {
  const cases: [string, (writer: BinaryWriter) => unknown][] = [
    ["the last value of a singular field counts", (w) => w.tag(5, 0).int32(1).tag(5, 0).int32(2)],
    ["a repeated message is merged", (w) => w.tag(166, 2).bytes(nested(2)).tag(166, 2).bytes(nested(1))],
    ["a repeated oneof message is merged", (w) => w.tag(2061, 2).bytes(nested(2)).tag(2061, 2).bytes(nested(1))],
    ["the last case of a oneof counts", (w) => w.tag(2061, 2).bytes(nested(2)).tag(2045, 0).int32(4)],
    [
      "a list may be packed",
      (w) =>
        w
          .tag(45, 2)
          .bytes(Uint8Array.of(1, 2, 200, 1))
          .tag(45, 2)
          .bytes(Uint8Array.of(3)),
    ],
    ["a list may be unpacked", (w) => w.tag(45, 0).int32(-1).tag(45, 0).int32(300)],
    ["an unpacked list may be packed", (w) => w.tag(65, 2).bytes(Uint8Array.of(1, 2, 200, 1))],
    ["an unknown enum value is kept", (w) => w.tag(161, 0).int32(77)],
    ["a bool may take several bytes", (w) => w.tag(8, 0).uint64(1n << 40n)],
    ["a number may be longer than needed", (w) => w.tag(5, 0).raw(Uint8Array.of(129, 128, 128, 128, 128, 128, 0))],
    ["a length may be longer than needed", (w) => w.tag(9, 2).raw(Uint8Array.of(129, 128, 0, 65))],
    ["an int32 is cut to 32 bits", (w) => w.tag(5, 0).uint64(0xf_0000_0001n)],
    [
      "a map entry may have no key and no value",
      (w) => w.tag(125, 2).bytes(Uint8Array.of()).tag(168, 2).bytes(Uint8Array.of()),
    ],
    ["a map entry may have unknown fields", (w) => w.tag(125, 2).bytes(Uint8Array.of(24, 1))],
    ["an unknown group is kept", (w) => w.tag(999, 3).tag(1, 0).int32(5).tag(999, 4)],
    ["a value of another wire type is read as its field's", (w) => w.tag(9, 0).bytes(Uint8Array.of(65))],
    ["a nested message may have fields beyond its end", (w) => w.tag(166, 2).raw(Uint8Array.of(1, 40, 5))],
    ["U+FFFD may stand in a text", (w) => w.tag(9, 2).string("\uFFFD".repeat(50))],
  ];

  it.each(cases)("%s", (_, write) => {
    const bytes = wire(write);
    const theirs = expected(every, bytes);
    expect(theirs.error).toBeUndefined();
    expect(decoded(every, bytes)).toStrictEqual(theirs);
  });

  it("shares no memory with what it was read from, with and without protobuf-es", () => {
    const value = Uint8Array.of(1, 2, 3);
    const field = wire((writer) => writer.tag(10, 2).bytes(value).tag(999, 2).bytes(value));
    const group = wire((writer) => writer.raw(field).tag(998, 3).tag(998, 4));
    for (const bytes of [field, group]) {
      const message = messageOf(every, bytes);
      expect(message.bytesValue).toStrictEqual(value);
      expect((message as Message).$unknown?.[0]?.data).toStrictEqual(Uint8Array.of(3, 1, 2, 3));
    }
  });
});

describe("what is malformed", () => {
  const cases: [string, (writer: BinaryWriter) => unknown][] = [
    ["a field number of zero", (w) => w.raw(Uint8Array.of(0, 1))],
    ["an unknown wire type", (w) => w.raw(Uint8Array.of(14, 1))],
    ["a tag of more than 32 bits", (w) => w.raw(Uint8Array.of(255, 255, 255, 255, 31, 0))],
    ["a varint without end", (w) => w.tag(5, 0).raw(new Uint8Array(11).fill(255))],
    ["a length beyond the end", (w) => w.tag(9, 2).raw(Uint8Array.of(200, 1, 65))],
    ["a length of 4 GiB", (w) => w.tag(166, 2).raw(Uint8Array.of(255, 255, 255, 255, 15))],
    ["the end of a group that was not begun", (w) => w.tag(999, 4)],
    ["short text that is not UTF-8", (w) => w.tag(9, 2).bytes(Uint8Array.of(0xc3, 0x28))],
    ["long text that is not UTF-8", (w) => w.tag(9, 2).bytes(new Uint8Array(200).fill(0xff))],
  ];

  it.each(cases)("%s is refused with the error of protobuf-es", (_, write) => {
    const bytes = wire(write);
    const ours = decoded(every, bytes);
    expect(ours.error).toBeTypeOf("string");
    expect(ours).toEqual(expected(every, bytes));
  });

  it.each(["self", "choice"] as const)("more than 100 messages in each other (%s) are refused", (field) => {
    expect(decoded(every, nested(100, field)).error).toBeUndefined();
    expect(decoded(every, nested(101, field)).error).toContain("maximum recursion depth of 100 reached");
    expect(decoded(every, nested(5000, field)).error).toContain("maximum recursion depth of 100 reached");
  });

  it("counts the messages that are left to protobuf-es as well", () => {
    const group = wire((writer) => writer.tag(3, WireType.StartGroup).tag(3, WireType.EndGroup));
    let bytes = wire((writer) => writer.tag(2, WireType.LengthDelimited).bytes(group));
    for (let level = 1; level < 98; level += 1) {
      const inner = bytes;
      bytes = wire((writer) => writer.tag(7, WireType.LengthDelimited).bytes(inner));
    }
    const tooDeep = wire((writer) => writer.tag(7, WireType.LengthDelimited).bytes(bytes));
    const holder = schema("Holder");
    expect(decoded(holder, bytes)).toStrictEqual(expected(holder, bytes));
    expect(decoded(holder, bytes).error).toBeUndefined();
    expect(decoded(holder, tooDeep).error).toContain("maximum recursion depth");
  });
});

describe("types without generated code", () => {
  it("a required field that is not set is refused", () => {
    const message = create(schema("Required"));
    expect(encoded(schema("Required"), message).error).toContain("required field not set");
  });

  it("a field called __proto__ stays out of the source", () => {
    const desc = handMade("__proto__");
    const bytes = wire((writer) => writer.tag(1, WireType.LengthDelimited).string("text"));
    expect(decoded(desc, bytes)).toStrictEqual(expected(desc, bytes));
    expect(encoded(desc, messageOf(desc, bytes) as Message)).toStrictEqual({ value: bytes });
  });

  it("fall back one by one: the rest of a message is still read by generated code", () => {
    const holder = schema("Holder");
    const message = create(holder, { name: "a", old: { name: "b" }, toOld: { c: { numbers: [1] } } });
    const bytes = toBinary(holder, message);
    expect(partOf(holder).read(bytes, 0, bytes.length, 1)).toStrictEqual(expected(holder, bytes).value);
  });

  it("work where code may not be made from text", async () => {
    const script = `
      import { create } from "@bufbuild/protobuf";
      import { anyPack } from "@bufbuild/protobuf/wkt";
      import { PrincipalSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
      import { AnySchema } from "@bufbuild/protobuf/wkt";
      import { ByteWriter } from "./byte-writer.ts";
      import { codecFor } from "./codec-for.ts";
      let refused = false;
      try { new Function(""); } catch { refused = true; }
      const any = anyPack(PrincipalSchema, create(PrincipalSchema, { userId: "1", roles: ["admin"] }));
      const writer = new ByteWriter();
      const end = codecFor(AnySchema).encode(any, writer);
      const copy = codecFor(AnySchema).decode(writer.bytes, 0, end);
      const principal = codecFor(PrincipalSchema).decode(copy.value, 0, copy.value.length);
      console.log(JSON.stringify({ refused, principal }));
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--disallow-code-generation-from-strings", "--no-warnings", "--input-type=module-typescript", "--eval", script],
      { cwd: import.meta.dirname },
    );
    expect(JSON.parse(stdout)).toMatchObject({ refused: true, principal: { userId: "1", roles: ["admin"] } });
    // The same with generated code.
    const principal = create(PrincipalSchema, { userId: "1", roles: ["admin"] });
    const { value } = anyPack(PrincipalSchema, principal);
    expect(codecFor(PrincipalSchema).decode(value, 0, value.length)).toEqual(principal);
  });
});
