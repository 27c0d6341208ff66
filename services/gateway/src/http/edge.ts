import { Code } from "@connectrpc/connect";
import {
  type CallContext,
  type Clock,
  correlationIdFrom,
  errorWithHttpStatus,
  inServerSpan,
  type Logger,
  type Random,
  runInCall,
  traceIdOf,
  traceOf,
} from "@weft/mesh";
import { HeaderFields } from "@weft/transcoding";
import type { ConnectHandler } from "../connect/connect-handler.ts";
import type { ApiPages } from "../docs/api-pages.ts";
import type { HealthReport } from "../health/health-report.ts";
import type { GatewayMetrics } from "../metrics.ts";
import type { RestRoutes } from "../rest/rest-routes.ts";
import { clientAddressHeader } from "../upstream/forwarder.ts";
import type { ClientAddress } from "./client-address.ts";
import { allowedMethods, type CorsPolicy } from "./cors.ts";
import { entityTag, isKnownTag } from "./entity-tag.ts";
import { bodyError, errorResponse, jsonResponse } from "./error-response.ts";
import type { FieldBlock, HeaderField, HttpHandler, HttpRequest, HttpResponse } from "./http-server.ts";
import type { RequestCounter } from "./request-counter.ts";

/*
 * What every request on the public port goes through, in this order: it gets its correlation id and loses what only a
 * proxy of ours may say; the call context is opened; a route answers it (the gateway's own pages, Connect and gRPC-Web by
 * path, REST by binding, else 404); and the headers that every answer carries are put on. It never rejects.
 */

/** A route that the gateway answers itself. */
export interface OwnRoute {
  readonly methods: readonly string[];
  /** May reject, as routes of services do. */
  answer(request: HttpRequest): Promise<HttpResponse>;
}

