import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { type FieldLimits, limitsOf } from "./field-rules.ts";
import { hostileTexts } from "./hostile-texts.ts";
import type { Random } from "./random.ts";

/*
 * Requests that are nearly right: a message in its JSON form with one field changed, chosen from all that its descriptor
 * has, at any depth. Where the change can only be refused (another type, beyond a limit, a field that there is not), the
 * field that the refusal has to name is said along.
 */

export interface Mutated {
  readonly message: JsonObject;
  /** The field that a refusal must name, as clients write it; absent when the change may be fine. */
  readonly fault?: string;
  readonly what: string;
}

type Step = string | number;

/** A place in a message: a field, or one item of it. */
interface Place {
  readonly field: DescField;
  readonly path: readonly Step[];
  readonly item: boolean;
}

type Change = { readonly value: JsonValue; readonly isFault: boolean; readonly what: string };

const maxDepth = 5;

export function mutateMessage(desc: DescMessage, message: JsonObject, random: Random): Mutated {
  const places = placesOf(desc, message, []);
  const roll = random.next();
  if (places.length === 0 || roll < 0.08) {
    const name = random.pick(["noSuchField", "admin", "$where", "constructor", "toString", "0"]);
    return { message: { ...message, [name]: true }, fault: name, what: `the unknown field ${name}` };
  }
  const place = random.pick(places);
  const at = textOf(place.path);
  if (roll < 0.16) {
    return { message: without(message, place.path), what: `without ${at}` };
  }
  if (roll < 0.22) {
    return { message: replaced(message, place.path, null), what: `null as ${at}` };
  }
  const { value, isFault, what } = changeOf(place, random);
  const mutated = { message: replaced(message, place.path, value), what: `${at}: ${what}` };
  return isFault ? { ...mutated, fault: at } : mutated;
}

/** A message with something in some of its fields, as far as types go. */
export function sampleMessage(desc: DescMessage, random: Random, depth = 0): JsonObject {
  const message: JsonObject = {};
  const taken = new Set<unknown>();
  for (const field of shuffled(desc.fields, random)) {
    if (taken.has(field.oneof) && field.oneof !== undefined) {
      continue;
    }
    if ((field.message === undefined || depth < maxDepth) && random.chance(depth === 0 ? 0.6 : 0.4)) {
      message[field.jsonName] = sampleField(field, random, depth);
      taken.add(field.oneof);
    }
  }
  return message;
}

function sampleField(field: DescField, random: Random, depth: number): JsonValue {
  switch (field.fieldKind) {
    case "list":
      return Array.from({ length: random.below(3) }, () => sampleValue(field, random, depth));
    case "map":
      return Object.fromEntries(
        Array.from({ length: random.below(3) }, () => [
          field.mapKey === ScalarType.STRING ? random.pick(["api", "users", "__proto__", "constructor", ""]) : "1",
          sampleValue(field, random, depth),
        ]),
      );
    default:
      return sampleValue(field, random, depth);
  }
}

function sampleValue(field: DescField, random: Random, depth: number): JsonValue {
  if (field.message !== undefined) {
    return wellKnownSamples[field.message.typeName] ?? sampleMessage(field.message, random, depth + 1);
  }
  if (field.enum !== undefined) {
    return random.pick(field.enum.values).name;
  }
  return goodChange(field.scalar as ScalarType, limitsOf(field), random);
}

const wellKnownSamples: Readonly<Record<string, JsonValue>> = {
  "google.protobuf.Timestamp": "2026-01-31T12:00:00Z",
  "google.protobuf.Duration": "1.5s",
  "google.protobuf.Struct": { version: 1, name: "a", faults: [{ __proto__x: null, at: 1e308 }] },
};

function goodChange(scalar: ScalarType, limits: FieldLimits, random: Random): JsonValue {
  switch (scalar) {
    case ScalarType.STRING:
      return random.chance(0.5)
        ? random.pick(["api", "users", "service", "WEFT", "p99<200ms"])
        : random.pick(hostileTexts);
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.BYTES:
      return random.bytes(random.below(20)).toString("base64");
    default:
      return random.pick([0, 1, 2, 10, limits.least ?? 0, limits.most ?? 100]);
  }
}

