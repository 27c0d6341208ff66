import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  field as fieldRules,
  Ignore,
  message as messageRules,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Direction, described, type JsonSchema } from "./json-schema.ts";
import { requiredFieldsOf } from "./required-fields.ts";
import { innerRules, refusedNumbers, sentencesOf, withRules } from "./rule-keywords.ts";
import { enumSchema, scalarSchema, valueKind, wellKnownSchema } from "./value-schema.ts";

/*
 * Messages as JSON Schemas. Each is a component of its own, referred to by name, so that recursive messages work and
 * generated clients get named types. A message that is both sent and received is two components where both are reachable:
 * `Architecture` for answers and `ArchitectureInput` for requests.
 */

/** What is said about an element of a .proto file, by its full name: "weft.user.v1.User.first_name". */
export type CommentOf = (fullName: string) => string | undefined;

export class MessageSchemas {
  readonly #comment: CommentOf;
  readonly #seen: Readonly<Record<Direction, Map<string, DescMessage>>> = { request: new Map(), answer: new Map() };
  readonly #reserved: ReadonlySet<string>;
  #names: ReadonlyMap<string, string> | undefined;

  /** `reserved` are names of components that are not messages. */
  constructor(comment: CommentOf, reserved: readonly string[]) {
    this.#comment = comment;
    this.#reserved = new Set(reserved);
  }

  /** Announces a message that will be referred to. All are announced before the first schema is made. */
  announce(message: DescMessage, direction: Direction): void {
    const seen = this.#seen[direction];
    if (seen.has(message.typeName) || wellKnownSchema(message, direction) !== undefined) {
      return;
    }
    seen.set(message.typeName, message);
    for (const { message: inner } of message.fields) {
      if (inner !== undefined) {
        this.announce(inner, direction);
      }
    }
  }