export interface EdgeOptions {
  readonly connect: ConnectHandler;
  readonly rest: RestRoutes;
  readonly health: () => HealthReport;
  readonly apiPages: ApiPages;
  /** By path. */
  readonly ownRoutes: ReadonlyMap<string, OwnRoute>;
  /** What the answer to a request with these very headers says besides. */
  readonly answerHeaders: (headers: Headers) => readonly HeaderField[];
  /** Cache-Control of a good answer to a GET with these very headers, where its contract says that it may be kept. */
  readonly cacheControl: (headers: Headers) => string | undefined;
  readonly cors: CorsPolicy;
  readonly securityHeaders: FieldBlock;
  readonly clientAddress: ClientAddress;
  readonly requests: RequestCounter;
  readonly bodyMaxBytes: number;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

interface RequestContext extends CallContext {
  readonly method: string;
}

type Answer = { readonly protocol: "rest" | "rpc" | "other"; readonly response: HttpResponse };

export function createEdge(options: EdgeOptions): HttpHandler {
  const { cors, clock, logger, metrics } = options;

  /** One function for all, however long: each that waits for another costs a request a promise and its hooks. */
  async function answer(request: HttpRequest, correlationId: string): Promise<Answer> {
    try {
      const own = ownPage(request);
      if (own !== undefined) {
        return { protocol: "other", response: own };
      }
      if (!(allowedMethods as readonly string[]).includes(request.method)) {
        throw methodNotAllowed(request.method, allowedMethods);
      }
      const ownRoute = options.ownRoutes.get(request.path);
      if (ownRoute !== undefined) {
        if (!ownRoute.methods.includes(request.method)) {
          throw methodNotAllowed(request.method, [...ownRoute.methods, "OPTIONS"]);
        }
        return { protocol: "other", response: await ownRoute.answer(request) };
      }
      const rpc = options.connect.handle(request);
      if (rpc !== undefined) {
        return { protocol: "rpc", response: await rpc };
      }
      const rest = await options.rest.handle(request);
      if (rest !== undefined) {
        return { protocol: "rest", response: rest };
      }
      throw errorWithHttpStatus(404, Code.NotFound, "nothing is served at this path");
    } catch (error) {
      const response = errorResponse(bodyError(error, options.bodyMaxBytes), correlationId);
      if (response.status >= 500 && response.status !== 503 && response.status !== 504) {
        logger.error({ err: error, path: request.path }, "a request failed");
      }
      return { protocol: "other", response };
    }
  }

  function ownPage(request: HttpRequest): HttpResponse | undefined {
    const page = pages.get(request.path);
    if (request.method === "OPTIONS") {
      const headers = new HeaderFields(cors.preflightHeadersFor(request.headers.get("origin")));
      const allow = page === undefined ? allowOf(request.path) : "GET, HEAD, OPTIONS";
      if (allow !== undefined) {
        headers.set("allow", allow);
      }
      return { status: 204, headers, body: new Uint8Array() };
    }
    if (page !== undefined && request.method !== "GET" && request.method !== "HEAD") {
      throw methodNotAllowed(request.method, ["GET", "HEAD"]);
    }
    return page?.(request);
  }

  function allowOf(path: string): string | undefined {
    const own = options.ownRoutes.get(path);
    return own === undefined ? options.rest.allow(path) : [...own.methods, "OPTIONS"].join(", ");
  }

  const ownPages: Readonly<Record<string, (request: HttpRequest) => HttpResponse>> = {
    "/": () =>
      jsonResponse(200, {
        name: "weft gateway",
        version: options.version,
        links: {
          health: "/healthz",
          ready: "/readyz",
          webSocket: "/ws",
          keys: "/.well-known/jwks.json",
          openapi: "/openapi.json",
          docs: "/docs",
        },
      }),
    ...options.apiPages,
    "/healthz": () => jsonResponse(200, options.health()),
    "/readyz": () => {
      const report = options.health();
      const response = jsonResponse(report.status === "ok" ? 200 : 503, report);
      if (report.status !== "ok") {
        response.headers.set("retry-after", "1");
      }
      return response;
    },
    "/ws": () => {
      throw errorWithHttpStatus(426, Code.FailedPrecondition, "this is a WebSocket: upgrade, with subprotocol weft.v1");
    },
  };
  const pages = new Map(Object.entries(ownPages));

  async function answerInCall(
    request: HttpRequest,
    { correlationId, method: name, trace }: RequestContext,
  ): Promise<HttpResponse> {
    const startedAtMs = clock.monotonicMs();
    try {
      const { protocol, response: whole } = await inServerSpan(name, () => answer(request, correlationId));
      const response = protocol === "other" ? whole : conditional(request, whole, options.cacheControl);
      const durationMs = clock.monotonicMs() - startedAtMs;
      const { status } = response;
      const method = knownMethod(request.method);
      metrics.requests.answered(protocol, method, status, durationMs, trace);
      logger.debug({ method, path: request.path, status, durationMs: Math.round(durationMs) }, "request answered");
      return finished(response, request, correlationId, options, options.answerHeaders(request.headers));
    } finally {
      options.requests.ended();
    }
  }

  return (request) => {
    const names = prepareRequest(request, options);
    const authorization = request.headers.get("authorization");
    // Not the request's signal: whoever makes a call for this client alone is told of its leaving (upstream/), and what is
    // done for several, such as asking the auth service about a token, must not end with one of them.
    const context: RequestContext = {
      ...names,
      method: `${request.method} ${request.path}`,
      authorization: authorization ?? undefined,
    };
    options.requests.began();
    return runInCall(context, () => answerInCall(request, context));
  };
}

/** A whole answer to GET with its entity tag, or 304 where the client has it already. */
function conditional(
  request: HttpRequest,
  response: HttpResponse,
  cacheControl: EdgeOptions["cacheControl"],
): HttpResponse {
  const { status, headers, body } = response;
  if (request.method !== "GET" || status !== 200 || !(body instanceof Uint8Array)) {
    return response;
  }
  const tag = entityTag(body);
  headers.set("etag", tag);
  const kept = cacheControl(request.headers);
  if (kept !== undefined) {
    headers.set("cache-control", kept);
  }
  const ifNoneMatch = request.headers.get("if-none-match");
  if (ifNoneMatch === null || !isKnownTag(ifNoneMatch, tag)) {
    return response;
  }
  headers.delete("content-type");
  return { status: 304, headers, body: new Uint8Array() };
}

const proxyFields = /^x-(?:(?:user|forwarded|weft)-|real-ip$)/;
const none: readonly string[] = [];

/** Names a request in logs and traces. */
export type RequestNames = Required<Pick<CallContext, "correlationId" | "correlatedByTrace" | "trace">>;

/**
 * Gives the request its correlation id and trace, and takes away what only a proxy or the gateway may say about a client. One
 * that brings neither id nor trace gets an id by its new trace, so that one travels for both.
 */
export function prepareRequest(
  request: Pick<HttpRequest, "headers" | "peerAddress">,
  { clientAddress, random }: Pick<EdgeOptions, "clientAddress" | "random">,
): RequestNames {
  const { headers } = request;
  const address = clientAddress(request.peerAddress, headers.get("x-forwarded-for"));
  let claimed: string[] | undefined;
  for (const name of headers.keys()) {
    if (name === "forwarded" || (name.startsWith("x-") && proxyFields.test(name))) {
      claimed ??= [];
      claimed.push(name);
    }
  }
  for (const name of claimed ?? none) {
    headers.delete(name);
  }
  headers.set(clientAddressHeader, address);
  const trace = traceOf(headers, random);
  const hasOwnTrace = headers.get("traceparent") === null;
  const own = correlationIdFrom(headers.get("x-correlation-id"), () => "");
  const correlationId = own === "" ? (hasOwnTrace ? traceIdOf(trace) : random.id()) : own;
  headers.set("x-correlation-id", correlationId);
  return { correlationId, correlatedByTrace: own === "" && hasOwnTrace, trace };
}

/** The answer with the headers that all of them carry. */
export function finished(
  response: HttpResponse,
  request: Pick<HttpRequest, "headers">,
  correlationId: string,
  { cors, securityHeaders }: Pick<EdgeOptions, "cors" | "securityHeaders">,
  others: readonly HeaderField[] = [],
): HttpResponse {
  // What the answer has in its own headers goes before: the page of the API has a policy of its own, as strict but for its
  // style sheet, and some answers may be kept.
  const fields: HeaderField[] = [
    ...cors.headersFor(request.headers.get("origin")),
    ...others,
    ["cache-control", "no-store"],
    ["x-correlation-id", correlationId],
  ];
  return { status: response.status, headers: response.headers, body: response.body, block: securityHeaders, fields };
}

function methodNotAllowed(method: string, methods: readonly string[]) {
  const allow = methods.join(", ");
  return errorWithHttpStatus(405, Code.Unimplemented, `${knownMethod(method)} cannot be used here; use ${allow}`, {
    allow,
  });
}

/** A method that is safe as a label and in a message. */
function knownMethod(method: string): string {
  return (allowedMethods as readonly string[]).includes(method) ? method : "OTHER";
}
