import type { DescMethodServerStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import type { RestInvoke } from "./rest-handler.ts";

/** Headers that describe the HTTP message a call came in, or the connection; they are not the call's. */
const hopHeaders = [
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "connection",
  "host",
  "accept-encoding",
] as const;

/** Calls through a Connect transport: to handlers in memory (createRouterTransport) or to a service elsewhere. */
export function invokeThrough(transport: Transport): RestInvoke {
  return async (method, message, { headers, signal }) => {
    const kept = new Headers(headers);
    for (const name of hopHeaders) {
      kept.delete(name);
    }
    if (method.methodKind === "unary") {
      const answer = await transport.unary(method as DescMethodUnary, signal, undefined, kept, message);
      return { message: answer.message, headers: answer.header };
    }
    const stream = method as DescMethodServerStreaming;
    const answer = await transport.stream(stream, signal, undefined, kept, only(message));
    return { messages: answer.message, headers: answer.header };
  };
}

async function* only(message: Message) {
  yield message;
}
