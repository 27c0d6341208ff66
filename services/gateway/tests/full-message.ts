import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";

const maxDepth = 4;

const wellKnown: Readonly<Record<string, JsonValue>> = {
  "google.protobuf.Timestamp": "2026-01-31T12:00:00Z",
  "google.protobuf.Duration": "1.5s",
  "google.protobuf.Struct": { any: [1, "thing", null] },
};

/** A message with something in every field; of a oneof in its first. What is recursive ends at a depth. */
export function fullMessage(desc: DescMessage, depth = 0): Message {
  if (hasCustomJsonRepresentation(desc)) {
    return fromJson(desc, wellKnown[desc.typeName] ?? null);
  }
  const message = reflect(desc, create(desc));
  for (const field of desc.fields) {
    const isChosen = field.oneof === undefined || field.oneof.fields[0] === field;
    if (isChosen && (depth < maxDepth || field.message === undefined)) {
      fill(message, field, depth);
    }
  }
  return message.message;
}

function fill(message: ReflectMessage, field: DescField, depth: number): void {
  const value = () => sampleOf(field, depth);
  switch (field.fieldKind) {
    case "list":
      message.get(field).add(value());
      break;
    case "map":
      message.get(field).set(field.mapKey === ScalarType.STRING ? "key" : 1, value());
      break;
    default:
      message.set(field, value());
  }
}

function sampleOf(field: DescField, depth: number) {
  if (field.message) {
    return reflect(field.message, fullMessage(field.message, depth + 1));
  }
  if (field.enum) {
    return field.enum.values.at(-1)?.number ?? 0;
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return "text";
    case ScalarType.BOOL:
      return true;
    case ScalarType.BYTES:
      return new Uint8Array([1, 2, 3]);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 9_007_199_254_740_993n;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 0.5;
    default:
      return 7;
  }
}
