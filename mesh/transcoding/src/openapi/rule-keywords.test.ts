import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { FieldRulesSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, test } from "vitest";
import { innerRules, refusedNumbers, withRules } from "./rule-keywords.ts";

type Rules = MessageInitShape<typeof FieldRulesSchema>;

const rulesOf = (rules: Rules) => create(FieldRulesSchema, rules);

describe("withRules", () => {
  test.each<[string, Rules, JsonObject]>([
    ["lengths", { type: { case: "string", value: { minLen: 1n, maxLen: 9n } } }, { minLength: 1, maxLength: 9 }],
    ["one length", { type: { case: "string", value: { len: 3n } } }, { minLength: 3, maxLength: 3 }],
    ["a length of zero", { type: { case: "string", value: { maxLen: 0n } } }, { maxLength: 0 }],
    ["a pattern", { type: { case: "string", value: { pattern: "^a+$" } } }, { pattern: "^a+$" }],
    [
      "several patterns",
      { type: { case: "string", value: { prefix: "a.", suffix: "b" } } },
      { pattern: "^a\\.", allOf: [{ pattern: "b$" }] },
    ],
    ["values", { type: { case: "string", value: { in: ["a", "b"] } } }, { enum: ["a", "b"] }],
    ["values that are refused", { type: { case: "int32", value: { notIn: [0] } } }, { not: { enum: [0] } }],
    ["the one value", { type: { case: "bool", value: { const: false } } }, { const: false }],
    ["a format", { type: { case: "string", value: { wellKnown: { case: "uuid", value: true } } } }, { format: "uuid" }],
    ["a format that is off", { type: { case: "string", value: { wellKnown: { case: "uuid", value: false } } } }, {}],
    ["examples", { type: { case: "string", value: { example: ["ada"] } } }, { examples: ["ada"] }],
    [
      "a range",
      {
        type: {
          case: "double",
          value: { greaterThan: { case: "gt", value: 0 }, lessThan: { case: "lte", value: 1.5 } },
        },
      },
      { exclusiveMinimum: 0, maximum: 1.5 },
    ],
    [
      "a range of 64 bits",
      { type: { case: "int64", value: { greaterThan: { case: "gte", value: -5n } } } },
      { minimum: -5 },
    ],
    [
      "a bound that JSON cannot hold",
      { type: { case: "uint64", value: { lessThan: { case: "lt", value: 2n ** 63n } } } },
      {},
    ],
    [
      "what lies outside of a range",
      {
        type: { case: "int32", value: { greaterThan: { case: "gt", value: 10 }, lessThan: { case: "lt", value: 5 } } },
      },
      { anyOf: [{ exclusiveMinimum: 10 }, { exclusiveMaximum: 5 }] },
    ],
    [
      "the size of a list",
      { type: { case: "repeated", value: { minItems: 1n, maxItems: 4n, unique: true } } },
      { minItems: 1, maxItems: 4, uniqueItems: true },
    ],
    [
      "the size of a map",
      { type: { case: "map", value: { minPairs: 1n, maxPairs: 4n } } },
      { minProperties: 1, maxProperties: 4 },
    ],
    [
      "a pattern in CEL, with its message",
      { cel: [{ id: "x", message: "must be letters", expression: "this.matches('^[a-z\\\\d]+$')" }] },
      { pattern: "^[a-z\\d]+$", description: "Must be letters." },
    ],
    [
      "other CEL, as a sentence",
      { cel: [{ id: "x", message: "must be even", expression: "this % 2 == 0" }] },
      { description: "Must be even." },
    ],
    [
      "a pattern that only RE2 has, as a sentence",
      { cel: [{ id: "x", message: "must be yes", expression: "this.matches('^(?i)yes$')" }] },
      { description: "Must be yes." },
    ],
    ["lengths in bytes, not at all", { type: { case: "string", value: { maxBytes: 5n } } }, {}],
  ])("writes %s", (_, rules, expected) => {
    expect(withRules({}, rulesOf(rules))).toEqual(expected);
  });

  test("keeps the description of the schema below", () => {
    const rules = rulesOf({ cel: [{ id: "x", message: "must be even", expression: "this % 2 == 0" }] });
    expect(withRules({ type: "integer", description: "A number." }, rules).description).toBe(
      "Must be even.\n\nA number.",
    );
  });
});

test("innerRules are those of items, keys and values", () => {
  const letters = { type: { case: "string", value: { minLen: 1n } } } as const;
  const list = rulesOf({ type: { case: "repeated", value: { items: letters } } });
  const map = rulesOf({ type: { case: "map", value: { values: letters } } });
  expect(withRules({}, innerRules(list, "items"))).toEqual({ minLength: 1 });
  expect(withRules({}, innerRules(map, "values"))).toEqual({ minLength: 1 });
  expect([innerRules(map, "keys"), innerRules(undefined, "items")]).toEqual([undefined, undefined]);
});

test("refusedNumbers are the values of an enum that its rules leave out", () => {
  const refused = (rules: Rules | undefined) => [...refusedNumbers(rules && rulesOf(rules), [0, 1, 2])];
  expect(refused(undefined)).toEqual([]);
  expect(refused({ type: { case: "enum", value: { notIn: [0] } } })).toEqual([0]);
  expect(refused({ type: { case: "enum", value: { in: [1] } } })).toEqual([0, 2]);
  expect(refused({ type: { case: "enum", value: { const: 2 } } })).toEqual([0, 1]);
});
