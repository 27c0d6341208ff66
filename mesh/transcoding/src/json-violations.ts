import { type DescField, type DescMessage, fromJson, type JsonValue, type Registry } from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { fieldByName } from "./field-path.ts";
import { expectationOf } from "./field-text.ts";
import { type FieldStep, type InputViolation, maxViolations } from "./field-violations.ts";

/*
 * Why a JSON value is not a message: every field that does not fit, with its path.
 *
 * `fromJson` stops at the first problem and says neither where it is nor, in words for a client, what it is. It stays the
 * judge of what is valid; only after it has refused a value does this file take the value apart, field by field, and ask
 * about each alone. Nothing here runs for a good request. What the client sent is never repeated in a description: it may
 * be a password.
 */

type Context = { readonly registry: Registry | undefined; readonly violations: InputViolation[] };

/** The violations of a value that `fromJson` has refused, at most `maxViolations`, at least one. */
export function jsonViolations(
  message: DescMessage,
  json: JsonValue,
  registry: Registry | undefined,
  at: readonly FieldStep[] = [],
): InputViolation[] {
  const context: Context = { registry, violations: [] };
  visitMessage(context, message, json, at);
  if (context.violations.length === 0) {
    context.violations.push({ path: at, description: `is not a valid ${message.typeName}` });
  }
  return context.violations;
}

function visitMessage(context: Context, message: DescMessage, json: JsonValue, at: readonly FieldStep[]): void {
  if (hasCustomJsonRepresentation(message)) {
    report(context, at, `is not a valid ${message.typeName}`, () => fromJson(message, json, registryOf(context)));
    return;
  }
  if (!isObject(json)) {
    add(context, at, "must be an object");
    return;
  }
  const seen = new Set<DescField>();
  const chosen = new Map<object, DescField>();
  for (const key of Object.keys(json)) {
    if (context.violations.length >= maxViolations) {
      return;
    }
    const field = fieldByName(message, key);
    const value = json[key] ?? null;
    if (!field) {
      // What the registry knows as an extension is fine; fromJson decides.
      report(context, [...at, key], "unknown field", () => fromJson(message, { [key]: value }, registryOf(context)));
      continue;
    }
    const path = [...at, field.name];
    if (seen.has(field)) {
      add(context, path, "must be given only once");
    }
    seen.add(field);
    if (field.oneof && value !== null) {
      const other = chosen.get(field.oneof);
      if (other && other !== field) {
        add(context, path, `cannot be given together with ${other.jsonName}`);
      }
      chosen.set(field.oneof, field);
    }
    visitField(context, field, value, path);
  }
}

function visitField(context: Context, field: DescField, json: JsonValue, at: readonly FieldStep[]): void {
  if (json === null) {
    return;
  }
  if (field.fieldKind === "list") {
    if (!Array.isArray(json)) {
      add(context, at, "must be a list");
      return;
    }
    for (const [i, item] of json.entries()) {
      visitValue(context, field, item, [...at, i], [item]);
    }
  } else if (field.fieldKind === "map") {
    if (!isObject(json)) {
      add(context, at, "must be an object");
      return;
    }
    for (const key of Object.keys(json)) {
      const value = json[key] ?? null;
      visitValue(context, field, value, [...at, { key }], Object.fromEntries([[key, value]]));
    }
  } else {
    visitValue(context, field, json, at, json);
  }
}

/** `alone` is the value of the whole field with only this item or entry in it. */
function visitValue(
  context: Context,
  field: DescField,
  json: JsonValue,
  at: readonly FieldStep[],
  alone: JsonValue,
): void {
  if (context.violations.length >= maxViolations) {
    return;
  }
  if (field.message && json !== null && !hasCustomJsonRepresentation(field.message)) {
    const before = context.violations.length;
    visitMessage(context, field.message, json, at);
    if (context.violations.length > before || field.fieldKind !== "map") {
      return;
    }
  }
  const description =
    field.fieldKind === "map" ? "is not a valid entry" : json === null ? "must not be null" : expectationOf(field);
  report(context, at, description, () => fromJson(field.parent, { [field.name]: alone }, registryOf(context)));
}

function report(context: Context, at: readonly FieldStep[], description: string, decode: () => unknown): void {
  try {
    decode();
  } catch {
    add(context, at, description);
  }
}

function add(context: Context, path: readonly FieldStep[], description: string): void {
  context.violations.push({ path, description });
}

function registryOf({ registry }: Context): { registry?: Registry } {
  return registry ? { registry } : {};
}

function isObject(json: JsonValue): json is { [key: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
