import type { DescMessage, Message } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type FieldRules, FieldRulesSchema, type Rule } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { described, type JsonSchema } from "./json-schema.ts";

/*
 * protovalidate's rules of one value as keywords of JSON Schema. What has no keyword (byte lengths, times relative to now)
 * is left out: the document may allow more than the service does, never less. A CEL expression is a keyword only in the
 * form this.matches('…'); the message of any other is shown as a sentence.
 */

/** What reflection gives for the rules that are set, by name: bigints, numbers, strings, lists of them, messages. */
type SetRules = ReadonlyMap<string, unknown>;

/** Formats of JSON Schema for rules of the same meaning; some other rules have a pattern instead. */
const formats: Readonly<Record<string, string>> = {
  email: "email",
  hostname: "hostname",
  ipv4: "ipv4",
  ipv6: "ipv6",
  uri: "uri",
  uri_ref: "uri-reference",
  uuid: "uuid",
};

/** A schema held to rules. Give the rules of the value at hand: those of `items`, `keys` and `values` are apart. */
export function withRules(schema: JsonSchema, rules: FieldRules | undefined): JsonSchema {
  if (rules === undefined) {
    return schema;
  }
  const { type } = rules;
  const keywords = type.case === undefined ? {} : keywordsOf(type.case, setRules(type.value));
  const merged: JsonSchema = { ...schema, ...keywords, ...patternOfCel(rules.cel) };
  return described(merged, ...sentencesOf(rules.cel));
}

/** The values of an enum that its rules refuse, of all that it has. */
export function refusedNumbers(rules: FieldRules | undefined, all: readonly number[]): Set<number> {
  const value = rules?.type.case === "enum" ? setRules(rules.type.value) : new Map<string, unknown>();
  const only = value.has("const") ? [value.get("const")] : value.has("in") ? listOf(value.get("in")) : all;
  const not = listOf(value.get("not_in"));
  return new Set(all.filter((number) => !only.includes(number) || not.includes(number)));
}

/** The messages of CEL rules, as sentences. */
export function sentencesOf(rules: readonly Rule[]): string[] {
  return rules.filter(({ message }) => message !== "").map(({ message }) => asSentence(message));
}

/** Rules that a wrapped or repeated value has inside those of its field. */
export function innerRules(rules: FieldRules | undefined, of: "items" | "keys" | "values"): FieldRules | undefined {
  const value = rules?.type.value;
  const set = value && reflectOf(value);
  const field = set?.fields.find(({ name }) => name === of);
  const inner = set && field && set.isSet(field) ? set.get(field) : undefined;
  return isReflectMessage(inner, FieldRulesSchema) ? (inner.message as FieldRules) : undefined;
}

function keywordsOf(kind: string, rules: SetRules): JsonSchema {
  switch (kind) {
    case "string":
      return stringKeywords(rules);
    case "repeated":
      return withNumbers(rules, [
        ["min_items", "minItems"],
        ["max_items", "maxItems"],
        ["unique", "uniqueItems"],
      ]);
    case "map":
      return withNumbers(rules, [
        ["min_pairs", "minProperties"],
        ["max_pairs", "maxProperties"],
      ]);
    case "bool":
      return rules.has("const") ? { const: rules.get("const") === true } : {};
    case "bytes":
    case "duration":
    case "timestamp":
    case "any":
    case "fieldMask":
    case "enum":
      return {};
    default:
      return numberKeywords(rules);
  }
}

function stringKeywords(rules: SetRules): JsonSchema {
  const lengths = withNumbers(rules, [
    ["min_len", "minLength"],
    ["max_len", "maxLength"],
    ["len", "minLength"],
    ["len", "maxLength"],
  ]);
  const patterns = [
    rules.get("pattern"),
    rules.has("prefix") ? `^${escaped(rules.get("prefix"))}` : undefined,
    rules.has("suffix") ? `${escaped(rules.get("suffix"))}$` : undefined,
    rules.has("contains") ? escaped(rules.get("contains")) : undefined,
  ].filter((pattern) => typeof pattern === "string" && isPattern(pattern)) as string[];
  const [first, ...others] = patterns;
  const format = Object.keys(formats).find((name) => rules.get(name) === true);
  return {
    ...lengths,
    ...valueKeywords(rules),
    ...(first === undefined ? {} : { pattern: first }),
    ...(others.length === 0 ? {} : { allOf: others.map((pattern) => ({ pattern })) }),
    ...(format === undefined ? {} : { format: formats[format] ?? format }),
  };
}

