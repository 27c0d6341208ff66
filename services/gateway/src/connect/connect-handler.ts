import type { DescService } from "@bufbuild/protobuf";
import { Code, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { errorWithHttpStatus } from "@weft/transcoding";
import { registerProxies, requestGate } from "../grpc/proxy-routes.ts";
import type { HttpRequest, HttpResponse } from "../http/http-server.ts";
import type { Forwarder } from "../upstream/forwarder.ts";
import { blamedRightly } from "./unreadable-request.ts";

/*
 * Connect and gRPC-Web over HTTP/1.1, on any HTTP server behind our port: what connectNodeAdapter does for Node's. The
 * library's handlers speak in universal requests and responses; this file translates. Plain gRPC is left out: it needs
 * HTTP/2 trailers, and has a port of its own.
 */

export interface ConnectHandler {
  /** Answers a request for "/package.Service/Method"; undefined for any other path. May throw. */
  handle(request: HttpRequest): Promise<HttpResponse> | undefined;
}

export function createConnectHandler(options: {
  readonly services: readonly DescService[];
  readonly forwarder: Forwarder;
  readonly bodyMaxBytes: number;
}): ConnectHandler {
  const router = createConnectRouter({
    grpc: false,
    readMaxBytes: options.bodyMaxBytes,
    requestGate: requestGate(options.forwarder, { direct: undefined }),
  });
  registerProxies(router, options.services, options.forwarder, { direct: undefined });
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return {
    handle(request) {
      const handler = handlers.get(request.path);
      return handler === undefined ? undefined : answer(handler, request);
    },
  };
}

async function answer(handler: UniversalHandler, request: HttpRequest): Promise<HttpResponse> {
  if (!handler.allowedMethods.includes(request.method)) {
    const allow = handler.allowedMethods.join(", ");
    throw errorWithHttpStatus(405, Code.Unimplemented, `only ${allow} can be used on this path`, { allow });
  }
  // Read before the handler starts: its own reading would answer a body that is too large or late as an internal error.
  const body = await request.readBody();
  const response = await handler({
    httpVersion: "1.1",
    method: request.method,
    // Only path and query are looked at; the Host header is the client's and may be no host at all.
    url: `http://gateway${request.path}${request.query === "" ? "" : `?${request.query}`}`,
    header: request.headers,
    body: once(body),
    signal: request.signal,
  });
  if (response.status === 415) {
    throw errorWithHttpStatus(415, Code.InvalidArgument, "Connect and gRPC-Web are spoken here, in JSON or protobuf");
  }
  const headers = new Headers(response.header);
  headers.delete("content-length");
  if (response.status === 503 && !headers.has("retry-after")) {
    headers.set("retry-after", "1");
  }
  const { status } = response;
  if (handler.method.methodKind !== "unary") {
    return { status, headers, body: bodyOf(response) };
  }
  return blamedRightly(handler, request, body, { status, headers, body: await collected(bodyOf(response)) });
}

async function* once(body: Uint8Array): AsyncIterable<Uint8Array> {
  yield body;
}

async function* bodyOf(response: UniversalServerResponse): AsyncIterable<Uint8Array> {
  if (response.body !== undefined) {
    yield* response.body;
  }
}

/** An answer of one message goes out in one piece, with its length. */
async function collected(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) {
    pieces.push(piece);
  }
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}
