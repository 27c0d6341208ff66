import type { DescService, Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { exposedMethods } from "../upstream/exposed-methods.ts";
import { clientAddressHeader, type ForwardedCall, type Forwarder } from "../upstream/forwarder.ts";
import { requestedTimeoutMs } from "../upstream/request-timeout.ts";

/** Authentication as a gate that runs before a message is decoded; for `createConnectRouter` or for single routes. */
export function requestGate(forwarder: Forwarder): (context: HandlerContext) => Promise<void> {
  return (context) => forwarder.authenticate(context.method, context.requestHeader);
}

export interface ProxyRoutesOptions {
  /**
   * Calls come straight from clients instead of through the edge of the public port: each route gets the request gate, and
   * what clients say about their own address is dropped.
   */
  readonly direct: boolean;
}

/**
 * Registers a proxy for every method that clients may call, read from the descriptors. The same routes serve native gRPC
 * on its own port (by the mesh's server) and Connect and gRPC-Web on the public one.
 */
export function registerProxies(
  router: ConnectRouter,
  services: readonly DescService[],
  forwarder: Forwarder,
  { direct }: ProxyRoutesOptions,
): void {
  // Options of a route would also bring back the protocols that its router leaves out.
  const options = direct ? { requestGate: requestGate(forwarder) } : undefined;
  const callOf = (context: HandlerContext) => forwardedCall(context, direct);
  for (const method of exposedMethods(services)) {
    if (method.methodKind === "unary") {
      router.rpc(method, (request: Message, context) => forwarder.unary(method, request, callOf(context)), options);
    } else {
      router.rpc(
        method,
        (request: Message, context) => forwarder.serverStream(method, request, callOf(context)),
        options,
      );
    }
  }
}

function forwardedCall(context: HandlerContext, direct: boolean): ForwardedCall {
  const headers = new Headers(context.requestHeader);
  if (direct) {
    headers.delete(clientAddressHeader);
  }
  return { signal: context.signal, headers, timeoutMs: context.timeoutMs() ?? requestedTimeoutMs(headers) };
}