/** Where the lower bound lies above the upper one, protovalidate means what lies outside of both. */
function numberKeywords(rules: SetRules): JsonSchema {
  const above = withNumbers(rules, [
    ["gt", "exclusiveMinimum"],
    ["gte", "minimum"],
  ]);
  const below = withNumbers(rules, [
    ["lt", "exclusiveMaximum"],
    ["lte", "maximum"],
  ]);
  const low = Object.values(above)[0];
  const high = Object.values(below)[0];
  const outside = typeof low === "number" && typeof high === "number" && low > high;
  return { ...(outside ? { anyOf: [above, below] } : { ...above, ...below }), ...valueKeywords(rules) };
}

function valueKeywords(rules: SetRules): JsonSchema {
  const values = (name: string) =>
    listOf(rules.get(name))
      .map(plain)
      .filter((value) => value !== undefined);
  const [only, others, refused, examples] = [
    rules.has("const") ? plain(rules.get("const")) : undefined,
    values("in"),
    values("not_in"),
    values("example"),
  ];
  return {
    ...(only === undefined ? {} : { const: only }),
    ...(others.length === 0 ? {} : { enum: others }),
    ...(refused.length === 0 ? {} : { not: { enum: refused } }),
    ...(examples.length === 0 ? {} : { examples }),
  };
}

function withNumbers(rules: SetRules, keywords: readonly (readonly [rule: string, keyword: string])[]): JsonSchema {
  return Object.fromEntries(
    keywords.flatMap(([rule, keyword]) => {
      const value = plain(rules.get(rule));
      return value === undefined || typeof value === "string" ? [] : [[keyword, value]];
    }),
  );
}

/** A value as JSON has it; undefined where JSON has no such number. */
function plain(value: unknown): string | number | boolean | undefined {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
    case "number":
      return Number.isFinite(value) ? value : undefined;
    case "string":
    case "boolean":
      return value;
    default:
      return undefined;
  }
}

function listOf(value: unknown): unknown[] {
  return typeof value === "object" && value !== null && Symbol.iterator in value
    ? [...(value as Iterable<unknown>)]
    : [];
}

function patternOfCel(rules: readonly Rule[]): JsonSchema {
  for (const { expression } of rules) {
    const [, quoted] = /^\s*this\.matches\(r?'((?:[^'\\]|\\.)*)'\)\s*$/.exec(expression) ?? [];
    if (quoted === undefined) {
      continue;
    }
    const pattern = /^\s*this\.matches\(r'/.test(expression) ? quoted : quoted.replaceAll(/\\(.)/g, "$1");
    if (isPattern(pattern)) {
      return { pattern };
    }
  }
  return {};
}

/** RE2's syntax is nearly that of ECMA-262; what differs (flags inside, \z) does not compile here, and is left out. */
function isPattern(text: string): boolean {
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}

function escaped(text: unknown): string {
  return String(text).replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function asSentence(text: string): string {
  const sentence = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

function setRules(rules: Message): SetRules {
  const set = reflectOf(rules);
  return new Map(
    (set?.fields ?? []).filter((field) => set?.isSet(field)).map((field) => [field.name, set?.get(field)]),
  );
}

const ruleSchemas: ReadonlyMap<string, DescMessage> = new Map(
  FieldRulesSchema.fields.flatMap(({ message }) =>
    message === undefined ? [] : [[message.typeName, message] as const],
  ),
);

function reflectOf(rules: Message): ReflectMessage | undefined {
  const schema = ruleSchemas.get(rules.$typeName);
  return schema && reflect(schema, rules);
}
