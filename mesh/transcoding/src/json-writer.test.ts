import { create, type DescField, type DescMessage, type Message, ScalarType, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, TimestampSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonWriterFor } from "./json-writer.ts";
import { scriptedService } from "./testing/scripted-service.ts";

const plain = scriptedService({}).registry.getMessage("test.v1.Plain") as DescMessage;
const expected = (desc: DescMessage, message: Message) =>
  JSON.parse(JSON.stringify(toJson(desc, message, { alwaysEmitImplicit: true })));

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

function scalars(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return fc.string({ unit: "binary" });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 9 });
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.FLOAT:
      return fc.float();
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return int32;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return uint32;
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    default:
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  }
}

const timestamps = fc
  .record({
    seconds: fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }),
    nanos: fc.oneof(nanos(1), nanos(1e3), nanos(1e6)),
  })
  .map((value) => create(TimestampSchema, value));

function nanos(step: number) {
  return fc.integer({ min: 0, max: 1e9 / step - 1 }).map((count) => count * step);
}

function values(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const one =
    field.message !== undefined
      ? messages(field.message, depth - 1)
      : field.enum !== undefined
        ? fc.oneof(fc.constantFrom(...field.enum.values.map(({ number }) => number)), int32)
        : scalars(field.scalar as ScalarType);
  switch (field.fieldKind) {
    case "list":
      return fc.array(one, { maxLength: 3 });
    case "map":
      return fc.dictionary(field.mapKey === ScalarType.STRING ? fc.string() : int32.map(String), one, { maxKeys: 3 });
    default:
      return one;
  }
}

function messages(desc: DescMessage, depth = 2): fc.Arbitrary<Message> {
  if (desc.typeName === TimestampSchema.typeName) {
    return timestamps;
  }
  const fields = desc.fields.filter((field) => field.message === undefined || depth > 0);
  const plain = fields.filter((field) => field.oneof === undefined);
  const members = Object.fromEntries(
    plain.map((field) => [field.localName, fc.option(values(field, depth), { nil: undefined })]),
  );
  for (const oneof of desc.oneofs) {
    const cases = oneof.fields
      .filter((field) => fields.includes(field))
      .map((field) => values(field, depth).map((value) => ({ case: field.localName, value })));
    members[oneof.localName] = fc.oneof(fc.constant({ case: undefined }), ...cases);
  }
  return fc.record(members).map((init) => create(desc, init as never));
}

describe("the JSON text of a message", () => {
  it("is what toJson gives, for messages with every kind of field", () => {
    fc.assert(
      fc.property(messages(plain), (message) => {
        expect(JSON.parse(jsonWriterFor(plain)(message))).toEqual(expected(plain, message));
      }),
      { numRuns: 200 },
    );
  });

  it("is that of toJson where a type is not plain", () => {
    const struct = create(ValueSchema, { kind: { case: "stringValue", value: "a" } });
    expect(jsonWriterFor(ValueSchema)(struct)).toBe('"a"');
    const file = create(FileDescriptorProtoSchema, { name: "a.proto", dependency: ["b"] });
    expect(JSON.parse(jsonWriterFor(FileDescriptorProtoSchema)(file))).toEqual(
      expected(FileDescriptorProtoSchema, file),
    );
  });

  it.each([
    [0n, 0, "1970-01-01T00:00:00Z"],
    [951_827_696n, 5_000_000, "2000-02-29T12:34:56.005Z"],
    [-1n, 999_999_999, "1969-12-31T23:59:59.999999999Z"],
    [-62_135_596_800n, 0, "0001-01-01T00:00:00Z"],
    [253_402_300_799n, 1000, "9999-12-31T23:59:59.000001Z"],
  ])("writes the time %s s and %s ns as %s", (seconds, nanos, text) => {
    expect(jsonWriterFor(TimestampSchema)(create(TimestampSchema, { seconds, nanos }))).toBe(`"${text}"`);
  });

  it("is refused for a time that has none, and for a value of the wrong type, by the name of its field", () => {
    const write = jsonWriterFor(TimestampSchema);
    expect(() => write(create(TimestampSchema, { seconds: 253_402_300_800n }))).toThrow("from 0001-01-01");
    expect(() => write(create(TimestampSchema, { nanos: -1 }))).toThrow("-1 ns");
    const wrong = Object.assign(create(plain), { text: 5 });
    expect(() => jsonWriterFor(plain)(wrong)).toThrow(/text.* of type number/);
    expect(() => jsonWriterFor(plain)(create(TimestampSchema))).toThrow(
      "google.protobuf.Timestamp is no test.v1.Plain",
    );
  });
});
