import { type JsonValue, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import type { RestBinding } from "./http-rule.ts";
import { jsonWriterFor } from "./json-writer.ts";

/**
 * The body of a successful answer, or one message of a stream: protobuf JSON of the response, or of the field its binding
 * names. Zero values and empty lists are present, so that clients need not know the defaults; a message field that is not
 * set is absent, and `null` when it is the whole body. The registry serves google.protobuf.Any: throws for one whose type
 * it lacks.
 */
export function responseJson(binding: RestBinding, message: Message, registry?: Registry): JsonValue {
  const options = registry ? { alwaysEmitImplicit: true, registry } : { alwaysEmitImplicit: true };
  const json: JsonValue = toJson(binding.method.output, message, options);
  return binding.responseBody ? memberOf(json, binding.responseBody.jsonName) : json;
}

/** The same as UTF-8, written without the value in between where that can be done. */
export function responseBytes(binding: RestBinding, message: Message, registry?: Registry): Uint8Array {
  return registry === undefined && binding.responseBody === undefined
    ? Buffer.from(jsonWriterFor(binding.method.output)(message))
    : encodeJson(responseJson(binding, message, registry));
}

/** A JSON value as UTF-8, with text around it. */
export function encodeJson(json: JsonValue, before = "", after = ""): Uint8Array {
  return Buffer.from(before + JSON.stringify(json) + after);
}

function memberOf(json: JsonValue, name: string): JsonValue {
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  return isObject && Object.hasOwn(json, name) ? (json[name] ?? null) : null;
}
