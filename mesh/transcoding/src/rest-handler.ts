import type { DescMethod, DescService, JsonValue, Message, Registry } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { allowedVerbs } from "./allowed-verbs.ts";
import { invalidRequestError } from "./field-violations.ts";
import { HeaderFields } from "./header-fields.ts";
import type { RestBinding } from "./http-rule.ts";
import { assertJsonBody } from "./json-body.ts";
import { PathEncodingError } from "./path-template.ts";
import { decodeRestRequest } from "./request-message.ts";
import { encodeJson, responseBytes, responseJson } from "./response-json.ts";
import { errorWithHttpStatus, type RestErrorResponse, toRestError } from "./rest-error.ts";
import { buildRestRouter, type RestMatch } from "./router.ts";
import { openStreamBody } from "./stream-body.ts";
import { type StreamFormat, streamFormatFor } from "./stream-format.ts";

/*
 * REST/JSON in front of RPCs, unary and with a stream of answers, independent of the HTTP server: a request in, an answer
 * out.
 *
 * Steps of a request: match the route, refuse what the route cannot take (method, content type, size), build the request
 * message, invoke, encode. What invoking means is the caller's: a service calls its own handlers, the gateway calls the
 * service. Authentication, validation of rules, deadlines and logging belong there too.
 *
 * `handle` matches the route, and asks for the body, before it first waits for anything: a server whose request object
 * does not outlive its callback can use it, and a request without a route is handed back with its body unread.
 */

/** A request as any HTTP server has it. */
export type RestRequest = {
  /** The HTTP method. */
  readonly verb: string;
  /** As sent: still percent-encoded, without the query. */
  readonly path: string;
  /** What stands behind "?"; "" for none. */
  readonly query: string;
  readonly headers: Headers;
  /**
   * The bytes, or a function that reads at most `maxBytes` of them and throws bodyTooLargeError() beyond. It is asked once
   * for every request that has a route, before anything of it is decoded: the place to refuse who may not call the method.
   */
  readonly body: Uint8Array | ((maxBytes: number, method: DescMethod) => Uint8Array | Promise<Uint8Array>);
  readonly signal: AbortSignal;
  /** The service that asks, by its certificate; undefined without mTLS. */
  readonly caller?: string | undefined;
};

/**
 * An answer for any HTTP server to write: its body at once, or piece by piece at the speed of the client. A body in pieces
 * never fails; whoever stops reading it early calls its iterator's `return`. The body of an answer to HEAD is empty.
 */
export type RestResponse = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
};

/** What a call gives: one message, or many for a method that streams its answers. */
export type RestAnswer = WholeAnswer | StreamedAnswer;

type WholeAnswer = { readonly message: Message; readonly headers?: Headers | undefined };
type StreamedAnswer = { readonly messages: AsyncIterable<Message>; readonly headers?: Headers | undefined };

/** Who asks, for whoever answers. */
export type RestCaller = Pick<RestRequest, "headers" | "signal" | "caller">;

/**
 * Calls a method, for a request as it was handed in. Throws what the client is to be told as a ConnectError; anything else
 * becomes Internal.
 */
export type RestInvoke<Caller extends RestCaller = RestCaller> = (
  method: DescMethod,
  message: Message,
  caller: Caller,
) => Promise<RestAnswer>;

export type RestHandlerOptions<Request extends RestRequest = RestRequest> = {
  /** Methods without a google.api.http option have no route. */
  readonly services: readonly DescService[];
  readonly invoke: RestInvoke<Request>;
  /** Types for google.protobuf.Any in bodies and for error details of other services. */
  readonly registry?: Registry | undefined;
  /** Larger request bodies are answered with 413. Default 4 MiB: gRPC's usual limit for one message. */
  readonly maxBodyBytes?: number | undefined;
  /** Which bindings to serve; all when absent. */
  readonly include?: ((binding: RestBinding) => boolean) | undefined;
  /** The id that errors name, undefined for none. Default: the X-Correlation-Id header if it is a plain short one. */
  readonly correlationId?: ((headers: Headers) => string | undefined) | undefined;
  /** The `domain` of the ErrorInfo of errors that bring none. Default "weft". */
  readonly errorDomain?: string | undefined;
  /** Hears of every error that is answered, with its cause still attached, before the answer leaves. Must not throw. */
  readonly onError?: ((error: unknown, request: Request, correlationId: string | undefined) => void) | undefined;
};

export type RestHandler<Request extends RestRequest = RestRequest> = {
  readonly bindings: readonly RestBinding[];
  /** Undefined when no route has this path: the caller may go on. OPTIONS is answered with Allow. Never rejects. */
  handle(request: Request): Promise<RestResponse | undefined>;
  /** What `Allow` says of a path; undefined when no route has it. */
  allow(path: string): string | undefined;
};

const defaultMaxBodyBytes = 4 * 1024 * 1024;

