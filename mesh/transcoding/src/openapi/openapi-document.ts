import type { DescMethod, DescService, JsonObject } from "@bufbuild/protobuf";
import { type RestBinding, restBindingsOfService } from "../http-rule.ts";
import { ndjson, serverSentEvents } from "../stream-format.ts";
import { errorResponse, errorSchemas } from "./error-schemas.ts";
import type { JsonSchema } from "./json-schema.ts";
import { type CommentOf, MessageSchemas } from "./message-schemas.ts";
import { type OpenApiPath, openApiPath, renamed, shapeOf } from "./openapi-path.ts";
import { fieldsOfPath, parametersOf } from "./parameters.ts";

/*
 * An OpenAPI 3.1 document from descriptors: routes from google.api.http, schemas from the messages, constraints from the
 * rules of protovalidate. It is made by the code that serves the routes, from the same bindings, so it cannot disagree
 * with them. Rules for methods that OpenAPI has no place for (custom ones, and `*`) are left out.
 */

export type OpenApiOptions = {
  readonly services: readonly DescService[];
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  /** Which bindings to document; all when absent. */
  readonly include?: ((binding: RestBinding) => boolean) | undefined;
  /** The comments of the .proto files, by full name: descriptors at run time have none. */
  readonly comment?: CommentOf | undefined;
  /** How callers prove who they are: the document's securitySchemes, by name. */
  readonly securitySchemes?: Readonly<Record<string, JsonObject>> | undefined;
  /** The security schemes that each open a method, with the roles it takes by them; empty for one that is open to everybody. */
  readonly security?: ((method: DescMethod) => Readonly<Record<string, readonly string[]>>) | undefined;
  /** Answers that come from around the methods, by status: what a rate limit says, or a cache. */
  readonly responses?: ((binding: RestBinding) => Readonly<Record<string, JsonObject>>) | undefined;
};

const documentedVerbs: ReadonlySet<string> = new Set([
  "GET",
  "PUT",
  "POST",
  "DELETE",
  "OPTIONS",
  "HEAD",
  "PATCH",
  "TRACE",
]);

/** `aliasOf` is the id of the first operation of the same method. */
type Operation = {
  readonly binding: RestBinding;
  readonly place: OpenApiPath;
  readonly id: string;
  readonly aliasOf: string | undefined;
};

/** The document as JSON. Throws, naming the method, for a google.api.http option that cannot be served. */
export function openApiDocument(options: OpenApiOptions): JsonObject {
  const comment = options.comment ?? (() => undefined);
  const bindings = options.services
    .flatMap(restBindingsOfService)
    .filter(({ verb }) => documentedVerbs.has(verb))
    .filter(options.include ?? (() => true));
  const schemas = new MessageSchemas(comment, Object.keys(errorSchemas));
  for (const binding of bindings) {
    announce(schemas, binding);
  }
  const paths: Record<string, JsonObject> = {};
  for (const operation of operationsOf(bindings)) {
    const { path } = operation.place;
    const item = operationObject(operation, schemas, comment, options);
    paths[path] = { ...paths[path], [operation.binding.verb.toLowerCase()]: item };
  }
  const used = new Set(bindings.map(({ method }) => method.parent));
  const { securitySchemes = {} } = options;
  return {
    openapi: "3.1.0",
    info: { ...options.info },
    servers: [{ url: "/" }],
    tags: options.services.filter((service) => used.has(service)).map((service) => tagOf(service, comment)),
    paths,
    components: {
      schemas: { ...errorSchemas, ...schemas.components() },
      responses: {
        BadRequest: errorResponse("The request is malformed, or a field breaks a rule; the details name it."),
        Unauthenticated: errorResponse("There is no token, or one that is not valid any more."),
        Error: errorResponse("The request failed; `code` and `reason` say why."),
      },
      ...(Object.keys(securitySchemes).length === 0 ? {} : { securitySchemes }),
    },
  };
}

/** Bodies are announced as they are used: what stands in place is no component, what it holds is. */
function announce(schemas: MessageSchemas, binding: RestBinding): void {
  const inPlace = fieldsOfPath(binding);
  const sent = binding.body?.message ?? (binding.bodyField === "*" ? binding.method.input : undefined);
  const isInPlace = binding.bodyField === "*" && inPlace.size > 0;
  const parts = isInPlace ? sent?.fields.filter((field) => !inPlace.has(field)).map(({ message }) => message) : [sent];
  for (const part of parts ?? []) {
    if (part !== undefined) {
      schemas.announce(part, "request");
    }
  }
  const got = binding.responseBody === undefined ? binding.method.output : binding.responseBody.message;
  if (got !== undefined) {
    schemas.announce(got, "answer");
  }
}

