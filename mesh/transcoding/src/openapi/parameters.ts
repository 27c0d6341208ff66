import type { DescField, DescMessage, JsonObject } from "@bufbuild/protobuf";
import { hasCustomJsonRepresentation } from "@bufbuild/protobuf/wkt";
import { canBeText } from "../field-text.ts";
import type { RestBinding } from "../http-rule.ts";
import { described, type JsonSchema } from "./json-schema.ts";
import type { MessageSchemas } from "./message-schemas.ts";
import type { PathParameter } from "./openapi-path.ts";
import { requiredFieldsOf } from "./required-fields.ts";

/** Messages in the query are opened up to this depth; the service takes deeper names too. */
const maxQueryDepth = 4;

/** The parameters of an operation: those of its path, then those of its query. */
export function parametersOf(
  binding: RestBinding,
  path: readonly PathParameter[],
  schemas: MessageSchemas,
): JsonObject[] {
  return [...path.map((each) => pathParameter(each, schemas)), ...queryParameters(binding, schemas)];
}

/** The request fields that a binding takes from neither its body nor the query of its client. */
export function fieldsOfPath({ pathFields }: RestBinding): Set<DescField> {
  return new Set([...pathFields.values()].flatMap((path) => (path.length === 1 ? [path[0]] : [])));
}

function pathParameter({ name, field, spansSegments }: PathParameter, schemas: MessageSchemas): JsonObject {
  const leaf = field?.at(-1);
  const schema = leaf === undefined ? { type: "string" } : schemas.fieldSchema(leaf, "request");
  const note = spansSegments ? "Any number of path segments, with the slashes between them." : undefined;
  return parameter(name, "path", true, described(schema, note));
}

function queryParameters(binding: RestBinding, schemas: MessageSchemas): JsonObject[] {
  if (binding.bodyField === "*") {
    return [];
  }
  const elsewhere = fieldsOfPath(binding);
  for (const field of [binding.body, binding.updateMask]) {
    if (field !== undefined) {
      elsewhere.add(field);
    }
  }
  const found: JsonObject[] = [];
  const nested = new Set([...binding.pathFields.values()].map((path) => path.map(({ name }) => name).join(".")));
  const visit = (message: DescMessage, names: readonly string[], jsonNames: readonly string[]): void => {
    for (const field of message.fields) {
      const own = [...names, field.name];
      const shown = [...jsonNames, field.jsonName];
      if ((names.length === 0 && elsewhere.has(field)) || nested.has(own.join("."))) {
        continue;
      }
      if (field.fieldKind === "message" && !hasCustomJsonRepresentation(field.message)) {
        if (own.length < maxQueryDepth) {
          visit(field.message, own, shown);
        }
      } else if (canBeText(field)) {
        const required = names.length === 0 && requiredFieldsOf(message).has(field);
        found.push(
          parameter(shown.join("."), "query", required, withChoice(schemas.fieldSchema(field, "request"), field)),
        );
      }
    }
  };
  visit(binding.method.input, [], []);
  return found;
}

function withChoice(schema: JsonSchema, { oneof }: DescField): JsonSchema {
  const names = oneof?.fields.map(({ jsonName }) => `\`${jsonName}\``).join(", ");
  return names === undefined ? schema : described(schema, `At most one of ${names}.`);
}

/** The description moves from the schema to the parameter, where readers look for it. */
function parameter(name: string, place: "path" | "query", required: boolean, schema: JsonSchema): JsonObject {
  const { description, deprecated, ...rest } = schema;
  return {
    name,
    in: place,
    required,
    ...(description === undefined ? {} : { description }),
    ...(deprecated === undefined ? {} : { deprecated }),
    schema: rest,
  };
}
