import type { DescMethod, DescService, Message, Registry } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { systemRandom } from "../random.ts";
import { invalidRequestError } from "./field-violations.ts";
import type { RestBinding } from "./http-rule.ts";
import { PathEncodingError } from "./path-template.ts";
import { decodeRestRequest } from "./request-message.ts";
import { encodeJson, encodeRestResponse } from "./response-json.ts";
import { errorWithHttpStatus, toRestError } from "./rest-error.ts";
import { buildRestRouter, type RestMatch } from "./router.ts";

/*
 * REST/JSON in front of unary RPCs, independent of the HTTP server: a request in, an answer out.
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
  readonly query: string | URLSearchParams;
  readonly headers: Headers;
  /** The bytes, or a function that reads at most `maxBytes` of them and throws bodyTooLargeError() beyond. */
  readonly body: Uint8Array | ((maxBytes: number) => Promise<Uint8Array>);
  readonly signal: AbortSignal;
  /** The service that asks, by its certificate; undefined without mTLS. */
  readonly caller?: string | undefined;
};

/** An answer for any HTTP server to write. The body of an answer to HEAD is empty. */
export type RestResponse = { readonly status: number; readonly headers: Headers; readonly body: Uint8Array };

/** Calls a method. Throws what the client is to be told as a ConnectError; anything else becomes Internal. */
export type RestInvoke = (
  method: DescMethod,
  message: Message,
  context: { readonly headers: Headers; readonly signal: AbortSignal; readonly caller: string | undefined },
) => Promise<{ readonly message: Message; readonly headers?: Headers | undefined }>;

export type RestHandlerOptions = {
  /** Methods without a google.api.http option have no route. */
  readonly services: readonly DescService[];
  readonly invoke: RestInvoke;
  /** Types for google.protobuf.Any in bodies and for error details of other services. */
  readonly registry?: Registry | undefined;
  /** Larger request bodies are answered with 413. Default 4 MiB: gRPC's usual limit for one message. */
  readonly maxBodyBytes?: number | undefined;
  /** Which bindings to serve; all when absent. */
  readonly include?: ((binding: RestBinding) => boolean) | undefined;
  /** The id that errors name. Default: the X-Correlation-Id header if it is sound, else a new UUID. */
  readonly correlationId?: ((headers: Headers) => string) | undefined;
  /** Hears of every error that is answered, with its cause still attached, before the answer leaves. Must not throw. */
  readonly onError?: ((error: unknown, request: RestRequest, correlationId: string) => void) | undefined;
};

export type RestHandler = {
  readonly bindings: readonly RestBinding[];
  /** Undefined when no route has this path, and for OPTIONS: the caller may go on. Never rejects. */
  handle(request: RestRequest): Promise<RestResponse | undefined>;
};

const defaultMaxBodyBytes = 4 * 1024 * 1024;

/** Builds the handler. Throws, naming the method, for a google.api.http option that cannot be served. */
export function createRestHandler(options: RestHandlerOptions): RestHandler {
  const maxBodyBytes = options.maxBodyBytes ?? defaultMaxBodyBytes;
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 0) {
    throw new Error(`maxBodyBytes must be a whole number of bytes, 0 or more, not ${maxBodyBytes}`);
  }
  const router = buildRestRouter(options.services, options.include ? { include: options.include } : {});
  const correlationIdOf = options.correlationId ?? defaultCorrelationId;

  async function answer(request: RestRequest, match: RestMatch): Promise<RestResponse> {
    if ("allow" in match) {
      throw methodNotAllowed(match.allow);
    }
    const body = typeof request.body === "function" ? await request.body(maxBodyBytes) : request.body;
    if (body.byteLength > maxBodyBytes) {
      throw bodyTooLargeError(maxBodyBytes);
    }
    if (body.byteLength > 0) {
      assertJsonBody(request.headers);
    }
    const { binding, params } = match;
    const message = decodeRestRequest(binding, { params, query: request.query, body, registry: options.registry });
    const context = { headers: request.headers, signal: request.signal, caller: request.caller };
    const result = await options.invoke(binding.method, message, context);
    const headers = new Headers(result.headers);
    headers.set("content-type", "application/json");
    return { status: 200, headers, body: encodeRestResponse(binding, result.message, options.registry) };
  }

  function refuse(request: RestRequest, error: unknown): RestResponse {
    const correlationId = correlationIdOf(request.headers);
    options.onError?.(error, request, correlationId);
    const { status, headers, body } = toRestError(error, { correlationId, registry: options.registry });
    return { status, headers, body: encodeJson({ ...body, details: [...body.details] }) };
  }

  return {
    bindings: router.bindings,
    async handle(request) {
      const verb = request.verb.toUpperCase();
      if (verb === "OPTIONS") {
        return undefined;
      }
      let response: RestResponse;
      try {
        const match = router.match(verb === "HEAD" ? "GET" : verb, request.path);
        if (!match) {
          return undefined;
        }
        response = await answer(request, match);
      } catch (error) {
        response = refuse(request, error instanceof PathEncodingError ? badPathValue(error) : error);
      }
      return verb === "HEAD" ? { ...response, body: new Uint8Array() } : response;
    },
  };
}

/** What a body reader throws when the body is larger than it may be: answered with 413. */
export function bodyTooLargeError(maxBytes: number): ConnectError {
  return errorWithHttpStatus(413, Code.ResourceExhausted, `the request body must not be larger than ${maxBytes} bytes`);
}

function methodNotAllowed(methods: readonly string[]): ConnectError {
  const allow = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
  return errorWithHttpStatus(405, Code.Unimplemented, `only ${allow} can be used on this path`, { allow });
}

function badPathValue(error: PathEncodingError): ConnectError {
  const description = "must be percent-encoded UTF-8";
  return invalidRequestError([{ path: error.fieldPath.split("."), description }], error);
}

function assertJsonBody(headers: Headers): void {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw errorWithHttpStatus(415, Code.InvalidArgument, "the request body must not be compressed");
  }
  const contentType = headers.get("content-type");
  if (contentType !== null && contentType !== "" && !isJson(contentType)) {
    throw errorWithHttpStatus(415, Code.InvalidArgument, "the request body must be application/json in UTF-8");
  }
}

function isJson(contentType: string): boolean {
  const [mediaType = "", ...parameters] = contentType.toLowerCase().split(";");
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("charset="));
  return (
    /^application\/(?:[a-z0-9!#$&^_.-]+\+)?json$/.test(mediaType.trim()) &&
    (charset === undefined || /^charset="?utf-?8"?$/.test(charset))
  );
}

function defaultCorrelationId(headers: Headers): string {
  const given = headers.get("x-correlation-id");
  // It is written to logs and answers: nothing but plain, short ids is taken over.
  return given !== null && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : systemRandom.id();
}
