import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";

/** The fields from a message down to one of its leaves, as `a.b.c` names them. Never empty. */
export type FieldPath = readonly [DescField, ...DescField[]];

/** As deep as JSON may nest; keeps a recursive message from being built by a long dotted name. */
const maxFieldDepth = 64;

const fieldsByMessage = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** A field by its proto name or its JSON name (both are valid in requests), or undefined. */
export function fieldByName(message: DescMessage, name: string): DescField | undefined {
  let fields = fieldsByMessage.get(message);
  if (!fields) {
    const byName = new Map<string, DescField>();
    for (const field of message.fields) {
      byName.set(field.jsonName, field);
    }
    // Proto names last: where one field's JSON name is another's proto name, the proto name decides.
    for (const field of message.fields) {
      byName.set(field.name, field);
    }
    fields = byName;
    fieldsByMessage.set(message, fields);
  }
  return fields.get(name);
}

/**
 * Resolves a dotted name such as `architecture.zone_name` or `architecture.zoneName` from a message. Every step but the
 * last must be a singular message that JSON writes as an object. Returns a string saying what is wrong where the name does not resolve.
 */
export function resolveFieldPath(message: DescMessage, dotted: string): FieldPath | string {
  const names = dotted.split(".");
  if (names.length > maxFieldDepth) {
    return `must not be nested deeper than ${maxFieldDepth} levels`;
  }
  const path: DescField[] = [];
  let parent: DescMessage | undefined = message;
  for (const name of names) {
    if (!parent) {
      return `"${path.at(-1)?.jsonName}" has no fields of its own that can be addressed`;
    }
    const field = fieldByName(parent, name);
    if (!field) {
      return "unknown field";
    }
    path.push(field);
    parent = field.fieldKind === "message" && !hasCustomJsonRepresentation(field.message) ? field.message : undefined;
  }
  const [first, ...rest] = path;
  return first ? [first, ...rest] : "unknown field";
}
