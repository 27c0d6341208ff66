import type { DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { accessOf } from "@weft/auth/verifier";
import { createRestHandler, type Logger } from "@weft/mesh";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { bodyError } from "../http/error-response.ts";
import type { HttpRequest, HttpResponse } from "../http/http-server.ts";
import { isExposed } from "../upstream/exposed-methods.ts";
import type { Forwarder } from "../upstream/forwarder.ts";
import { requestedTimeoutMs } from "../upstream/request-timeout.ts";

export interface RestRoutes {
  /** Answers a request that a google.api.http binding matches; resolves to undefined for any other path. */
  handle(request: HttpRequest): Promise<HttpResponse | undefined>;
}

/**
 * REST/JSON for every binding of a method that clients may call. Routes, aliases, decoding and errors are the mesh's
 * transcoder's; this file says who may call, how long it may take, and that the call is passed on.
 */
export function createRestRoutes(options: {
  readonly services: readonly DescService[];
  readonly forwarder: Forwarder;
  /** Throws unless the headers carry a good access token. */
  readonly authenticateUser: (headers: Headers) => Promise<void>;
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
      await options.forwarder.authenticate(method, headers);
      if (method.methodKind !== "unary") {
        throw new Error(`${method.parent.typeName}.${method.name} is not unary and cannot be bound to REST`);
      }
      const timeoutMs = requestedTimeoutMs(headers);
      const call = { headers, signal, timeoutMs };
      return { message: await options.forwarder.unary(method as DescMethodUnary, message, call) };
    },
  });
  const publicPaths = new Set(
    handler.bindings.filter(({ method }) => accessOf(method) === Access.PUBLIC).map(({ template }) => template.text),
  );
  // A pattern would need matching here too; its methods are then checked when they are invoked, as all are.
  const hasPublicPattern = [...publicPaths].some((path) => /[{*]/.test(path));
  return {
    handle: (request) =>
      handler.handle({
        verb: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        body: async (maxBytes) => {
          // Before the request is decoded: who has no token learns only that. Asked for when a route has matched.
          if (!publicPaths.has(request.path) && !hasPublicPattern) {
            await options.authenticateUser(request.headers);
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
