import type { DescService, Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { peerAddressKey } from "@weft/mesh";
import type { ClientAddress } from "../http/client-address.ts";
import { exposedMethods } from "../upstream/exposed-methods.ts";
import { clientAddressHeader, type ForwardedCall, type Forwarder } from "../upstream/forwarder.ts";
import { requestedTimeoutMs } from "../upstream/request-timeout.ts";

/** Token and budget as a gate that runs before a message is decoded; for `createConnectRouter` or for single routes. */
export function requestGate(
  forwarder: Forwarder,
  { direct }: ProxyRoutesOptions,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const { method, requestHeader, responseHeader } = context;
    try {
      await forwarder.authenticate(method, requestHeader, direct && { address: direct.addressOf(context) });
    } finally {
      for (const [name, value] of forwarder.answerHeaders(requestHeader)) {
        responseHeader.set(name, value);
      }
    }
  };
}

export interface ProxyRoutesOptions {
  /**
   * For calls that come straight from clients instead of through the edge of the public port: each route gets the request
   * gate, and what clients say about their own address gives way to what is known of it.
   */
  readonly direct: { addressOf(context: HandlerContext): string | undefined } | undefined;
}

/** The address of a client by its connection, and by the proxies in between that are trusted. */
export function addressOfDirect(clientAddress: ClientAddress): (context: HandlerContext) => string | undefined {
  return ({ values, requestHeader }) => {
    const peer = values.get(peerAddressKey);
    return peer === undefined ? undefined : clientAddress(peer, requestHeader.get(clientAddressHeader));
  };
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
  const options = direct && { requestGate: requestGate(forwarder, { direct }) };
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

function forwardedCall(context: HandlerContext, direct: ProxyRoutesOptions["direct"]): ForwardedCall {
  const headers = new Headers(context.requestHeader);
  if (direct !== undefined) {
    const address = direct.addressOf(context);
    headers.delete(clientAddressHeader);
    if (address !== undefined) {
      headers.set(clientAddressHeader, address);
    }
  }
  return { signal: context.signal, headers, timeoutMs: context.timeoutMs() ?? requestedTimeoutMs(headers) };
}
