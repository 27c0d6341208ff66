import type { DescField, DescMethod, DescService } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { http } from "@weft/proto/google/api/annotations_pb.ts";
import type { HttpRule } from "@weft/proto/google/api/http_pb.ts";
import { type FieldPath, resolveFieldPath } from "./field-path.ts";
import { type PathTemplate, parsePathTemplate } from "./path-template.ts";

/**
 * One way to reach a method over REST, checked against its messages.
 *
 * `verb` is the HTTP method in capitals, or "*" for any. `bodyField` is "" (no body), "*" (the whole request) or the
 * proto name of a request field, `responseBodyField` "" (the whole response) or the proto name of a response field; the
 * resolved fields stand beside them. `pathFields` holds the target of each variable, by its name in the template.
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
 * there, a GET has a body, or the method streams.
 */
export function restBindingsOfMethod(method: DescMethod): RestBinding[] {
  if (!hasOption(method, http)) {
    return [];
  }
  const rule = getOption(method, http);
  try {
    if (method.methodKind !== "unary") {
      throw new Error("only unary methods can have a google.api.http option");
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
  };
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
  const kind = path.at(-1)?.fieldKind;
  if (kind !== "scalar" && kind !== "enum") {
    throw new Error(`path variable "${fieldPath}" must be a single scalar or enum, not a ${kind}`);
  }
  if (path.length === 1 && path[0] === body) {
    throw new Error(`"${fieldPath}" cannot be both a path variable and the body`);
  }
  return path;
}
