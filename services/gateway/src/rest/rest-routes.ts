import type { DescMethod, DescMethodServerStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { Logger } from "@weft/mesh";
import { createRestHandler, type RestRequest } from "@weft/transcoding";
import { bodyError } from "../http/error-response.ts";
import type { HttpRequest, HttpResponse } from "../http/http-server.ts";
import { isExposed } from "../upstream/exposed-methods.ts";
import type { Forwarder } from "../upstream/forwarder.ts";
import { requestedTimeoutMs } from "../upstream/request-timeout.ts";

export interface RestRoutes {
  /** Answers a request that a google.api.http binding matches; resolves to undefined for any other path. */
  handle(request: HttpRequest): Promise<HttpResponse | undefined>;
  /** What `Allow` says of a path; undefined when no binding has it. */
  allow(path: string): string | undefined;
}

/**
 * REST/JSON for every binding of a method that clients may call. Routes, aliases, decoding and errors are the mesh's
 * transcoder's; this file says who may call, how long it may take, and that the call is passed on.
 */
export function createRestRoutes(options: {
  readonly services: readonly DescService[];
  readonly forwarder: Forwarder;
  readonly bodyMaxBytes: number;
  readonly logger: Logger;
}): RestRoutes {
  const handler = createRestHandler<RestCall>({
    services: options.services,
    include: (binding) => isExposed(binding.method),
    maxBodyBytes: options.bodyMaxBytes,
    onError: (error, { verb, path }) => {
      // Errors made for clients are no news here; anything else is a fault of the gateway.
      if (!(error instanceof ConnectError)) {
        options.logger.error({ err: error, verb, path }, "a REST call failed");
      }
    },
    invoke: async (method, message, { request }) => {
      const { headers, path, query } = request;
      const call = {
        client: request,
        headers,
        timeoutMs: requestedTimeoutMs(headers),
        // What is read by another path is another read, which costs a call at most.
        readKey: request.hasBody ? undefined : `${request.method} ${path}?${query}`,
      };
      return method.methodKind === "unary"
        ? { message: await options.forwarder.unary(method as DescMethodUnary, message, call) }
        : { messages: options.forwarder.serverStream(method as DescMethodServerStreaming, message, call) };
    },
  });
  // Asked once when a route has matched, before the request is decoded: who has no token learns only that.
  const readBody = (request: HttpRequest, maxBytes: number, method: DescMethod): Uint8Array | Promise<Uint8Array> => {
    const admitted = options.forwarder.authenticate(method, request.headers);
    if (admitted !== undefined) {
      return admitted.then(() => bodyOf(request, maxBytes));
    }
    return request.hasBody ? bodyOf(request, maxBytes) : noBody;
  };
  return {
    allow: handler.allow,
    handle: (request) => handler.handle(new RestCall(request, readBody)),
  };
}

const noBody = new Uint8Array();

async function bodyOf(request: HttpRequest, maxBytes: number): Promise<Uint8Array> {
  try {
    return await request.readBody();
  } catch (error) {
    throw bodyError(error, maxBytes);
  }
}

/** A request as the transcoder takes it. */
class RestCall implements RestRequest {
  readonly request: HttpRequest;
  readonly verb: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly body: (maxBytes: number, method: DescMethod) => Uint8Array | Promise<Uint8Array>;

  constructor(
    request: HttpRequest,
    readBody: (request: HttpRequest, maxBytes: number, method: DescMethod) => Uint8Array | Promise<Uint8Array>,
  ) {
    this.request = request;
    this.verb = request.method;
    this.path = request.path;
    this.query = request.query;
    this.headers = request.headers;
    this.body = (maxBytes, method) => readBody(request, maxBytes, method);
  }

  /** Made when somebody asks, which hardly any request needs. */
  get signal(): AbortSignal {
    return this.request.signal;
  }
}
