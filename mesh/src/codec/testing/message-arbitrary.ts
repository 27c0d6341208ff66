import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";

/** Valid messages of a type, for property tests; nested at most `depth` deep, with unknown fields now and then. */
export function messageArbitrary(desc: DescMessage, depth = 2): fc.Arbitrary<Message> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const member of desc.members) {
    if (member.kind === "field") {
      members[member.localName] = fieldArbitrary(member, depth);
      continue;
    }
    const cases = member.fields
      .filter((field) => field.message === undefined || depth > 0)
      .map((field) => fc.record({ case: fc.constant(field.localName), value: singular(field, depth) }));
    members[member.localName] = fc.oneof(fc.constant({ case: undefined }), ...cases);
  }
  const unknown = fc.option(fc.array(unknownField(desc), { minLength: 1, maxLength: 3 }), { freq: 10, nil: undefined });
  return fc.tuple(fc.record(members), unknown).map(([init, fields]) => {
    const message = create(desc, init);
    if (fields !== undefined) {
      message.$unknown = fields;
    }
    return message;
  });
}

function fieldArbitrary(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined && depth === 0) {
    return fc.constant(undefined);
  }
  // Types with many fields would otherwise have all of them in every message.
  const rarely = (arbitrary: fc.Arbitrary<unknown>, nil: unknown) => fc.option(arbitrary, { freq: 1, nil });
  switch (field.fieldKind) {
    case "list":
      return rarely(fc.array(singular(field, depth), { maxLength: 4 }), undefined);
    case "map": {
      const entry = fc.tuple(scalarArbitrary(field.mapKey, false), singular(field, depth));
      // Not an object literal: a key may be `__proto__`.
      return rarely(
        fc.array(entry, { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
        undefined,
      );
    }
    default:
      return rarely(singular(field, depth), undefined);
  }
}

function singular(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message === undefined) {
    const longAsString = "longAsString" in field && field.longAsString;
    return field.enum === undefined
      ? scalarArbitrary(field.scalar as ScalarType, longAsString)
      : fc.oneof(
          fc.constantFrom(...field.enum.values.map(({ number }) => number)),
          ...(field.enum.open ? [scalarArbitrary(ScalarType.INT32, false)] : []),
        );
  }
  if (field.message.typeName === "google.protobuf.Struct" && field.parent.typeName !== "google.protobuf.Value") {
    return fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  }
  const isBare = field.fieldKind === "message" && field.oneof === undefined && isWrapperDesc(field.message);
  return isBare ? singular(field.message.fields[0] as DescField, depth) : messageArbitrary(field.message, depth - 1);
}

/** Numbers on both sides of every length that a varint can have. */
const edges = (bits: number) =>
  Array.from({ length: Math.ceil(bits / 7) }, (_, index) => 2n ** BigInt((index + 1) * 7)).flatMap((edge) => [
    edge - 1n,
    edge,
  ]);

function signed(bits: number): fc.Arbitrary<bigint> {
  const limit = 2n ** BigInt(bits - 1);
  const inside = edges(bits)
    .flatMap((edge) => [edge, -edge])
    .filter((edge) => edge < limit && edge >= -limit);
  return fc.oneof(fc.constantFrom(0n, -1n, limit - 1n, -limit, ...inside), fc.bigInt({ min: -limit, max: limit - 1n }));
}

function unsigned(bits: number): fc.Arbitrary<bigint> {
  const limit = 2n ** BigInt(bits);
  return fc.oneof(
    fc.constantFrom(0n, limit - 1n, ...edges(bits).filter((edge) => edge < limit)),
    fc.bigInt({ min: 0n, max: limit - 1n }),
  );
}

/** Short ASCII, any characters, halves of surrogate pairs (which become U+FFFD), and the lengths where the code branches. */
const texts = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc
    .array(fc.constantFrom("a", "é", "\uD83D", "\uDE00", "\uFFFD", "\uFEFF", "\0"), { maxLength: 8 })
    .map((parts) => parts.join("")),
  fc
    .tuple(fc.constantFrom("a", "é", "語", "😀"), fc.constantFrom(5, 6, 32, 33, 42, 43, 127, 128, 5461, 5462))
    .map(([unit, count]) => unit.repeat(count)),
  fc.constant("__proto__"),
);

function scalarArbitrary(type: ScalarType, longAsString: boolean): fc.Arbitrary<unknown> {
  const long = (arbitrary: fc.Arbitrary<bigint>) => (longAsString ? arbitrary.map(String) : arbitrary);
  switch (type) {
    case ScalarType.DOUBLE:
      return fc.double();
    case ScalarType.FLOAT:
      return fc.oneof(fc.float(), fc.constantFrom(3.4028234663852886e38, 0.1, -0));
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 40 });
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return signed(32).map(Number);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return unsigned(32).map(Number);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return long(signed(64));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return long(unsigned(64));
  }
}

function unknownField(desc: DescMessage) {
  const numbers = [1, 15, 16, 19, 2047, 2048, 15_000, 536_870_910];
  const free = numbers.filter((number) => desc.fields.every((field) => field.number !== number));
  const data = fc.constantFrom(
    { wireType: 0, data: Uint8Array.of(5) },
    { wireType: 0, data: Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 1) },
    { wireType: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
    { wireType: 2, data: Uint8Array.of(0) },
    { wireType: 2, data: Uint8Array.of(3, 1, 2, 3) },
    { wireType: 2, data: Uint8Array.of(30, ...Array.from({ length: 30 }, () => 7)) },
    { wireType: 5, data: Uint8Array.of(1, 2, 3, 4) },
  );
  return fc.tuple(fc.constantFrom(...free), data).map(([no, field]) => ({ no, ...field }));
}
