import { create, type DescMessage, type Message, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import { FieldOptionsSchema, MessageOptionsSchema, OneofOptionsSchema } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import {
  FieldRulesSchema,
  field as fieldExtension,
  Ignore,
  MessageRulesSchema,
  message as messageExtension,
  OneofRulesSchema,
  oneof as oneofExtension,
  type StringRules,
  StringRulesSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { SignupRequestSchema, UpdateProfileRequestSchema } from "@weft/proto/weft/auth/v1/account_pb.ts";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import {
  CheckPermissionRequestSchema,
  ListGrantsRequestSchema,
  ValidateTokenRequestSchema,
} from "@weft/proto/weft/auth/v1/auth_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { AddMemberRequestSchema, CreateProjectRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { CreateUserRequestSchema, UpdateUserRequestSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { assertStorableText } from "../storable-text.ts";
import { createQuickCheck } from "./quick-check.ts";
import { randomMessages } from "./testing/random-messages.ts";
import { fieldType, mapEntry, type Rules, type ScriptedField, scriptedMessage } from "./testing/scripted-rules.ts";
import { hasChecks } from "./what-to-check.ts";

const validator = createValidator();

function isAccepted(desc: DescMessage, message: Message): boolean {
  try {
    assertStorableText(desc, message);
  } catch {
    return false;
  }
  return validator.validate(desc, message).kind === "valid";
}

/** Never sure of what is refused; how many of the accepted it was sure of. */
function compare(desc: DescMessage, numRuns = 40): { accepted: number; sure: number; refused: number } {
  const check = createQuickCheck(desc);
  const counts = { accepted: 0, sure: 0, refused: 0 };
  fc.assert(
    fc.property(randomMessages(desc), (message) => {
      const accepted = isAccepted(desc, message);
      const sure = check?.(message) ?? false;
      counts[accepted ? "accepted" : "refused"] += 1;
      counts.sure += sure ? 1 : 0;
      expect(sure && !accepted).toBe(false);
    }),
    { numRuns },
  );
  return counts;
}

const inputs = [AuthService, AccountService, UserService, ProjectService, SimulationService]
  .flatMap((service) => service.methods)
  .map(({ input }) => input);

describe("createQuickCheck for the requests of our services", () => {
  /** Emails with a long domain are left to protovalidate. */
  const withEmail: readonly DescMessage[] = [
    ...[SignupRequestSchema, UpdateProfileRequestSchema, CreateUserRequestSchema, UpdateUserRequestSchema],
  ];
  const wholeMessage: readonly DescMessage[] = [ListGrantsRequestSchema, AddMemberRequestSchema];

  it.each(inputs.map((desc) => [desc.name, desc] as const))(
    "is sure of a %s when protovalidate accepts it, and only then",
    (_, desc) => {
      const { accepted, sure } = compare(desc);
      if (wholeMessage.includes(desc)) {
        expect(sure).toBe(0);
      } else if (withEmail.includes(desc)) {
        expect(sure).toBeLessThanOrEqual(accepted);
      } else {
        expect(sure).toBe(accepted);
      }
    },
  );

  it("is sure of every ordinary request", () => {
    const component = { id: "api", kind: "service", instances: 3, serviceTime: { kind: "constant", meanMs: 5 } };
    const architecture = { components: [component], links: [{ from: "api", to: "db", retries: 2 }] };
    const signup = { username: "ada", email: "ada@example.org", password: "12345678", firstName: "Ada", lastName: "L" };
    const userId = "0198c5a0-1c2d-7e3f-8a9b-0c1d2e3f4a5b";
    const requests: [DescMessage, Record<string, unknown>][] = [
      [ValidateTokenRequestSchema, { token: `eyJ${"a".repeat(180)}` }],
      [CheckPermissionRequestSchema, { userId: "u1", permission: "project.read", resource: "project:1" }],
      [SignupRequestSchema, signup],
      [CreateUserRequestSchema, { ...signup, userId }],
      [UpdateUserRequestSchema, { userId, email: "ada@example.org" }],
      [UpdateProfileRequestSchema, { username: "ada" }],
      [CreateProjectRequestSchema, { name: "Shop \u{1F600}", description: "größer", architecture }],
    ];
    for (const [desc, init] of requests) {
      const message = create(desc, init);
      expect([desc.name, createQuickCheck(desc)?.(message), isAccepted(desc, message)]).toEqual([
        desc.name,
        true,
        true,
      ]);
    }
  });

  it.each([
    ["letters", "a".repeat(8192), true],
    ["one letter too many", "a".repeat(8193), false],
    ["characters of two units", "\u{1F600}".repeat(8192), true],
    ["one such character too many", "\u{1F600}".repeat(8193), false],
  ])("counts %s", (_, token, isSure) => {
    const message = create(ValidateTokenRequestSchema, { token });
    expect(createQuickCheck(ValidateTokenRequestSchema)?.(message)).toBe(isSure);
    expect(isAccepted(ValidateTokenRequestSchema, message)).toBe(isSure);
  });
});

type StandardRules = NonNullable<Rules["type"]>;
const { STRING, BYTES, BOOL, ENUM, MESSAGE, DOUBLE, FLOAT, INT32, UINT32, SINT32, INT64, UINT64, FIXED64, SFIXED32 } =
  fieldType;
const level = { typeName: ".test.Level" };
const items = (type: StandardRules): StandardRules => ({ case: "repeated", value: { items: { type } } });
const text = (value: Extract<StandardRules, { case: "string" }>["value"]): StandardRules => ({ case: "string", value });
const double = (value: Extract<StandardRules, { case: "double" }>["value"]): StandardRules => ({
  case: "double",
  value,
});
const scalar = (type: ScriptedField["type"], rules: StandardRules, rest: Partial<ScriptedField> & Rules = {}) => {
  const { shape, typeName, ...others } = rest as ScriptedField & Rules;
  return { type, ...(shape && { shape }), ...(typeName && { typeName }), rules: { ...others, type: rules } as Rules };
};

/** Rules that are known: whatever protovalidate accepts is sure. */
const known: Record<string, ScriptedField> = {
  "string.const": scalar(STRING, text({ const: "a\u2028'\"\\" })),
  "string.const, unstorable": scalar(STRING, text({ const: "a\0" })),
  "string.len": scalar(STRING, text({ len: 3n })),
  "string.min_len": scalar(STRING, text({ minLen: 3n })),
  "string.max_len": scalar(STRING, text({ maxLen: 4n })),
  "string.max_len, huge": scalar(STRING, text({ minLen: 1n, maxLen: 2n ** 63n })),
  "string.len_bytes": scalar(STRING, text({ lenBytes: 6n })),
  "string.min_bytes": scalar(STRING, text({ minBytes: 4n })),
  "string.max_bytes": scalar(STRING, text({ maxBytes: 7n })),
  "string.prefix": scalar(STRING, text({ prefix: 'a"', suffix: "é", contains: "\u{1F600}" })),
  "string.not_contains": scalar(STRING, text({ notContains: "b" })),
  "string.in": scalar(STRING, text({ in: ["", "a", "\ud800", "b`$"] })),
  "string.in, many": scalar(STRING, text({ in: [..."abcdefghijkl"] })),
  "string.not_in": scalar(STRING, text({ notIn: ["a", ""] })),
  "string.uuid": scalar(STRING, text({ wellKnown: { case: "uuid", value: true } })),
  "string.tuuid": scalar(STRING, text({ wellKnown: { case: "tuuid", value: true } })),
  "string.ulid": scalar(STRING, text({ wellKnown: { case: "ulid", value: true } })),
  "string.uuid = false": scalar(STRING, text({ wellKnown: { case: "uuid", value: false } })),
  "string.example": scalar(STRING, text({ minLen: 1n, example: ["x"] })),
  "optional string": scalar(STRING, text({ minLen: 2n }), { shape: "optional" }),
  "required optional string": scalar(STRING, text({ maxLen: 5n }), { shape: "optional", required: true }),
  "required string": scalar(STRING, text({ maxLen: 5n }), { required: true }),
  "required string without rules": { type: STRING, rules: { required: true } },
  "string.in, ignored if empty": scalar(STRING, text({ in: ["a"] }), { ignore: Ignore.IF_ZERO_VALUE }),
  "double, ignored if zero": scalar(DOUBLE, double({ lessThan: { case: "lt", value: -1 } }), {
    ignore: Ignore.IF_ZERO_VALUE,
  }),
  "int64, ignored if zero": scalar(INT64, { case: "int64", value: { const: 5n } }, { ignore: Ignore.IF_ZERO_VALUE }),
  "double.gt and lt": scalar(
    DOUBLE,
    double({ greaterThan: { case: "gt", value: 1 }, lessThan: { case: "lt", value: 3 } }),
  ),
  "double.gte and lte": scalar(
    DOUBLE,
    double({ greaterThan: { case: "gte", value: -1 }, lessThan: { case: "lte", value: 3 } }),
  ),
  "double outside": scalar(
    DOUBLE,
    double({ greaterThan: { case: "gt", value: 5 }, lessThan: { case: "lte", value: -2 } }),
  ),
  "double.gt": scalar(DOUBLE, double({ greaterThan: { case: "gt", value: Number.NEGATIVE_INFINITY } })),
  "double.finite": scalar(DOUBLE, double({ finite: true })),
  "double.finite = false": scalar(DOUBLE, double({ finite: false })),
  "double.const": scalar(DOUBLE, double({ const: -0 })),
  "double.in": scalar(DOUBLE, double({ in: [0.5, Number.NaN] })),
  "double.not_in": scalar(DOUBLE, double({ notIn: [0.5, Number.NaN] })),
  "required double": scalar(DOUBLE, double({ notIn: [1] }), { required: true }),
  "float.lte": scalar(FLOAT, { case: "float", value: { lessThan: { case: "lte", value: 0.5 } } }),
  "int32.in": scalar(INT32, { case: "int32", value: { in: [-1, 0, 5] } }),
  "int32.not_in, many": scalar(INT32, { case: "int32", value: { notIn: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } }),
  "required int32": scalar(INT32, { case: "int32", value: {} }, { required: true }),
  "uint32.lt": scalar(UINT32, { case: "uint32", value: { lessThan: { case: "lt", value: 4 } } }),
  "sint32.gte": scalar(SINT32, { case: "sint32", value: { greaterThan: { case: "gte", value: -4 } } }),
  "sfixed32.const": scalar(SFIXED32, { case: "sfixed32", value: { const: -4 } }),
  "int64.gte": scalar(INT64, { case: "int64", value: { greaterThan: { case: "gte", value: -4n } } }),
  "uint64.in": scalar(UINT64, { case: "uint64", value: { in: [4n, 5n] } }),
  "fixed64.not_in": scalar(FIXED64, { case: "fixed64", value: { notIn: [1n] } }),
  "bool.const": scalar(BOOL, { case: "bool", value: { const: true } }),
  "bool.const = false": scalar(BOOL, { case: "bool", value: { const: false } }),
  "required bool": { type: BOOL, rules: { required: true } },
  "bytes.len": scalar(BYTES, { case: "bytes", value: { len: 3n } }),
  "bytes.min_len": scalar(BYTES, { case: "bytes", value: { minLen: 1n, maxLen: 4n } }),
  "required bytes": { type: BYTES, rules: { required: true } },
  "enum.defined_only": scalar(ENUM, { case: "enum", value: { definedOnly: true } }, level),
  "enum.in": scalar(ENUM, { case: "enum", value: { in: [1, 3], notIn: [2] } }, level),
  "enum.const": scalar(ENUM, { case: "enum", value: { const: 2 } }, level),
  "required enum": scalar(ENUM, { case: "enum", value: { definedOnly: true } }, { ...level, required: true }),
  "repeated.min_items": scalar(STRING, { case: "repeated", value: { minItems: 1n, maxItems: 3n } }, { shape: "list" }),
  "repeated.unique": scalar(STRING, { case: "repeated", value: { unique: true } }, { shape: "list" }),
  "repeated.unique = false": scalar(ENUM, { case: "repeated", value: { unique: false } }, { ...level, shape: "list" }),
  "repeated.items": scalar(STRING, items(text({ minLen: 1n, maxLen: 3n })), { shape: "list" }),
  "repeated.items of enums": scalar(ENUM, items({ case: "enum", value: { definedOnly: true } }), {
    ...level,
    shape: "list",
  }),
  "required list": { type: INT32, shape: "list", rules: { required: true } },
  "oneof member": scalar(STRING, text({ maxLen: 3n }), { shape: "oneof" }),
  "required oneof member": scalar(INT32, { case: "int32", value: { notIn: [1] } }, { shape: "oneof", required: true }),
  wrapper: scalar(MESSAGE, text({ minLen: 2n }), { typeName: ".google.protobuf.StringValue" }),
  "wrapper of a number": scalar(MESSAGE, double({ finite: true }), { typeName: ".google.protobuf.DoubleValue" }),
  "wrapper in a list": { type: MESSAGE, shape: "list", typeName: ".google.protobuf.StringValue" },
  "wrapper in a oneof": { type: MESSAGE, shape: "oneof", typeName: ".google.protobuf.StringValue" },
  "required message": { type: MESSAGE, typeName: ".google.protobuf.Timestamp", rules: { required: true } },
  "text in Value": { type: MESSAGE, typeName: ".google.protobuf.Value" },
};

/** Rules that are not known, or only in part: at least never sure of a bad one. */
const others: Record<string, ScriptedField> = {
  "string.pattern": scalar(STRING, text({ pattern: "^[^a]+é?$" })),
  "string.pattern, unanchored": scalar(STRING, text({ pattern: "b\\d|a." })),
  "string.pattern, invalid": scalar(STRING, text({ pattern: "(" })),
  "string.email": scalar(STRING, text({ wellKnown: { case: "email", value: true } })),
  "string.hostname": scalar(STRING, text({ wellKnown: { case: "hostname", value: true } })),
  "string.ip": scalar(STRING, text({ wellKnown: { case: "ip", value: true } })),
  "string.uri": scalar(STRING, text({ wellKnown: { case: "uri", value: true } })),
  "string.well_known_regex": scalar(STRING, text({ wellKnown: { case: "wellKnownRegex", value: 1 }, strict: false })),
  "cel, a pattern": { type: STRING, rules: { cel: [{ id: "x", expression: "this.matches('^[a-z]{2,4}$')" }] } },
  cel: { type: STRING, rules: { cel: [{ id: "x", expression: "this.size() > 2" }] } },
  "cel, broken": { type: STRING, shape: "optional", rules: { cel: [{ id: "x", expression: "this.matches('" }] } },
  "cel expression": { type: STRING, rules: { celExpression: ["this.matches('a')"] } },
  "cel on a list": { type: STRING, shape: "list", rules: { cel: [{ id: "x", expression: "this.size() > 1" }] } },
  "cel on a number": { type: INT32, rules: { cel: [{ id: "x", expression: "this > 1" }] } },
  "always ignored": scalar(STRING, text({ minLen: 9n }), { ignore: Ignore.ALWAYS }),
  "list, ignored if empty": scalar(
    STRING,
    { case: "repeated", value: { minItems: 2n } },
    { shape: "list", ignore: Ignore.IF_ZERO_VALUE },
  ),
  "unknown ignore": scalar(STRING, text({ minLen: 2n }), { ignore: 2 as Ignore }),
  "double.gte NaN": scalar(
    DOUBLE,
    double({ greaterThan: { case: "gte", value: Number.NaN }, lessThan: { case: "lt", value: 1 } }),
  ),
  "bytes.prefix": scalar(BYTES, { case: "bytes", value: { prefix: new Uint8Array([1]) } }),
  "bytes.unique": scalar(BYTES, { case: "repeated", value: { unique: true } }, { shape: "list" }),
  "repeated.unique of numbers": scalar(DOUBLE, { case: "repeated", value: { unique: true } }, { shape: "list" }),
  "items with a condition": scalar(
    STRING,
    { case: "repeated", value: { items: { ignore: Ignore.IF_ZERO_VALUE, type: text({ minLen: 2n }) } } },
    { shape: "list" },
  ),
  duration: scalar(
    MESSAGE,
    { case: "duration", value: { greaterThan: { case: "gte", value: { seconds: 1n } } } },
    {
      typeName: ".google.protobuf.Duration",
    },
  ),
  timestamp: scalar(
    MESSAGE,
    { case: "timestamp", value: { lessThan: { case: "ltNow", value: true } } },
    {
      typeName: ".google.protobuf.Timestamp",
    },
  ),
  struct: { type: MESSAGE, typeName: ".google.protobuf.Struct" },
  structs: { type: MESSAGE, shape: "list", typeName: ".google.protobuf.Struct" },
  "rules of another type": scalar(STRING, { case: "int32", value: { const: 1 } }, { shape: "optional" }),
  "rules of a list on its items": scalar(STRING, text({ minLen: 1n }), { shape: "list" }),
};

describe("createQuickCheck for every kind of rule", () => {
  it.each(Object.entries(known))("accepts under %s what protovalidate accepts", (_, field) => {
    const { accepted, sure } = compare(scriptedMessage({ field }), 100);
    expect(sure).toBe(accepted);
  });

  it.each(Object.entries(others))("is never sure of a bad message under %s", (_, field) => {
    const { accepted, sure } = compare(scriptedMessage({ field }), 100);
    expect(sure).toBeLessThanOrEqual(accepted);
  });

  it("knows a oneof that is required", () => {
    const rules: Rules = { type: text({ minLen: 1n }) };
    const fields = { a: { type: STRING, shape: "oneof", rules }, b: { type: INT32, shape: "oneof" } } as const;
    const oneof = create(OneofOptionsSchema);
    setExtension(oneof, oneofExtension, create(OneofRulesSchema, { required: true }));
    const { accepted, sure, refused } = compare(scriptedMessage(fields, { oneof }), 200);
    expect([sure, accepted > 0, refused > 0]).toEqual([accepted, true, true]);
  });

  it.each<
    [string, ScriptedField["type"], ScriptedField["type"], Extract<StandardRules, { case: "map" }>["value"], boolean]
  >([
    ["pairs", STRING, INT32, { minPairs: 1n, maxPairs: 2n }, true],
    ["text in keys and values", STRING, STRING, {}, true],
    [
      "keys and values",
      STRING,
      DOUBLE,
      { keys: { type: text({ maxLen: 4n }) }, values: { type: double({ finite: true }) } },
      true,
    ],
    ["keys that are numbers", INT32, BOOL, { keys: { type: { case: "int32", value: { notIn: [1] } } } }, false],
  ])("knows maps: %s", (_, key, value, rules, isKnown) => {
    const entries: ScriptedField = {
      ...{ type: MESSAGE, shape: "list", typeName: ".test.Scripted.EntriesEntry" },
      rules: { type: { case: "map", value: rules } },
    };
    const { accepted, sure } = compare(scriptedMessage({ entries }, { nested: [mapEntry(key, value)] }), 100);
    expect(sure === accepted).toBe(isKnown);
  });

  it("goes down into messages of the same type, but not for ever", () => {
    const inner: ScriptedField = { type: MESSAGE, typeName: ".test.Scripted" };
    const desc = scriptedMessage({ name: scalar(STRING, text({ maxLen: 2n })), inner });
    const nest = (levels: number, name: string): Message => {
      let message = create(desc, { name } as never);
      for (let level = 0; level < levels; level += 1) {
        message = create(desc, { name: "a", inner: message } as never);
      }
      return message;
    };
    const check = createQuickCheck(desc);
    const messages = [nest(50, "aa"), nest(50, "aaa"), nest(50, "\0"), nest(200, "aa")];
    expect(messages.map((message) => check?.(message))).toEqual([true, false, false, false]);
    expect(messages.map((message) => isAccepted(desc, message))).toEqual([true, false, false, true]);
  });
});

describe("what is left to protovalidate altogether", () => {
  const name: ScriptedField = { type: STRING };
  const messageRules = (rules: MessageInitShape<typeof MessageRulesSchema>) => {
    const message = create(MessageOptionsSchema);
    setExtension(message, messageExtension, create(MessageRulesSchema, rules));
    return { message };
  };
  const withUnknown = (rules: object) => ({
    ...rules,
    $unknown: [{ no: 1234, wireType: 0, data: new Uint8Array([1]) }],
  });
  const predefined = create(FieldRulesSchema, {
    type: { case: "string", value: withUnknown(create(StringRulesSchema, { maxLen: 3n })) as StringRules },
  });
  const inner: ScriptedField = { type: MESSAGE, typeName: ".test.Scripted.Inner", rules: {} };
  const innerDesc = (rules: Rules) => {
    const options = create(FieldOptionsSchema);
    setExtension(options, fieldExtension, create(FieldRulesSchema, rules));
    return { name: "Inner", field: [{ name: "text", number: 1, type: STRING, label: 1, options }] };
  };

  it.each([
    ["expressions about the message", scriptedMessage({ name }, messageRules({ celExpression: ["this.name != ''"] }))],
    [
      "oneof rules of the message",
      scriptedMessage({ name }, messageRules({ oneof: [{ fields: ["name"], required: true }] })),
    ],
    ["rules that nobody knows", scriptedMessage({ name: { type: STRING, shape: "optional", rules: predefined } })],
    ["rules for another type", scriptedMessage({ name: scalar(STRING, double({ const: 1 }), { shape: "optional" }) })],
    ["an inner type that cannot be checked", scriptedMessage({ inner }, { nested: [innerDesc(predefined)] })],
    ["proto2", scriptedMessage({ name }, { syntax: "proto2" })],
  ])("is a type with %s", (_, desc) => {
    expect(createQuickCheck(desc)).toBeUndefined();
    expect(compare(desc).sure).toBe(0);
  });

  it("is every type where code cannot be made", () => {
    vi.stubGlobal(
      "Function",
      class {
        constructor() {
          throw new EvalError("Code generation from strings disallowed for this context");
        }
      },
    );
    expect(createQuickCheck(ValidateTokenRequestSchema)).toBeUndefined();
  });

  it("is a message of another type", () => {
    const check = createQuickCheck(ValidateTokenRequestSchema);
    expect(check?.({ ...create(ValidateTokenRequestSchema, { token: "a" }), $typeName: "other.Type" })).toBe(false);
  });
});

describe("hasChecks", () => {
  const messageOf = (typeName: string): ScriptedField => ({ type: MESSAGE, typeName });

  it.each([
    ["numbers", false, scriptedMessage({ a: { type: INT32 }, b: { type: BYTES, shape: "list" } })],
    ["a number with a rule", true, scriptedMessage({ a: { type: INT32, rules: { required: true } } })],
    ["text", true, scriptedMessage({ a: { type: STRING } })],
    ["text within", true, scriptedMessage({ a: messageOf(".google.protobuf.Value") })],
    [
      "itself and a time",
      false,
      scriptedMessage({ a: messageOf(".test.Scripted"), b: messageOf(".google.protobuf.Timestamp") }),
    ],
  ])("of a message of %s is %s", (_, expected, desc) => {
    expect(hasChecks(desc)).toBe(expected);
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});
