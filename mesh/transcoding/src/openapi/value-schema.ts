import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { Direction, JsonSchema } from "./json-schema.ts";

/*
 * Single values in the JSON form of protobuf: scalars, enums and the well-known types, without any rules. Documented is the
 * one form that answers have; that requests may also write a number in quotes, or an enum by its number, is left out, for a
 * schema that takes everything tells nothing. 64-bit integers are the exception: clients need to know that both work.
 */

const int64Pattern = "^-?[0-9]{1,20}$";

/** The schema of a scalar. */
export function scalarSchema(scalar: ScalarType, direction: Direction): JsonSchema {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.FLOAT:
      return { type: "number", format: "float" };
    case ScalarType.DOUBLE:
      return { type: "number", format: "double" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", format: "int32" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", format: "uint32", minimum: 0 };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return int64Schema("uint64", direction);
    default:
      return int64Schema("int64", direction);
  }
}

/** The schema of an enum: its names, but for those in `without`. */
export function enumSchema(desc: DescEnum, without: ReadonlySet<number> = new Set()): JsonSchema {
  const names = desc.values.filter(({ number }) => !without.has(number)).map(({ name }) => name);
  return desc.typeName === "google.protobuf.NullValue" ? { type: "null" } : { type: "string", enum: names };
}

/** The schema of a message that JSON does not write as an object of its fields; undefined for all others. */
export function wellKnownSchema(desc: DescMessage, direction: Direction): JsonSchema | undefined {
  if (isWrapperDesc(desc)) {
    const inner = scalarSchema(desc.fields[0].scalar, direction);
    return { ...inner, type: [inner.type ?? "string", "null"].flat() };
  }
  switch (desc.typeName) {
    case "google.protobuf.Timestamp":
      return { type: "string", format: "date-time" };
    case "google.protobuf.Duration":
      return { type: "string", pattern: "^-?[0-9]+(?:\\.[0-9]{1,9})?s$", examples: ["1.5s"] };
    case "google.protobuf.FieldMask":
      return { type: "string", examples: ["displayName,address.city"] };
    case "google.protobuf.Struct":
      return { type: "object", additionalProperties: true };
    case "google.protobuf.ListValue":
      return { type: "array", items: {} };
    case "google.protobuf.Value":
      return {};
    case "google.protobuf.Any":
      return { type: "object", properties: { "@type": { type: "string" } }, required: ["@type"] };
    default:
      return undefined;
  }
}

/** The kind of one value of a field: of the field itself, of an item of a list, of a value of a map. */
export function valueKind(field: DescField): { scalar: ScalarType } | { enum: DescEnum } | { message: DescMessage } {
  if (field.message) {
    return { message: field.message };
  }
  return field.enum ? { enum: field.enum } : { scalar: field.scalar ?? ScalarType.STRING };
}

function int64Schema(format: string, direction: Direction): JsonSchema {
  return { type: direction === "answer" ? "string" : ["string", "integer"], format, pattern: int64Pattern };
}
