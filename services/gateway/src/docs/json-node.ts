import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** An object of a JSON document. */
export type Node = Readonly<JsonObject>;

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function nodeOf(value: JsonValue | undefined): Node {
  return isObject(value) ? value : {};
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

export function stringOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