function operationsOf(bindings: readonly RestBinding[]): Operation[] {
  const places = new Map<string, OpenApiPath>();
  const ids = new Map<string, number>();
  return bindings.map((binding) => {
    const own = openApiPath(binding);
    const earlier = places.get(shapeOf(own)) ?? own;
    places.set(shapeOf(own), earlier);
    const name = `${binding.method.parent.name}_${binding.method.name}`;
    const count = (ids.get(name) ?? 0) + 1;
    ids.set(name, count);
    const [id, aliasOf] = count === 1 ? [name, undefined] : [`${name}_${count}`, name];
    return { binding, place: renamed(own, earlier), id, aliasOf };
  });
}

function operationObject(
  { binding, place, id, aliasOf }: Operation,
  schemas: MessageSchemas,
  comment: CommentOf,
  { security, responses }: OpenApiOptions,
): JsonObject {
  const { method } = binding;
  const description = comment(`${method.parent.typeName}.${method.name}`);
  const parameters = parametersOf(binding, place.parameters, schemas);
  const body = requestBody(binding, schemas);
  const stated = security?.(method);
  const schemes = stated === undefined ? undefined : Object.entries(stated);
  return {
    operationId: id,
    ...(aliasOf === undefined ? {} : { "x-alias-of": aliasOf }),
    tags: [tagName(method.parent)],
    summary: words(method.name),
    ...(description === undefined ? {} : { description }),
    ...(method.deprecated ? { deprecated: true } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      "200": answer(binding, schemas),
      "400": { $ref: "#/components/responses/BadRequest" },
      ...(schemes !== undefined && schemes.length > 0
        ? { "401": { $ref: "#/components/responses/Unauthenticated" } }
        : {}),
      ...responses?.(binding),
      default: { $ref: "#/components/responses/Error" },
    },
    ...(schemes === undefined ? {} : { security: schemes.map(([name, roles]) => ({ [name]: [...roles] })) }),
  };
}

/** Undefined where there is nothing that a client could put into the body. */
function requestBody(binding: RestBinding, schemas: MessageSchemas): JsonObject | undefined {
  const { body, bodyField, method } = binding;
  if (body !== undefined) {
    return jsonBody(schemas.fieldSchema(body, "request"), false);
  }
  if (bodyField !== "*") {
    return undefined;
  }
  const inPath = fieldsOfPath(binding);
  if (inPath.size === method.input.fields.length) {
    return undefined;
  }
  const object = schemas.objectOf(method.input, "request", inPath);
  const schema = inPath.size === 0 ? schemas.messageSchema(method.input, "request") : object;
  return jsonBody(schema, object.required !== undefined);
}

/** A body that need not have any field need not be there. */
function jsonBody(schema: JsonSchema, required: boolean): JsonObject {
  return { required, content: { "application/json": { schema } } };
}

function answer(binding: RestBinding, schemas: MessageSchemas): JsonObject {
  const { method, responseBody } = binding;
  const schema: JsonSchema = responseBody
    ? schemas.fieldSchema(responseBody, "answer")
    : schemas.messageSchema(method.output, "answer");
  if (method.methodKind === "unary") {
    return { description: "The answer.", content: { "application/json": { schema } } };
  }
  const failed: JsonSchema = { $ref: "#/components/schemas/Error" };
  const line = { oneOf: [lineOf("result", schema), lineOf("error", failed)] };
  return {
    description:
      `A stream: as ${ndjson.contentType} one object a line, the last one with the error where it fails; as ` +
      `${serverSentEvents.contentType} an event for each message, then "end", or "failure" with the error.`,
    content: { [ndjson.contentType]: { schema: line }, [serverSentEvents.contentType]: { schema: { type: "string" } } },
  };
}

function lineOf(name: string, schema: JsonSchema): JsonSchema {
  return { type: "object", properties: { [name]: schema }, required: [name] };
}

function tagOf(service: DescService, comment: CommentOf): JsonObject {
  const description = comment(service.typeName);
  return { name: tagName(service), ...(description === undefined ? {} : { description }) };
}

function tagName(service: DescService): string {
  return words(service.name.replace(/Service$/, ""));
}

/** "ListProjects" as "List projects". */
function words(name: string): string {
  const spaced = name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, " ").toLowerCase();
  return `${spaced.charAt(0).toUpperCase()}${spaced.slice(1)}`;
}
