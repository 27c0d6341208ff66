import { type DescField, type DescMessage, type DescOneof, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { Edition, FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  field as fieldExtension,
  Ignore,
  message as messageExtension,
  oneof as oneofExtension,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { isPropertyName, isUnwrapped } from "../../codec/compilable.ts";
import { ask, Constants, lengthCondition, nothing } from "./conditions.ts";
import { assertKnown, RulesError, standardRules, valueCondition, valueTypeOf } from "./value-conditions.ts";
import { hasChecks } from "./what-to-check.ts";

/**
 * Writes the source of one function `checkN(m, depth)` per message type that can be met from a root type, root first.
 * A function answers true for a message that is surely valid.
 *
 * When rules apply is protovalidate's: to a field with presence, and to a message, when it is set; to any other field
 * always, unless `ignore` says not for its zero value; an absent list or map is an empty one. A field under rules that are
 * not known here fails the check only when they would apply.
 *
 * In the source: v a value, o a oneof, a a list or map, k its keys.
 */
export class MessageSource {
  readonly constants = new Constants();
  /** In order of their numbers; grows while sources are written. */
  readonly #messages: DescMessage[] = [];
  readonly #source: string;

  /** Throws RulesError when protovalidate must be asked about every message of the type. */
  constructor(root: DescMessage) {
    this.#messages.push(root);
    let source = "";
    for (let at = 0; at < this.#messages.length; at += 1) {
      source += this.#check(this.#messages[at] as DescMessage, at);
    }
    this.#source = source;
  }

  toString(): string {
    return `"use strict"; ${this.#source} return (m) => check0(m, 0);`;
  }

  #check(desc: DescMessage, number: number): string {
    if (hasOption(desc, messageExtension)) {
      throw new RulesError("rules of a message as a whole");
    }
    // Others have defaults on prototypes and required fields; services write proto3 only.
    if (
      desc.file.edition !== Edition.EDITION_PROTO3 ||
      !desc.members.every(({ localName }) => isPropertyName(localName))
    ) {
      throw new RulesError("not a message that sources are written for");
    }
    const members = desc.members.map((member) => (member.kind === "oneof" ? this.#oneof(member) : this.#field(member)));
    return `
function check${number}(m, depth) {
  if (m.$typeName !== ${JSON.stringify(desc.typeName)} || depth > ${maxDepth}) return false;
  let v, o, a, k;
  ${members.filter((source) => source !== "").join("\n  ")}
  return true;
}`;
  }

  #field(field: DescField): string {
    const rules = getOption(field, fieldExtension);
    switch (field.fieldKind) {
      case "list":
        return this.#list(field, rules);
      case "map":
        return this.#map(field, rules);
      default: {
        const condition = this.#set(field, rules);
        const unset = unsetCondition(field);
        const hasPresence = field.presence !== FeatureSet_FieldPresence.IMPLICIT;
        const skipped = hasPresence || rules.ignore === Ignore.IF_ZERO_VALUE ? `!(${unset}) && ` : "";
        const required = rules.required ? `if (${unset}) return false;` : "";
        const checked = condition === nothing ? "" : `if (${skipped}!(${condition})) return false;`;
        return required === "" && checked === "" ? "" : `v = m.${field.localName}; ${required} ${checked}`;
      }
    }
  }

  #list(field: DescField & { fieldKind: "list" }, rules: FieldRules): string {
    const own = rules.type.case === "repeated" ? rules.type.value : undefined;
    const whole = standardRules(rules, "repeated").map(([name, value]) => {
      if (name === "unique") {
        return value === false ? nothing : field.message === undefined ? "isUnique(a)" : ask;
      }
      return name === "items" ? nothing : (lengthCondition(name, value, "a.length") ?? ask);
    });
    const item = elementCondition(own?.items, this.#elementValue(field, own?.items));
    const each = item === nothing ? "" : `for (let i = 0; i < a.length; i++) { v = a[i]; ${unless(item)} }`;
    return container(`a = m.${field.localName};`, [...whole, ...containerConditions(rules, "a.length")], each);
  }

  #map(field: DescField & { fieldKind: "map" }, rules: FieldRules): string {
    const own = rules.type.case === "map" ? rules.type.value : undefined;
    const whole = standardRules(rules, "map").map(([name, value]) =>
      name === "keys" || name === "values" ? nothing : (lengthCondition(name, value, "k.length") ?? ask),
    );
    const type = { scalar: field.mapKey };
    const keyCondition = elementCondition(own?.keys, valueCondition(type, own?.keys, this.constants));
    // Keys of an object are texts; what a number says as a text is not worth reading here.
    const key = field.mapKey === ScalarType.STRING || keyCondition === nothing ? keyCondition : ask;
    const value = elementCondition(own?.values, this.#elementValue(field, own?.values));
    const keyCheck = key === nothing ? "" : `v = k[i]; ${unless(key)}`;
    const valueCheck = value === nothing ? "" : `v = a[k[i]]; ${unless(value)}`;
    const each = keyCheck + valueCheck === "" ? "" : `for (let i = 0; i < k.length; i++) { ${keyCheck} ${valueCheck} }`;
    return container(
      `a = m.${field.localName}; k = Object.keys(a);`,
      [...whole, ...containerConditions(rules, "k.length")],
      each,
    );
  }

  /** The field of a oneof that is set is the only one that rules apply to. */
  #oneof(oneof: DescOneof): string {
    const rules = getOption(oneof, oneofExtension);
    assertKnown(rules);
    let isChecked = rules.required;
    let required = rules.required ? "if (o.case === undefined) return false;" : "";
    const cases = oneof.fields.map((field) => {
      const own = getOption(field, fieldExtension);
      const condition = this.#set(field, own);
      const name = JSON.stringify(field.localName);
      if (own.required) {
        required += ` if (o.case !== ${name}) return false;`;
      }
      isChecked ||= own.required || condition !== nothing;
      return `case ${name}: v = o.value; ${unless(condition)} break;`;
    });
    return isChecked
      ? `o = m.${oneof.localName}; ${required} switch (o.case) { case undefined: break; ${cases.join(" ")} default: return false; }`
      : "";
  }

  /** The condition for a singular field that is set. */
  #set(field: DescField, rules: FieldRules): string {
    let condition: string;
    if (field.message === undefined) {
      condition = valueCondition(valueTypeOf(field), rules, this.constants);
    } else if (isUnwrapped(field)) {
      const hasCel = rules.cel.length + rules.celExpression.length > 0;
      const value = valueCondition(valueTypeOf(field.message.fields[0] as DescField), rules, this.constants);
      // To CEL the value is the wrapper.
      condition = hasCel ? ask : value;
    } else {
      condition = this.#message(field, field.message, rules);
    }
    return rules.ignore === Ignore.ALWAYS ? ask : condition;
  }

  #elementValue(field: DescField & { fieldKind: "list" | "map" }, rules: FieldRules | undefined): string {
    return field.message === undefined
      ? valueCondition(valueTypeOf(field), rules, this.constants)
      : this.#message(field, field.message, rules);
  }

  #message(field: DescField, message: DescMessage, rules: FieldRules | undefined): string {
    const standard = rules === undefined ? [] : standardRules(rules, messageRuleNames[message.typeName]);
    const cel = rules === undefined ? 0 : rules.cel.length + rules.celExpression.length;
    if (!hasChecks(message)) {
      return standard.length + cel > 0 ? ask : nothing;
    }
    // Even when it asks: if protovalidate refuses the inner type it refuses the outer one.
    const check = `check${this.#numberOf(message)}(v, depth + 1)`;
    // In a field a Struct is plain JSON, except in google.protobuf.Value.
    const isJson = message.typeName === "google.protobuf.Struct" && field.parent.typeName !== "google.protobuf.Value";
    return isJson || standard.length + cel > 0 ? ask : check;
  }

  #numberOf(message: DescMessage): number {
    const known = this.#messages.indexOf(message);
    return known >= 0 ? known : this.#messages.push(message) - 1;
  }
}

