import { create, type DescField, type DescMessage, getOption, type Message, ScalarType } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldExtension } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import fc from "fast-check";
import { isUnwrapped } from "../../../codec/compilable.ts";

/** For tests: messages of any type, with values at, below and above the bounds that their rules set. */
export function randomMessages(desc: DescMessage, depth = 0): fc.Arbitrary<Message> {
  const members = desc.members.flatMap((member) =>
    member.kind === "field"
      ? [[member.localName, fieldValues(member, depth)] as const]
      : [
          [
            member.localName,
            fc.oneof(
              fc.constant({ case: undefined }),
              ...member.fields.filter((field) => depth <= 2 || field.message === undefined).map(caseOf),
            ),
          ] as const,
        ],
  );
  function caseOf(field: DescField): fc.Arbitrary<unknown> {
    return singular(field, getOption(field, fieldExtension), depth).map((value) => ({ case: field.localName, value }));
  }
  return fc.record(Object.fromEntries(members)).map((init) => create(desc, init as never));
}

function fieldValues(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const rules = getOption(field, fieldExtension);
  switch (field.fieldKind) {
    case "list": {
      const own = rules.type.case === "repeated" ? rules.type.value : undefined;
      const bound = Math.min(Number(own?.maxItems ?? 3), 20);
      return fc.array(singular(field, own?.items, depth), { maxLength: depth > 2 ? 0 : bound + 1 });
    }
    case "map": {
      const own = rules.type.case === "map" ? rules.type.value : undefined;
      const keys = scalars(field.mapKey, own?.keys).map(String);
      return fc.dictionary(keys, singular(field, own?.values, depth), { maxKeys: depth > 2 ? 0 : 4 });
    }
    case "message":
      return depth > 2 ? fc.constant(undefined) : fc.option(singular(field, rules, depth), { nil: undefined });
    default: {
      const value = singular(field, rules, depth);
      return field.presence === 2 ? value : fc.option(value, { nil: undefined });
    }
  }
}

function singular(field: DescField, rules: FieldRules | undefined, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) {
    if (field.fieldKind === "message" && isUnwrapped(field)) {
      return scalars(field.message.fields[0]?.scalar ?? ScalarType.STRING, rules);
    }
    return field.message.typeName === "google.protobuf.Struct" && field.parent.typeName !== "google.protobuf.Value"
      ? fc.constantFrom({}, { a: 1 }, { b: "\0" })
      : randomMessages(field.message, depth + 1);
  }
  return field.enum === undefined ? scalars(field.scalar ?? ScalarType.STRING, rules) : fc.constantFrom(0, 1, 2, 3, -1);
}

function scalars(type: ScalarType, rules: FieldRules | undefined): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return texts(rules);
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 6 });
    case ScalarType.BOOL:
      return fc.boolean();
    default:
      return numbers(type, rules);
  }
}

const wide: ReadonlySet<ScalarType> = new Set([
  ...[ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64],
]);

function numbers(type: ScalarType, { type: rules }: Partial<FieldRules> = {}): fc.Arbitrary<unknown> {
  const bounds = [0, 1];
  for (const value of Object.values((rules?.value ?? {}) as object).flat()) {
    const bound = Number((value as { value?: number } | null)?.value ?? value);
    bounds.push(...(Number.isFinite(bound) ? [bound - 1, bound, bound + 1] : []));
  }
  if (wide.has(type)) {
    return fc.constantFrom(...bounds).map((bound) => BigInt(Math.trunc(bound)));
  }
  return type === ScalarType.DOUBLE || type === ScalarType.FLOAT
    ? fc.oneof(fc.constantFrom(...bounds), fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, 0.5))
    : fc.constantFrom(...bounds.map(Math.trunc));
}

function texts(rules: FieldRules | undefined): fc.Arbitrary<string> {
  const own = rules?.type.case === "string" ? rules.type.value : undefined;
  const expected: fc.Arbitrary<string>[] = [];
  if (own !== undefined) {
    const bounds = [0, own.len, own.minLen, own.maxLen, own.lenBytes, own.minBytes, own.maxBytes]
      .map(Number)
      .filter((bound) => bound < 1000);
    const lengths = fc
      .constantFrom(...bounds.flatMap((bound) => [bound - 1, bound, bound + 1]))
      .map((n) => Math.max(0, n));
    const unit = fc.constantFrom("a", "é", "€", "\u{1F600}", "a\u{1F600}");
    expected.push(fc.tuple(lengths, unit).map(([length, text]) => [...text.repeat(length)].slice(0, length).join("")));
    const parts = [own.prefix, own.contains, own.suffix, own.notContains];
    expected.push(fc.constantFrom(parts.slice(0, 3).join(""), parts.join(" "), own.const, ...own.in, ...own.notIn));
    if (own.pattern.length > 1) {
      expected.push(fc.stringMatching(new RegExp(own.pattern)));
    }
    if (own.wellKnown.case !== undefined) {
      expected.push(fc.uuid(), fc.emailAddress(), fc.ulid(), fc.domain(), fc.ipV4(), fc.webUrl());
      expected.push(fc.uuid().map((uuid) => uuid.replaceAll("-", "")));
      expected.push(fc.tuple(fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 })).map((both) => both.join("@")));
    }
  }
  for (const { expression } of rules?.cel ?? []) {
    const pattern = /^this\.matches\('(?:\^\(\?i\))?(.*)'\)$/.exec(expression)?.[1];
    if (pattern !== undefined) {
      expected.push(fc.stringMatching(new RegExp(pattern)));
    }
  }
  const strange = fc.constantFrom("", "a\0", "\ud800", "a\udc00b", "\u{1F600}\udc00", "line\nbreak", "é");
  const usual = fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: "grapheme", maxLength: 8 }));
  return expected.length === 0
    ? fc.oneof({ weight: 1, arbitrary: strange }, { weight: 8, arbitrary: usual })
    : fc.oneof(
        { weight: 1, arbitrary: strange },
        { weight: 2, arbitrary: usual },
        { weight: 9, arbitrary: fc.oneof(...expected) },
      );
}
