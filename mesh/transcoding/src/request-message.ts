import { create, type DescField, fromJson, type JsonValue, type Message, type Registry } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type FieldMask, FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { type FieldPath, resolveFieldPath } from "./field-path.ts";
import { canBeText, expectationOf, fieldValueFromText } from "./field-text.ts";
import { type InputViolation, invalidRequestError } from "./field-violations.ts";
import type { RestBinding } from "./http-rule.ts";
import { jsonFromBytes } from "./json-text.ts";
import { jsonViolations } from "./json-violations.ts";
import { queryParameters } from "./query-text.ts";
import { maskPathsOf } from "./update-mask.ts";

/*
 * From the three places where a REST request holds data to the one request message of the RPC: body first, then query,
 * then path, each overriding the one before, so that the path, which was routed and logged, is always what counts. A PATCH
 * whose body is one field gets its update mask from the fields of that body, unless the query gives one.
 *
 * Nothing is dropped silently: an unknown field or query parameter, a parameter that belongs in the body or the path, a
 * single value given twice, a body where none is taken are all refused, and all wrong query parameters are named at once.
 * Keys from outside are only ever looked up in maps of descriptors, never used as property names.
 */

/** The parts of a request. `query` is the text behind "?", with or without it; `body` is empty for no body. */
export type RestRequestParts = {
  readonly params: ReadonlyMap<string, string>;
  readonly query: string;
  readonly body: Uint8Array;
  /** For google.protobuf.Any in bodies. */
  readonly registry?: Registry | undefined;
};

/**
 * The request message of a binding's method. An empty body is an empty message.
 * Throws ConnectError InvalidArgument with field violations, and nothing else, for whatever a client may send.
 */
export function decodeRestRequest(binding: RestBinding, parts: RestRequestParts): Message {
  const body = parts.body.byteLength === 0 ? undefined : jsonFromBytes(parts.body);
  const message = messageFromBody(binding, body, parts.registry);
  const target = reflect(binding.method.input, message);
  const violations = [...setFromQuery(binding, target, parts.query), ...setFromPath(binding, target, parts.params)];
  if (violations.length > 0) {
    throw invalidRequestError(violations);
  }
  if (binding.updateMask && body !== undefined) {
    fillUpdateMask(binding, target, body);
  }
  return message;
}

function messageFromBody(binding: RestBinding, json: JsonValue | undefined, registry: Registry | undefined): Message {
  const { input } = binding.method;
  if (json === undefined) {
    return create(input);
  }
  if (binding.bodyField === "") {
    // Some clients cannot send a request without at least "{}".
    if (JSON.stringify(json) !== "{}") {
      throw invalidRequestError([{ path: [], description: `${routeOf(binding)} takes no request body` }]);
    }
    return create(input);
  }
  const whole: JsonValue = binding.body ? { [binding.body.name]: json } : json;
  try {
    return fromJson(input, whole, registry ? { registry } : {});
  } catch (cause) {
    throw invalidRequestError(jsonViolations(input, whole, registry), cause);
  }
}

function fillUpdateMask({ body, updateMask }: RestBinding, target: ReflectMessage, json: JsonValue): void {
  if (body?.message === undefined || updateMask?.fieldKind !== "message") {
    return;
  }
  const given = target.isSet(updateMask) ? (target.get(updateMask).message as FieldMask) : undefined;
  if (given === undefined || given.paths.length === 0) {
    const mask = create(FieldMaskSchema, { paths: maskPathsOf(body.message, json) });
    target.set(updateMask, reflect(updateMask.message, mask));
  }
}