  /** Every announced message, by the name of its component, sorted. */
  components(): Record<string, JsonSchema> {
    const all = (["request", "answer"] as const).flatMap((direction) =>
      [...this.#seen[direction].values()].map(
        (message) => [this.#nameOf(message, direction), this.objectOf(message, direction)] as const,
      ),
    );
    return Object.fromEntries(all.sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** A message as the object of its fields, but for those in `without`. */
  objectOf(message: DescMessage, direction: Direction, without: ReadonlySet<DescField> = new Set()): JsonSchema {
    const fields = message.fields.filter((field) => !without.has(field));
    const required = fields.filter((field) =>
      direction === "request" ? requiredFieldsOf(message).has(field) : isAlwaysWritten(field),
    );
    const choices = direction === "request" ? choicesOf(message, fields) : [];
    const rules =
      direction === "request" && hasOption(message, messageRules) ? getOption(message, messageRules) : undefined;
    const schema: JsonSchema = {
      type: "object",
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.fieldSchema(field, direction)])),
      ...(required.length === 0 ? {} : { required: required.map(({ jsonName }) => jsonName) }),
      ...(choices.length === 0 ? {} : { allOf: choices }),
      ...(direction === "request" ? { additionalProperties: false } : {}),
    };
    return described(schema, this.#comment(message.typeName), ...sentencesOf(rules?.cel ?? []));
  }

  /** The schema of a field, with its comment; for requests held to its rules. */
  fieldSchema(field: DescField, direction: Direction): JsonSchema {
    const rules = direction === "request" ? rulesOf(field) : undefined;
    const bare = this.#shapeOf(field, direction, rules);
    const schema: JsonSchema = {
      ...bare,
      ...(field.deprecated ? { deprecated: true } : {}),
      ...(field.proto.options?.debugRedact === true && bare.type === "string" ? { format: "password" } : {}),
    };
    return described(schema, this.#comment(`${field.parent.typeName}.${field.name}`));
  }

  /** The schema of a message where it is used: by its name, or in place for a well-known type. */
  messageSchema(message: DescMessage, direction: Direction): JsonSchema {
    const wellKnown = wellKnownSchema(message, direction);
    return wellKnown ?? { $ref: `#/components/schemas/${this.#nameOf(message, direction)}` };
  }

  #shapeOf(field: DescField, direction: Direction, rules: FieldRules | undefined): JsonSchema {
    switch (field.fieldKind) {
      case "list": {
        const items = this.#valueSchema(field, direction, innerRules(rules, "items"));
        return zeroToo(field, rules, withRules({ type: "array", items }, rules), []);
      }
      case "map": {
        const values = this.#valueSchema(field, direction, innerRules(rules, "values"));
        const keys = withRules({}, innerRules(rules, "keys"));
        const schema: JsonSchema = {
          type: "object",
          additionalProperties: values,
          ...(Object.keys(keys).length === 0 ? {} : { propertyNames: keys }),
        };
        return zeroToo(field, rules, withRules(schema, rules), {});
      }
      default:
        return this.#valueSchema(field, direction, rules);
    }
  }

  #valueSchema(field: DescField, direction: Direction, rules: FieldRules | undefined): JsonSchema {
    const kind = valueKind(field);
    if ("message" in kind) {
      const schema = this.messageSchema(kind.message, direction);
      return rules === undefined ? schema : withRules(schema, rules);
    }
    if ("enum" in kind) {
      const all = kind.enum.values.map(({ number }) => number);
      const values = kind.enum.values.map(
        ({ name }) => [name, this.#comment(`${kind.enum.typeName}.${name}`)] as const,
      );
      const told = values.flatMap(([name, comment]) => (comment === undefined ? [] : [`- \`${name}\`: ${comment}`]));
      const schema = enumSchema(kind.enum, refusedNumbers(rules, all));
      return described(schema, this.#comment(kind.enum.typeName), told.join("\n"));
    }
    const schema = scalarSchema(kind.scalar, direction);
    return zeroToo(field, rules, withRules(schema, rules), schema.type === "string" ? "" : 0);
  }

  #nameOf(message: DescMessage, direction: Direction): string {
    const isBoth = this.#seen.request.has(message.typeName) && this.#seen.answer.has(message.typeName);
    this.#names ??= this.#shortNames();
    const name = this.#names.get(message.typeName) ?? message.typeName;
    return isBoth && direction === "request" ? `${name}Input` : name;
  }

  /** A message is called by its name inside its package, by its full name where that would be another's. */
  #shortNames(): ReadonlyMap<string, string> {
    const all = new Map([...this.#seen.request, ...this.#seen.answer]);
    const short = (message: DescMessage) => message.typeName.slice(message.file.proto.package.length + 1);
    const taken = new Set(this.#reserved);
    const twice = new Set<string>();
    for (const name of [...all.values()].flatMap((message) => [short(message), `${short(message)}Input`])) {
      (taken.has(name) ? twice : taken).add(name);
    }
    return new Map(
      [...all].map(([typeName, message]) => [typeName, twice.has(short(message)) ? typeName : short(message)]),
    );
  }
}

/** Answers are written with all fields but those that have a presence of their own. */
function isAlwaysWritten(field: DescField): boolean {
  return field.fieldKind === "list" || field.fieldKind === "map" || field.presence === Presence.IMPLICIT;
}

function rulesOf(field: DescField): FieldRules | undefined {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  return rules?.ignore === Ignore.ALWAYS ? undefined : rules;
}

/** With IGNORE_IF_ZERO_VALUE a field may be empty or keep its rules. */
function zeroToo(
  field: DescField,
  rules: FieldRules | undefined,
  schema: JsonSchema,
  zero: JsonSchema | string | number | never[],
): JsonSchema {
  if (rules?.ignore !== Ignore.IF_ZERO_VALUE || field.fieldKind === "message") {
    return schema;
  }
  const { description, type, ...keywords } = schema;
  const base: JsonSchema = type === undefined ? {} : { type };
  return described({ ...base, anyOf: [{ const: zero }, keywords] }, String(description ?? ""));
}

/** At most one member of each oneof, exactly one where that is required. */
function choicesOf(message: DescMessage, fields: readonly DescField[]): JsonSchema[] {
  const groups = message.oneofs.map((oneof) => ({
    names: oneof.fields.filter((field) => fields.includes(field)).map(({ jsonName }) => jsonName),
    required: hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required,
  }));
  for (const rule of hasOption(message, messageRules) ? getOption(message, messageRules).oneof : []) {
    const members = fields.filter(({ name }) => rule.fields.includes(name));
    groups.push({ names: members.map(({ jsonName }) => jsonName), required: rule.required });
  }
  return groups
    .filter(({ names, required }) => names.length > 1 || (required && names.length > 0))
    .map(({ names, required }) => {
      const each = names.map((name): JsonSchema => ({ required: [name] }));
      return { oneOf: required ? each : [...each, { not: { anyOf: each } }] };
    });
}