function changeOf({ field, item }: Place, random: Random): Change {
  const limits = item ? (limitsOf(field).items ?? {}) : limitsOf(field);
  const wrong = (...values: JsonValue[]): Change => ({
    value: random.pick(values),
    isFault: true,
    what: "a value of another type",
  });
  if (!item && field.fieldKind === "list") {
    const one: JsonValue = field.message === undefined ? "text" : {};
    const many = (count: number) => Array.from({ length: count }, () => one);
    return limits.maxItems !== undefined && random.chance(0.5)
      ? { value: many(limits.maxItems + 1), isFault: field.message === undefined, what: "more items than allowed" }
      : wrong(7, "text", { a: 1 }, true);
  }
  if (!item && field.fieldKind === "map") {
    return random.chance(0.5)
      ? { value: { constructor: {}, toString: 1, "": null }, isFault: false, what: "odd keys" }
      : wrong(7, "text", [1], true);
  }
  if (field.message !== undefined) {
    return random.chance(0.3) || field.message.typeName === "google.protobuf.Value"
      ? { value: sampleMessage(field.message, random, 1), isFault: false, what: "another message" }
      : wrong(7, "text", [1], true);
  }
  if (field.enum !== undefined) {
    return random.chance(0.6) ? wrong("NO_SUCH_VALUE", 1.5, {}, true) : { value: 999, isFault: false, what: "999" };
  }
  return scalarChange(field.scalar as ScalarType, limits, random);
}

function scalarChange(scalar: ScalarType, limits: FieldLimits, random: Random): Change {
  const odd = (...values: JsonValue[]): Change => ({
    value: random.pick(values),
    isFault: false,
    what: "an odd value",
  });
  const wrong = (...values: JsonValue[]): Change => ({
    value: random.pick(values),
    isFault: true,
    what: "a value of another type",
  });
  const beyond: JsonValue[] = [
    ...(limits.maxLength === undefined ? [] : ["x".repeat(limits.maxLength + 1), "ä".repeat(limits.maxLength + 1)]),
    ...(limits.most === undefined ? [] : [limits.most + 1]),
    ...(limits.least === undefined ? [] : [limits.least - 1]),
  ];
  if (beyond.length > 0 && random.chance(0.35)) {
    return { value: random.pick(beyond), isFault: true, what: "just beyond a limit" };
  }
  if (scalar === ScalarType.STRING) {
    return random.chance(0.25)
      ? wrong(7, true, { $gt: "" }, ["a"])
      : odd(...hostileTexts, ...(limits.maxLength === undefined ? [] : ["x".repeat(limits.maxLength)]));
  }
  if (scalar === ScalarType.BOOL) {
    return wrong("yes", 1, {}, []);
  }
  if (scalar === ScalarType.BYTES) {
    return wrong(7, true, {}, []);
  }
  const isFloat = scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT;
  if (random.chance(0.4)) {
    return isFloat ? wrong("many", true, {}, [1]) : wrong("many", true, {}, [1], 1.5, 2 ** 70, "1e99");
  }
  return odd(
    ...(isFloat ? [1e308, -1e308, 5e-324, "Infinity", "-Infinity", "NaN", -0.0, 1e21] : [2 ** 31 - 1, -(2 ** 31), -1]),
    limits.least ?? 0,
    limits.most ?? 1,
  );
}

function placesOf(desc: DescMessage, message: JsonObject, path: readonly Step[]): Place[] {
  if (desc.typeName.startsWith("google.protobuf.") || path.length > 2 * maxDepth) {
    return [];
  }
  return desc.fields.flatMap((field) => {
    const here = [...path, field.jsonName];
    const value = message[field.jsonName];
    const places: Place[] = [{ field, path: here, item: false }];
    const inside = (inner: JsonValue, at: readonly Step[]): Place[] =>
      field.message !== undefined && isObject(inner) ? placesOf(field.message, inner, at) : [];
    if (field.fieldKind === "list" && Array.isArray(value)) {
      value.forEach((inner, index) => {
        places.push({ field, path: [...here, index], item: true }, ...inside(inner, [...here, index]));
      });
    } else if (field.fieldKind === "message" && value !== undefined) {
      places.push(...inside(value, here));
    }
    return places;
  });
}

function textOf(path: readonly Step[]): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${step}`))
    .join("");
}

function replaced(value: JsonObject, path: readonly Step[], by: JsonValue): JsonObject {
  const copy = structuredClone(value);
  const [parent, last] = parentOf(copy, path);
  (parent as Record<Step, JsonValue>)[last] = by;
  return copy;
}

function without(value: JsonObject, path: readonly Step[]): JsonObject {
  const copy = structuredClone(value);
  const [parent, last] = parentOf(copy, path);
  if (Array.isArray(parent)) {
    parent.splice(Number(last), 1);
  } else {
    delete (parent as JsonObject)[last];
  }
  return copy;
}

function parentOf(value: JsonObject, path: readonly Step[]): [JsonValue, Step] {
  const parent = path
    .slice(0, -1)
    .reduce<JsonValue>((node, step) => (node as Record<Step, JsonValue>)[step] ?? {}, value);
  return [parent, path.at(-1) as Step];
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map((item) => [random.next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
