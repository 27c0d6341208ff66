import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { protoSnakeCase, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { FieldMaskSchema, isWrapperDesc } from "@bufbuild/protobuf/wkt";

/*
 * Text to field value, for the two places where a request holds plain text: path variables and the query.
 *
 * The rules are those of protobuf JSON with the quotes left out, made strict: no surrounding space, no "1.0" for an
 * integer, only "true" and "false" for a bool. A field mask takes proto names too, since that is what people type. The
 * same words say what a field takes when a JSON value does not fit it (json-violations.ts).
 */

/** A value as ReflectMessage.set and ReflectList.add take it. */
export type FieldValue = string | number | bigint | boolean | Uint8Array | ReflectMessage;

type Kind = { readonly scalar: ScalarType } | { readonly enum: DescEnum } | { readonly message: DescMessage };

const int32Range = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const uint32Range = [0n, 2n ** 32n - 1n] as const;
const int64Range = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const uint64Range = [0n, 2n ** 64n - 1n] as const;

const integerRanges: ReadonlyMap<ScalarType, readonly [bigint, bigint]> = new Map([
  [ScalarType.INT32, int32Range],
  [ScalarType.SINT32, int32Range],
  [ScalarType.SFIXED32, int32Range],
  [ScalarType.UINT32, uint32Range],
  [ScalarType.FIXED32, uint32Range],
  [ScalarType.INT64, int64Range],
  [ScalarType.SINT64, int64Range],
  [ScalarType.SFIXED64, int64Range],
  [ScalarType.UINT64, uint64Range],
  [ScalarType.FIXED64, uint64Range],
]);

const bigScalars: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.SINT64,
  ScalarType.SFIXED64,
  ScalarType.UINT64,
  ScalarType.FIXED64,
]);

/** Whether a field (or an item of it, for a list) can be written as plain text at all. */
export function canBeText(field: DescField): boolean {
  const kind = kindOf(field);
  return kind !== undefined && (!("message" in kind) || messageReader(kind.message) !== undefined);
}

/** Reads the value of a field, or of one item of a repeated field. Undefined where the text does not fit. */
export function fieldValueFromText(field: DescField, text: string): FieldValue | undefined {
  const kind = kindOf(field);
  if (!kind) {
    return undefined;
  }
  if ("message" in kind) {
    const message = messageReader(kind.message)?.(text);
    return message && reflect(kind.message, message);
  }
  return "enum" in kind ? enumFromText(kind.enum, text) : scalarFromText(kind.scalar, text);
}

/** What a value of a field (or an item of it) must be, as a sentence without its subject: "must be true or false". */
export function expectationOf(field: DescField): string {
  const kind = kindOf(field);
  if (!kind) {
    return "must be an object of entries";
  }
  if ("enum" in kind) {
    const names = kind.enum.values.map((value) => value.name);
    return names.length > 20 ? `must be a value of ${kind.enum.typeName}` : `must be one of ${names.join(", ")}`;
  }
  if ("scalar" in kind) {
    return scalarExpectation(kind.scalar);
  }
  switch (kind.message.typeName) {
    case "google.protobuf.Timestamp":
      return "must be an RFC 3339 time such as 2026-01-31T12:00:00Z";
    case "google.protobuf.Duration":
      return "must be a duration in seconds such as 1.5s";
    case "google.protobuf.FieldMask":
      return "must be a comma-separated list of field names";
    default:
      return isWrapperDesc(kind.message)
        ? scalarExpectation(kind.message.fields[0].scalar)
        : `must be an object (${kind.message.typeName})`;
  }
}

function kindOf(field: DescField): Kind | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return { scalar: field.scalar };
    case "enum":
      return { enum: field.enum };
    case "message":
      return { message: field.message };
    case "list":
      return field.listKind === "scalar"
        ? { scalar: field.scalar }
        : field.listKind === "enum"
          ? { enum: field.enum }
          : { message: field.message };
    case "map":
      return undefined;
  }
}

function scalarFromText(scalar: ScalarType, text: string): FieldValue | undefined {
  const range = integerRanges.get(scalar);
  if (range) {
    const value = /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
    if (value === undefined || value < range[0] || value > range[1]) {
      return undefined;
    }
    return bigScalars.has(scalar) ? value : Number(value);
  }
  switch (scalar) {
    case ScalarType.BOOL:
      return text === "true" ? true : text === "false" ? false : undefined;
    case ScalarType.BYTES:
      return bytesFromText(text);
    case ScalarType.STRING:
      return text.isWellFormed() ? text : undefined;
    default:
      return floatFromText(text, scalar === ScalarType.FLOAT);
  }
}

function floatFromText(text: string, single: boolean): number | undefined {
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") {
    return Number(text);
  }
  const value = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(single ? Math.fround(value) : value) ? value : undefined;
}

function bytesFromText(text: string): Uint8Array | undefined {
  try {
    return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) ? base64Decode(text) : undefined;
  } catch {
    return undefined;
  }
}

function enumFromText(desc: DescEnum, text: string): number | undefined {
  const named = desc.values.find((value) => value.name === text || value.jsonName === text);
  if (named) {
    return named.number;
  }
  const number = scalarFromText(ScalarType.INT32, text);
  return typeof number === "number" && (desc.open || desc.values.some((value) => value.number === number))
    ? number
    : undefined;
}

function messageReader(desc: DescMessage): ((text: string) => Message | undefined) | undefined {
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return (text) => readJson(desc, text);
    case "google.protobuf.Duration":
      return (text) => (/^-?\d{1,12}(?:\.\d{1,9})?s$/.test(text) ? readJson(desc, text) : undefined);
    case "google.protobuf.FieldMask":
      return fieldMaskFromText;
  }
  if (!isWrapperDesc(desc)) {
    return undefined;
  }
  const { scalar, localName } = desc.fields[0];
  return (text) => {
    const value = scalarFromText(scalar, text);
    return value === undefined ? undefined : create<DescMessage>(desc, { [localName]: value });
  };
}

function readJson(desc: DescMessage, text: string): Message | undefined {
  try {
    return fromJson(desc, text);
  } catch {
    return undefined;
  }
}

function fieldMaskFromText(text: string): Message | undefined {
  const paths = text === "" ? [] : text.split(",");
  if (!paths.every((path) => /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.test(path))) {
    return undefined;
  }
  return create(FieldMaskSchema, { paths: paths.map((path) => (path.includes("_") ? path : protoSnakeCase(path))) });
}

function scalarExpectation(scalar: ScalarType): string {
  const range = integerRanges.get(scalar);
  if (range) {
    return `must be an integer between ${range[0]} and ${range[1]}`;
  }
  switch (scalar) {
    case ScalarType.BOOL:
      return "must be true or false";
    case ScalarType.BYTES:
      return "must be base64";
    case ScalarType.STRING:
      return "must be a string of valid Unicode";
    default:
      return "must be a number";
  }
}
