import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";

/*
 * Values that a JSON Schema of our OpenAPI document takes, as a reader of the document would make them up: nothing but the
 * schema is looked at. Optional fields come and go; nested ones stop at a depth.
 */

type Schema = Readonly<JsonObject>;

const maxDepth = 3;

const samplesOfFormat: Readonly<Record<string, string>> = {
  email: "ada@example.com",
  uuid: "0f0e8d2c-9d4f-4c57-9b2e-6a1f5c3d7e90",
  "date-time": "2026-01-31T12:00:00Z",
  uri: "https://example.com/a",
};

/** Values that a schema takes. Throws for a keyword that it does not know how to satisfy. */
export function valuesOf(schema: Schema, document: Schema, depth = 0): fc.Arbitrary<JsonValue> {
  if (typeof schema.$ref === "string") {
    return valuesOf(resolved(schema.$ref, document), document, depth);
  }
  if (schema.const !== undefined) {
    return fc.constant(schema.const);
  }
  if (Array.isArray(schema.enum)) {
    return fc.constantFrom(...schema.enum);
  }
  if (Array.isArray(schema.anyOf)) {
    const { anyOf, description: _, ...rest } = schema;
    return fc.oneof(...anyOf.map((option) => valuesOf({ ...rest, ...(option as Schema) }, document, depth)));
  }
  const [type] = [schema.type ?? "any"].flat();
  switch (type) {
    case "string":
      return stringsOf(schema);
    case "integer":
    case "number":
      return numbersOf(schema, type === "integer");
    case "boolean":
      return fc.boolean();
    case "array": {
      const least = numberOf(schema.minItems, 0);
      const size = { minLength: least, maxLength: Math.min(numberOf(schema.maxItems, 9), least + 1) };
      const items = valuesOf(schema.items as Schema, document, depth + 1);
      return schema.uniqueItems === true ? fc.uniqueArray(items, size) : fc.array(items, size);
    }
    case "object":
      return objectsOf(schema, document, depth);
    default:
      return fc.constant("anything");
  }
}

const oddStrings = ["", " ", "x", "A-B", "ä", "x".repeat(70), "1.5", "2026-01-31T12:00:00Z"] as const;
const oddNumbers = [0, -1, 1, 0.5, 3, 1e9, -1e9] as const;

/** A value with one of its strings or numbers replaced by another, which its schema may or may not take. */
export function nearMissesOf(value: JsonValue): fc.Arbitrary<JsonValue> {
  const leaves = leavesOf(value);
  if (leaves.length === 0) {
    return fc.constant(value);
  }
  return fc.constantFrom(...leaves).chain((path) => {
    const pool = typeof at(value, path) === "string" ? oddStrings : oddNumbers;
    return fc.constantFrom<JsonValue>(...pool).map((odd) => replaced(value, path, odd));
  });
}

function leavesOf(value: JsonValue, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, [...path, name]));
  }
  return typeof value === "string" || typeof value === "number" ? [path] : [];
}

function at(value: JsonValue, path: readonly string[]): JsonValue {
  return path.reduce((node, name) => (node as JsonObject)[name] ?? null, value);
}

function replaced(value: JsonValue, [name, ...rest]: readonly string[], by: JsonValue): JsonValue {
  if (name === undefined) {
    return by;
  }
  if (Array.isArray(value)) {
    return value.map((item, i) => (i === Number(name) ? replaced(item, rest, by) : item));
  }
  const object = value as JsonObject;
  return { ...object, [name]: replaced(object[name] ?? null, rest, by) };
}

function stringsOf(schema: Schema): fc.Arbitrary<string> {
  const minLength = numberOf(schema.minLength, 0);
  const maxLength = Math.min(numberOf(schema.maxLength, 40), minLength + 12);
  if (typeof schema.pattern === "string") {
    return fc
      .stringMatching(new RegExp(schema.pattern, "u"))
      .filter((text) => text.length <= numberOf(schema.maxLength, 1e9));
  }
  if (schema.contentEncoding === "base64") {
    return fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString("base64"));
  }
  const sample = samplesOfFormat[String(schema.format)];
  const letters = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789");
  return sample === undefined ? fc.string({ unit: letters, minLength, maxLength }) : fc.constant(sample);
}

function numbersOf(schema: Schema, whole: boolean): fc.Arbitrary<number> {
  const step = whole ? 1 : 1e-3;
  const least = numberOf(schema.minimum, numberOf(schema.exclusiveMinimum, -1000) + step);
  const most = numberOf(schema.maximum, numberOf(schema.exclusiveMaximum, Math.max(1000, least)) - step);
  return whole
    ? fc.integer({ min: Math.ceil(least), max: Math.floor(most) })
    : fc.double({ min: least, max: most, noNaN: true });
}

function objectsOf(schema: Schema, document: Schema, depth: number): fc.Arbitrary<JsonValue> {
  const properties = Object.entries((schema.properties ?? {}) as JsonObject);
  if (properties.length === 0 && typeof schema.additionalProperties === "object") {
    const values = valuesOf(schema.additionalProperties as Schema, document, depth + 1);
    const keys = valuesOf({ type: "string", minLength: 1, ...(schema.propertyNames as Schema | undefined) }, document);
    return fc.dictionary(keys as fc.Arbitrary<string>, values, {
      minKeys: numberOf(schema.minProperties, 0),
      maxKeys: Math.min(numberOf(schema.maxProperties, 2), 2),
    });
  }
  const groups = groupsOf(schema);
  const required = listOf(schema.required);
  const choices = fc.tuple(
    ...groups.map(({ names, none }) =>
      // Below the depth nothing optional is filled in, so that recursive messages end.
      none && depth >= maxDepth ? fc.constant(undefined) : fc.constantFrom(...names, ...(none ? [undefined] : [])),
    ),
  );
  return choices.chain((chosen) => {
    const grouped = new Set(groups.flatMap(({ names }) => names));
    const wanted = properties.filter(
      ([name]) => required.includes(name) || chosen.includes(name) || (!grouped.has(name) && depth < maxDepth),
    );
    const model = Object.fromEntries(
      wanted.map(([name, property]) => [name, valuesOf(property as Schema, document, depth + 1)]),
    );
    const requiredKeys = wanted
      .map(([name]) => name)
      .filter((name) => required.includes(name) || chosen.includes(name));
    return fc.record(model, { requiredKeys }) as fc.Arbitrary<JsonValue>;
  });
}

/** Oneofs, which stand as a choice of required names. */
function groupsOf(schema: Schema): { readonly names: readonly string[]; readonly none: boolean }[] {
  const rules = (schema.allOf ?? []) as unknown as readonly { readonly oneOf: readonly Schema[] }[];
  return rules.map(({ oneOf }) => ({
    names: oneOf.flatMap((option) => listOf(option.required)),
    none: oneOf.some((option) => option.not !== undefined),
  }));
}

function resolved(reference: string, document: Schema): Schema {
  const [, ...names] = reference.split("/");
  return names.reduce((node, name) => node[name] as Schema, document);
}

function listOf(value: JsonValue | undefined): string[] {
  return (value ?? []) as string[];
}

function numberOf(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}