/** Builds the handler. Throws, naming the method, for a google.api.http option that cannot be served. */
export function createRestHandler<Request extends RestRequest = RestRequest>(
  options: RestHandlerOptions<Request>,
): RestHandler<Request> {
  const maxBodyBytes = options.maxBodyBytes ?? defaultMaxBodyBytes;
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 0) {
    throw new Error(`maxBodyBytes must be a whole number of bytes, 0 or more, not ${maxBodyBytes}`);
  }
  const router = buildRestRouter(options.services, options.include ? { include: options.include } : {});
  const correlationIdOf = options.correlationId ?? plainCorrelationId;

  /** Reads and calls one after the other in one function: each that waits for another costs a request a promise. */
  async function respond(request: Request, match: RestMatch, verb: string): Promise<RestResponse> {
    let response: RestResponse;
    try {
      if ("allow" in match) {
        throw methodNotAllowed(allowedVerbs(match.allow));
      }
      const { binding, params } = match;
      const { method } = binding;
      const format = method.methodKind === "unary" ? undefined : streamFormatFor(request.headers.get("accept"));
      const given = typeof request.body === "function" ? request.body(maxBodyBytes, method) : request.body;
      const body = given instanceof Promise ? await given : given;
      if (body.byteLength > maxBodyBytes) {
        throw bodyTooLargeError(maxBodyBytes);
      }
      if (body.byteLength > 0) {
        assertJsonBody(request.headers);
      }
      const message = decodeRestRequest(binding, { params, query: request.query, body, registry: options.registry });
      const result = await options.invoke(method, message, request);
      response = "message" in result ? whole(binding, result) : await streamed(request, binding, result, format);
    } catch (error) {
      response = refusal(request, error);
    }
    return forVerb(verb, response);
  }

  function whole(binding: RestBinding, { message, headers }: WholeAnswer): RestResponse {
    const fields = fieldsOf(headers);
    fields.set("content-type", "application/json");
    return { status: 200, headers: fields, body: responseBytes(binding, message, options.registry) };
  }

  async function streamed(
    request: Request,
    binding: RestBinding,
    { messages, headers }: StreamedAnswer,
    format: StreamFormat | undefined,
  ): Promise<RestResponse> {
    if (format === undefined) {
      throw new Error(`${binding.method.name} is unary and was answered with a stream`);
    }
    const fields = fieldsOf(headers);
    fields.set("content-type", format.contentType);
    // Asks nginx and its like to pass each item on as it comes.
    fields.set("x-accel-buffering", "no");
    const encode = (each: Message): JsonValue => responseJson(binding, each, options.registry);
    const describe = (error: unknown): JsonValue => errorJson(refuse(request, error));
    return { status: 200, headers: fields, body: await openStreamBody(messages, { format, encode, describe }) };
  }

  function refusal(request: Request, error: unknown): RestResponse {
    const answered = refuse(request, error instanceof PathEncodingError ? badPathValue(error) : error);
    return { ...answered, body: encodeJson(errorJson(answered)) };
  }

  function refuse(request: Request, error: unknown): RestErrorResponse {
    const correlationId = correlationIdOf(request.headers);
    options.onError?.(error, request, correlationId);
    return toRestError(error, { correlationId, registry: options.registry, domain: options.errorDomain });
  }

  function match(verb: string, path: string): RestMatch | undefined {
    const found = router.match(verb, path);
    return verb === "HEAD" && found && "allow" in found ? router.match("GET", path) : found;
  }

  function allow(path: string): string | undefined {
    const verbs = router.verbsOf(path);
    return verbs && allowedVerbs(verbs).join(", ");
  }

  return {
    bindings: router.bindings,
    allow,
    handle(request) {
      const verb = request.verb.toUpperCase();
      let found: RestMatch | undefined;
      try {
        found = match(verb, request.path);
      } catch (error) {
        return Promise.resolve(forVerb(verb, refusal(request, error)));
      }
      if (found === undefined) {
        return Promise.resolve(undefined);
      }
      if (verb === "OPTIONS" && "allow" in found) {
        const headers = new HeaderFields([["allow", allow(request.path) ?? ""]]);
        return Promise.resolve({ status: 204, headers, body: noBytes });
      }
      return respond(request, found, verb);
    },
  };
}

const noBytes = new Uint8Array();

/** What a call answers may hold several cookies, which are no list. */
function fieldsOf(headers: Headers | undefined): Headers {
  return headers === undefined ? new HeaderFields() : new Headers(headers);
}

/** HEAD is GET without its body. */
function forVerb(verb: string, response: RestResponse): RestResponse | Promise<RestResponse> {
  return verb === "HEAD" ? withoutBody(response) : response;
}

/** A stream that nobody will read is ended, and the call behind it with it. */
async function withoutBody({ status, headers, body }: RestResponse): Promise<RestResponse> {
  if (!(body instanceof Uint8Array)) {
    await body[Symbol.asyncIterator]().return?.();
  }
  return { status, headers, body: noBytes };
}

function errorJson({ body }: RestErrorResponse): JsonValue {
  return { ...body, details: [...body.details] };
}

/** What a body reader throws when the body is larger than it may be: answered with 413. */
export function bodyTooLargeError(maxBytes: number): ConnectError {
  return errorWithHttpStatus(413, Code.ResourceExhausted, `the request body must not be larger than ${maxBytes} bytes`);
}

function methodNotAllowed(verbs: readonly string[]): ConnectError {
  const allow = verbs.join(", ");
  return errorWithHttpStatus(405, Code.Unimplemented, `only ${allow} can be used on this path`, { allow });
}

function badPathValue(error: PathEncodingError): ConnectError {
  const description = "must be percent-encoded UTF-8";
  return invalidRequestError([{ path: error.fieldPath.split("."), description }], error);
}

/** It is written to logs and answers: nothing but plain, short ids is taken over. */
function plainCorrelationId(headers: Headers): string | undefined {
  const given = headers.get("x-correlation-id");
  return given !== null && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : undefined;
}
