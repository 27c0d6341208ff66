import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import {
  type FieldRules,
  FieldRulesSchema,
  IgnoreSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import {
  ask,
  type Constants,
  equality,
  lengthCondition,
  literal,
  nothing,
  oneOf,
  type RuleValue,
} from "./conditions.ts";
import { celCondition, provesStorable, textCondition } from "./text-conditions.ts";

/** Rules that protovalidate itself may not accept: its verdict about such a type is left to it altogether. */
export class RulesError extends Error {
  override readonly name = "RulesError";
}

/** What a value is: a field without its list, map or presence. */
export type ValueType = { readonly scalar: ScalarType } | { readonly enum: DescEnum };

export function valueTypeOf(field: DescField): ValueType {
  return field.enum === undefined ? { scalar: field.scalar as ScalarType } : { enum: field.enum };
}

/**
 * Turns the rules for one value into a condition in source code over `v`, under which the value is surely valid and
 * its text storable. What is not known here becomes `ask`, so that a value under that rule is never sure; what may make
 * protovalidate refuse the whole message type, set or not, throws `RulesError`.
 *
 * A condition may be narrower than its rule, never wider. So each also names the type it expects: a value of another
 * type is not sure.
 *
 * Presence and `ignore` are left to the caller.
 */
export function valueCondition(type: ValueType, rules: FieldRules | undefined, constants: Constants): string {
  const isText = "scalar" in type && type.scalar === ScalarType.STRING;
  let isStorable = false;
  const conditions: string[] = [];
  if (rules !== undefined) {
    for (const [name, value] of standardRules(rules, "enum" in type ? "enum" : ruleNames[type.scalar])) {
      // A format switched off, `finite: false` and the like.
      const isOff = value === false && name !== "const";
      conditions.push(isOff ? nothing : standardCondition(type, name, value, constants));
      isStorable ||= isText && !isOff && provesStorable(name, value);
    }
    if (conditions.length > 0 && "scalar" in type && numeric.has(type.scalar)) {
      conditions.push(rangeCondition(rules));
    }
    for (const expression of [...rules.celExpression, ...rules.cel.map((rule) => rule.expression)]) {
      conditions.push(isText ? celCondition(expression, constants) : ask);
      isStorable = true;
    }
  }
  const checks = conditions.filter((condition) => condition !== nothing);
  if (checks.includes(ask)) {
    return ask;
  }
  if (isText) {
    // Bounds first: nobody should make us read megabytes to find them too long.
    return ['typeof v === "string"', ...checks, ...(isStorable ? [] : ["isStorable(v)"])].join(" && ");
  }
  return checks.length === 0 ? nothing : [typeCheck(type), ...checks].join(" && ");
}

/** The rules that are set, by name. `want` is the kind of rules that fit, as protovalidate has it. */
export function standardRules(rules: FieldRules, want: string | undefined): [name: string, value: RuleValue][] {
  assertKnown(rules);
  if (IgnoreSchema.value[rules.ignore] === undefined) {
    throw new RulesError(`ignore = ${rules.ignore}`);
  }
  if (rules.type.case === undefined) {
    return [];
  }
  const desc = FieldRulesSchema.field[rules.type.case].message;
  if (rules.type.case !== want || desc === undefined) {
    throw new RulesError(`${rules.type.case} rules on a field of another type`);
  }
  assertKnown(rules.type.value);
  const reflected = reflect(desc, rules.type.value);
  return reflected.fields
    .filter((field) => reflected.isSet(field) && field.localName !== "example")
    .map((field) => {
      const value = reflected.get(field);
      const isList = field.fieldKind === "list";
      return [field.localName, isList ? [...(value as Iterable<RuleValue>)] : (value as RuleValue)];
    });
}

/** Predefined rules are extensions of the rules; unless protovalidate knows them it refuses the type. */
export function assertKnown(rules: { readonly $unknown?: readonly unknown[] | undefined }): void {
  if (rules.$unknown !== undefined && rules.$unknown.length > 0) {
    throw new RulesError("rules that are not part of protovalidate");
  }
}

function standardCondition(type: ValueType, name: string, value: RuleValue, constants: Constants): string {
  if ("enum" in type) {
    return name === "definedOnly"
      ? oneOf(
          type.enum.values.map((each) => each.number),
          constants,
        )
      : equality(name, value, constants);
  }
  switch (type.scalar) {
    case ScalarType.STRING:
      return textCondition(name, value, constants);
    case ScalarType.BYTES:
      return lengthCondition(name, value, "v.length") ?? ask;
    case ScalarType.BOOL:
      return equality(name, value, constants);
    default:
      return numberCondition(name, value, constants);
  }
}

function numberCondition(name: string, value: RuleValue, constants: Constants): string {
  switch (name) {
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return nothing;
    case "finite":
      return "v - v === 0";
    default:
      return equality(name, value, constants);
  }
}

/** The two bounds belong together: a lower one above the upper one means outside instead of between. */
function rangeCondition({ type }: FieldRules): string {
  const { greaterThan, lessThan } = type.value as Extract<FieldRules["type"], { case: "double" | "int64" }>["value"];
  const [low, high] = [greaterThan.value, lessThan.value];
  if (Number.isNaN(low) || Number.isNaN(high)) {
    return ask;
  }
  const above = low === undefined ? nothing : `v ${greaterThan.case === "gt" ? ">" : ">="} ${literal(low)}`;
  const below = high === undefined ? nothing : `v ${lessThan.case === "lt" ? "<" : "<="} ${literal(high)}`;
  if (low === undefined || high === undefined) {
    return low === undefined ? below : above;
  }
  return `(${above} ${high >= low ? "&&" : "||"} ${below})`;
}

const numeric: ReadonlySet<ScalarType> = new Set(
  Object.values(ScalarType).filter(
    (type): type is ScalarType =>
      typeof type === "number" && ![ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL].includes(type),
  ),
);

function typeCheck(type: ValueType): string {
  if ("enum" in type) {
    return 'typeof v === "number"';
  }
  switch (type.scalar) {
    case ScalarType.BYTES:
      return "v instanceof Uint8Array";
    case ScalarType.BOOL:
      return 'typeof v === "boolean"';
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 'typeof v === "bigint"';
    default:
      return 'typeof v === "number"';
  }
}

/** The rules that protovalidate takes for a scalar. */
const ruleNames: Readonly<Record<ScalarType, string>> = {
  [ScalarType.DOUBLE]: "double",
  [ScalarType.FLOAT]: "float",
  [ScalarType.INT32]: "int32",
  [ScalarType.INT64]: "int64",
  [ScalarType.UINT32]: "uint32",
  [ScalarType.UINT64]: "uint64",
  [ScalarType.SINT32]: "sint32",
  [ScalarType.SINT64]: "sint64",
  [ScalarType.FIXED32]: "fixed32",
  [ScalarType.FIXED64]: "fixed64",
  [ScalarType.SFIXED32]: "sfixed32",
  [ScalarType.SFIXED64]: "sfixed64",
  [ScalarType.BOOL]: "bool",
  [ScalarType.STRING]: "string",
  [ScalarType.BYTES]: "bytes",
};