/** What no client sends; protobuf-es decodes 100. */
const maxDepth = 100;

function unless(condition: string): string {
  return condition === nothing ? "" : `if (!(${condition})) return false;`;
}

function container(open: string, conditions: readonly string[], each: string): string {
  const whole = conditions.map(unless).join(" ");
  return whole.trim() + each === "" ? "" : `${open} ${whole} ${each}`;
}

/** An element has no presence that rules could speak of. */
function elementCondition(rules: FieldRules | undefined, condition: string): string {
  return rules !== undefined && (rules.required || rules.ignore !== Ignore.UNSPECIFIED) ? ask : condition;
}

function containerConditions(rules: FieldRules, length: string): string[] {
  const isUnknown = rules.ignore !== Ignore.UNSPECIFIED || rules.cel.length + rules.celExpression.length > 0;
  return [rules.required ? `${length} > 0` : nothing, isUnknown ? ask : nothing];
}

/** When protovalidate takes a singular field outside a oneof for not set. */
function unsetCondition(field: DescField): string {
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT) {
    return "v === undefined";
  }
  switch (field.scalar) {
    case undefined:
      return "v === 0";
    case ScalarType.STRING:
      return 'v === ""';
    case ScalarType.BOOL:
      return "v === false";
    case ScalarType.BYTES:
      return "v.length === 0";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      // Minus zero counts as set.
      return "Object.is(v, 0)";
    default:
      // 0, 0n and, with jstype, "0".
      return "v == 0";
  }
}

const messageRuleNames: Readonly<Record<string, string>> = {
  "google.protobuf.Any": "any",
  "google.protobuf.Duration": "duration",
  "google.protobuf.Timestamp": "timestamp",
  "google.protobuf.FieldMask": "fieldMask",
  "google.protobuf.FloatValue": "float",
  "google.protobuf.DoubleValue": "double",
  "google.protobuf.Int32Value": "int32",
  "google.protobuf.Int64Value": "int64",
  "google.protobuf.UInt32Value": "uint32",
  "google.protobuf.UInt64Value": "uint64",
  "google.protobuf.BoolValue": "bool",
  "google.protobuf.StringValue": "string",
  "google.protobuf.BytesValue": "bytes",
};
