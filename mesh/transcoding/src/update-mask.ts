import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { fieldByName } from "./field-path.ts";

/*
 * Which fields a PATCH is about, read from its body (grpc-gateway's "patch feature", 2018): the fields that the client
 * wrote down, each by its full path, so that `{"address": {"city": "Rome"}}` changes the city and leaves the street alone.
 *
 * Lists, maps and messages with a JSON form of their own are changed as a whole. So is a message given as null or {}: the
 * client named it and nothing in it, which clears it.
 */

/** The paths of a FieldMask, by proto names, for a value that `fromJson` has accepted as this message. */
export function maskPathsOf(message: DescMessage, json: JsonValue): string[] {
  const paths: string[] = [];
  collect(message, json, "", paths);
  return paths;
}

function collect(message: DescMessage, json: JsonValue, prefix: string, paths: string[]): void {
  for (const [key, value] of Object.entries(json ?? {})) {
    const field = fieldByName(message, key);
    if (field === undefined) {
      // An extension: a mask has no way to name it.
      continue;
    }
    const path = `${prefix}${field.name}`;
    const opens = field.fieldKind === "message" && !hasCustomJsonRepresentation(field.message);
    if (opens && value !== null && Object.keys(value).length > 0) {
      collect(field.message, value, `${path}.`, paths);
    } else {
      paths.push(path);
    }
  }
}
