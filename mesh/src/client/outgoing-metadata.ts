import { HeaderFields } from "@weft/transcoding";
import { type CallContext, correlationIdFrom, meshHeaders } from "../call-context.ts";
import type { MetadataList } from "../lane/metadata.ts";

/** Whatever `new Headers()` takes; the DOM library that names it is not loaded. */
export type HeadersInit = ConstructorParameters<typeof Headers>[0];

/** Headers that HTTP/2 forbids or that the mesh writes: a caller who passes on what it received cannot break the call. */
const ownHeaders: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-timeout",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "traceparent",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The metadata of a call: what the caller gave, the authorization of the call that is being worked on, and its correlation
 * id unless the trace already says it. Undefined when there is none, which is the usual case.
 */
export function outgoingMetadata(given: HeadersInit, surrounding: CallContext | undefined): MetadataList | undefined {
  let list: string[] | undefined;
  let correlated = false;
  let authorized = false;
  if (given !== undefined) {
    for (const [name, value] of isFields(given) ? given : new Headers(given)) {
      if (!ownHeaders.has(name)) {
        list ??= [];
        list.push(name, value);
        correlated ||= name === meshHeaders.correlationId;
        authorized ||= name === meshHeaders.authorization;
      }
    }
  }
  if (surrounding !== undefined) {
    const { authorization } = surrounding;
    if (!authorized && authorization !== undefined) {
      list ??= [];
      list.push(meshHeaders.authorization, authorization);
    }
    if (!correlated && (surrounding.correlatedByTrace !== true || surrounding.trace === undefined)) {
      list ??= [];
      list.push(
        meshHeaders.correlationId,
        correlationIdFrom(surrounding.correlationId, () => ""),
      );
    }
  }
  return list;
}

/** What is checked already, with names in lower case. */
function isFields(given: HeadersInit): given is Headers {
  return given instanceof HeaderFields || given instanceof Headers;
}
