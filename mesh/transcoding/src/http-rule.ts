import type { DescField, DescMethod, DescService } from "@bufbuild/protobuf";
import { type FieldPath, resolveFieldPath } from "./field-path.ts";
import { canBeText } from "./field-text.ts";
import { type HttpRule, httpRuleOf } from "./http-annotation.ts";
import { type PathTemplate, parsePathTemplate } from "./path-template.ts";

/**
 * One way to reach a method over REST, checked against its messages.
 *
 * `verb` is the HTTP method in capitals, or "*" for any. `bodyField` is "" (no body), "*" (the whole request) or the
 * proto name of a request field, `responseBodyField` "" (the whole response) or the proto name of a response field; the
 * resolved fields stand beside them. `pathFields` holds the target of each variable, by its name in the template.
 * `updateMask` is the request field that says which fields of the body are meant, for a PATCH whose body is one field: it
 * is filled in from the body where the client leaves it out.
 */
export type RestBinding = {
  readonly method: DescMethod;
  readonly verb: string;
  readonly template: PathTemplate;
  readonly bodyField: string;
  readonly responseBodyField: string;
  readonly body: DescField | undefined;
  readonly responseBody: DescField | undefined;
  readonly pathFields: ReadonlyMap<string, FieldPath>;
  readonly updateMask: DescField | undefined;
};

/** `package.Service.Method`, as errors name it. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

/** The bindings of all methods of a service, in the order of the .proto file. Throws as restBindingsOfMethod does. */
export function restBindingsOfService(service: DescService): RestBinding[] {
  return service.methods.flatMap(restBindingsOfMethod);
}

/**
 * The bindings a method's google.api.http option declares: its own rule, then its additional ones; none without the
 * option. Throws an Error naming the method when the template is bad, a named field does not exist or cannot be used
 * there, a GET has a body, or the method's requests are a stream.
 */
export function restBindingsOfMethod(method: DescMethod): RestBinding[] {
  const rule = httpRuleOf(method);
  if (rule === undefined) {
    return [];
  }
  try {
    if (method.methodKind !== "unary" && method.methodKind !== "server_streaming") {
      throw new Error("a method whose requests are a stream cannot have a google.api.http option");
    }
    return [rule, ...rule.additionalBindings].map((each) => bindingOfRule(method, each, each === rule));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${methodName(method)}: ${reason}`, { cause });
  }
}

function bindingOfRule(method: DescMethod, rule: HttpRule, isPrimary: boolean): RestBinding {
  if (!isPrimary && rule.additionalBindings.length > 0) {
    throw new Error("an additional binding must not have additional bindings of its own");
  }
  const { verb, path } = patternOfRule(rule);
  if (verb === "GET" && rule.body !== "") {
    throw new Error(`GET ${path} must not have a body`);
  }
  const template = parsePathTemplate(path);
  const body = rule.body === "" || rule.body === "*" ? undefined : fieldNamed(method.input.fields, rule.body, "body");
  const pathFields = new Map(
    template.variables.map(({ fieldPath }) => [fieldPath, pathFieldOf(method, fieldPath, body)] as const),
  );
  return {
    method,
    verb,
    template,
    bodyField: rule.body,
    responseBodyField: rule.responseBody,
    body,
    responseBody:
      rule.responseBody === "" ? undefined : fieldNamed(method.output.fields, rule.responseBody, "response_body"),
    pathFields,
    updateMask: verb === "PATCH" && body?.fieldKind === "message" ? updateMaskOf(method) : undefined,
  };
}

/** Only a field of this name and type is one, as AIP-134 has it. */
function updateMaskOf({ input }: DescMethod): DescField | undefined {
  const field = input.fields.find(({ name }) => name === "update_mask");
  return field?.fieldKind === "message" && field.message.typeName === "google.protobuf.FieldMask" ? field : undefined;
}

function patternOfRule({ pattern }: HttpRule): { verb: string; path: string } {
  switch (pattern.case) {
    case undefined:
      throw new Error("the google.api.http option has no path");
    case "custom":
      if (!/^(?:[A-Za-z]+|\*)$/.test(pattern.value.kind)) {
        throw new Error(`"${pattern.value.kind}" is not an HTTP method`);
      }
      return { verb: pattern.value.kind.toUpperCase(), path: pattern.value.path };
    default:
      return { verb: pattern.case.toUpperCase(), path: pattern.value };
  }
}

function fieldNamed(fields: readonly DescField[], name: string, option: string): DescField {
  const field = fields.find((each) => each.name === name);
  if (!field) {
    throw new Error(
      `${option} names "${name}", which is not a field of ${fields[0]?.parent.typeName ?? "the message"}`,
    );
  }
  return field;
}

function pathFieldOf(method: DescMethod, fieldPath: string, body: DescField | undefined): FieldPath {
  const path = resolveFieldPath(method.input, fieldPath);
  if (typeof path === "string") {
    throw new Error(`path variable "${fieldPath}" of ${method.input.typeName}: ${path}`);
  }
  const leaf = path.at(-1) ?? path[0];
  if (leaf.fieldKind === "list" || leaf.fieldKind === "map" || !canBeText(leaf)) {
    throw new Error(
      `path variable "${fieldPath}" must be a single value that can be written as text, not ${nounOf(leaf)}`,
    );
  }
  if (path.length === 1 && path[0] === body) {
    throw new Error(`"${fieldPath}" cannot be both a path variable and the body`);
  }
  return path;
}

function nounOf(field: DescField): string {
  return field.fieldKind === "message" ? `a ${field.message.typeName}` : `a ${field.fieldKind}`;
}
