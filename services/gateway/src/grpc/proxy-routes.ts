import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { opaqueMethod, opaqueRoute, peerAddressKey } from "@weft/mesh";
import { HeaderFields } from "@weft/transcoding";
import type { ClientAddress } from "../http/client-address.ts";
import { signalledClient } from "../upstream/client-wait.ts";
import { exposedMethods } from "../upstream/exposed-methods.ts";
import { clientAddressHeader, type ForwardedCall, type Forwarder } from "../upstream/forwarder.ts";
import { requestedTimeoutMs } from "../upstream/request-timeout.ts";

/**
 * Token and budget as a gate that runs before a message is decoded; for `createConnectRouter`, or for the route of one method,
 * which then counts whatever the call makes of it.
 */
export function requestGate(
  forwarder: Forwarder,
  { direct }: ProxyRoutesOptions,
  only?: DescMethod,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const { requestHeader, responseHeader } = context;
    const method = only ?? context.method;
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
 * on its own port (by the mesh's server) and Connect and gRPC-Web on the public one. Native gRPC is passed on as it comes, and so
 * are its answers: nothing of it is decoded here, and the rules of the contract are the service's to check. What comes in JSON,
 * compressed, or by another protocol is read and written, as are answers in a stream.
 */
export function registerProxies(
  router: ConnectRouter,
  services: readonly DescService[],
  forwarder: Forwarder,
  { direct }: ProxyRoutesOptions,
): void {
  const callOf = (context: HandlerContext) => forwardedCall(context, direct);
  for (const method of exposedMethods(services)) {
    // Options of a route would also bring back the protocols that its router leaves out.
    const gated = direct && { requestGate: requestGate(forwarder, { direct }, method) };
    if (method.methodKind === "unary") {
      const unread = opaqueMethod(method);
      const opaque = opaqueRoute((message, context) =>
        forwarder.opaque(unread, message, callOf(context), method.input),
      );
      router.rpc(
        method,
        (request: Message, context) => forwarder.unary(method, request, callOf(context)),
        gated && { ...gated, ...opaque },
      );
    } else {
      router.rpc(
        method,
        (request: Message, context) => forwarder.serverStream(method, request, callOf(context)),
        gated,
      );
    }
  }
}

function forwardedCall(context: HandlerContext, direct: ProxyRoutesOptions["direct"]): ForwardedCall {
  const headers = new HeaderFields(context.requestHeader);
  if (direct !== undefined) {
    const address = direct.addressOf(context);
    headers.delete(clientAddressHeader);
    if (address !== undefined) {
      headers.set(clientAddressHeader, address);
    }
  }
  return {
    client: signalledClient(context.signal),
    headers,
    timeoutMs: context.timeoutMs() ?? requestedTimeoutMs(headers),
  };
}
