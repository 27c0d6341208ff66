import type { DescMethodServerStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { Logger } from "@weft/mesh";
import { createRestHandler } from "@weft/transcoding";
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
  const handler = createRestHandler({
    services: options.services,
    include: (binding) => isExposed(binding.method),
    maxBodyBytes: options.bodyMaxBytes,
    onError: (error, { verb, path }) => {
      // Errors made for clients are no news here; anything else is a fault of the gateway.
      if (!(error instanceof ConnectError)) {
        options.logger.error({ err: error, verb, path }, "a REST call failed");
      }
    },
    invoke: async (method, message, { headers, signal }) => {
      const call = { headers, signal, timeoutMs: requestedTimeoutMs(headers) };
      return method.methodKind === "unary"
        ? { message: await options.forwarder.unary(method as DescMethodUnary, message, call) }
        : { messages: options.forwarder.serverStream(method as DescMethodServerStreaming, message, call) };
    },
  });
  return {
    allow: handler.allow,
    handle: (request) =>
      handler.handle({
        verb: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        body: async (maxBytes, method) => {
          // Asked once when a route has matched, before the request is decoded: who has no token learns only that.
          const admitted = options.forwarder.authenticate(method, request.headers);
          if (admitted !== undefined) {
            await admitted;
          }
          try {
            return await request.readBody();
          } catch (error) {
            throw bodyError(error, maxBytes);
          }
        },
        signal: request.signal,
      }),
  };
}