function setFromQuery(binding: RestBinding, target: ReflectMessage, query: string): InputViolation[] {
  if (query === "" || query === "?") {
    return [];
  }
  const violations: InputViolation[] = [];
  const given: Given = { fields: new Set(), oneofs: new Map() };
  const { body, pathFields } = binding;
  for (const path of [...pathFields.values(), ...(body && target.isSet(body) ? [[body] as const] : [])]) {
    noteGiven(given, path);
  }
  for (const { name, value: text } of queryParameters(query)) {
    if (text === undefined) {
      violations.push({ path: stepsOf(name), description: "must be percent-encoded UTF-8" });
      continue;
    }
    const path = resolveFieldPath(target.desc, name);
    if (typeof path === "string") {
      const description = path === "unknown field" ? "unknown query parameter" : path;
      violations.push({ path: stepsOf(name), description });
      continue;
    }
    const leaf = leafOf(path);
    const refusal =
      elsewhere(binding, path) ??
      (canBeText(leaf) ? undefined : "cannot be given as a query parameter") ??
      noteGiven(given, path);
    const value = refusal === undefined ? fieldValueFromText(leaf, text) : undefined;
    if (value === undefined) {
      violations.push({ path: namesOf(path), description: refusal ?? expectationOf(leaf) });
    } else if (leaf.fieldKind === "list") {
      parentOf(target, path).get(leaf).add(value);
    } else {
      parentOf(target, path).set(leaf, value);
    }
  }
  return violations;
}

/** A name of the client's choice as a path to show; cut, as it may be of any length. */
function stepsOf(name: string): string[] {
  return name.split(".").slice(0, 8);
}

/** What the query has given so far: single fields by their path, and the member chosen of each oneof. */
type Given = { readonly fields: Set<string>; readonly oneofs: Map<string, DescField> };

/** Takes note of one more parameter; says why it contradicts an earlier one where it does. */
function noteGiven({ fields, oneofs }: Given, path: FieldPath): string | undefined {
  let prefix = "";
  for (const field of path) {
    if (field.oneof) {
      const group = `${prefix}${field.oneof.name}`;
      const other = oneofs.get(group) ?? field;
      if (other !== field) {
        return `cannot be given together with ${other.jsonName}`;
      }
      oneofs.set(group, field);
    }
    prefix += `${field.name}.`;
  }
  if (leafOf(path).fieldKind !== "list" && fields.has(prefix)) {
    return "must be given only once";
  }
  fields.add(prefix);
  return undefined;
}

/** Why a field that exists is not for the query; undefined where it is. */
function elsewhere(binding: RestBinding, path: FieldPath): string | undefined {
  for (const fields of binding.pathFields.values()) {
    if (fields.length === path.length && fields.every((field, i) => field === path[i])) {
      return "is given by the path";
    }
  }
  if (binding.bodyField === "*" || path[0] === binding.body) {
    return "belongs in the request body";
  }
  return undefined;
}

function setFromPath(
  binding: RestBinding,
  target: ReflectMessage,
  params: ReadonlyMap<string, string>,
): InputViolation[] {
  const violations: InputViolation[] = [];
  for (const [name, path] of binding.pathFields) {
    const leaf = leafOf(path);
    const value = fieldValueFromText(leaf, params.get(name) ?? "");
    if (value === undefined) {
      violations.push({ path: namesOf(path), description: expectationOf(leaf) });
    } else {
      parentOf(target, path).set(leaf, value);
    }
  }
  return violations;
}

/** The message that holds the last field of a path, created on the way down where it is not there yet. */
function parentOf(target: ReflectMessage, path: FieldPath): ReflectMessage {
  let message = target;
  for (const field of path.slice(0, -1)) {
    if (field.fieldKind !== "message") {
      throw new Error(`${field} is not a message`);
    }
    if (!message.isSet(field)) {
      message.set(field, reflect(field.message));
    }
    message = message.get(field);
  }
  return message;
}

function leafOf(path: FieldPath): DescField {
  return path.at(-1) ?? path[0];
}

function namesOf(path: FieldPath): string[] {
  return path.map((field) => field.name);
}

function routeOf(binding: RestBinding): string {
  return `${binding.verb} ${binding.template.text}`;
}
