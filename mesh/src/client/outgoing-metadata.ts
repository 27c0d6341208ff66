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
  return withContext(given === undefined ? undefined : listOf(given), surrounding);
}

/** The same for metadata that is a list already: names in lower case, none of them the mesh's own, values that can be sent. */
export function withContext(
  given: MetadataList | undefined,
  surrounding: CallContext | undefined,
): MetadataList | undefined {
  if (surrounding === undefined) {
    return given;
  }
  const { authorization } = surrounding;
  const authorizes = authorization !== undefined && !names(given, meshHeaders.authorization);
  const correlates =
    (surrounding.correlatedByTrace !== true || surrounding.trace === undefined) &&
    !names(given, meshHeaders.correlationId);
  if (!authorizes && !correlates) {
    return given;
  }
  const list = given === undefined ? [] : given.slice();
  if (authorizes) {
    list.push(meshHeaders.authorization, authorization);
  }
  if (correlates) {
    list.push(
      meshHeaders.correlationId,
      correlationIdFrom(surrounding.correlationId, () => ""),
    );
  }
  return list;
}

function names(list: MetadataList | undefined, name: string): boolean {
  for (let index = 0; list !== undefined && index < list.length; index += 2) {
    if (list[index] === name) {
      return true;
    }
  }
  return false;
}

function listOf(given: NonNullable<HeadersInit>): string[] | undefined {
  let list: string[] | undefined;
  for (const [name, value] of isFields(given) ? given : new Headers(given)) {
    if (!ownHeaders.has(name)) {
      list ??= [];
      list.push(name, value);
    }
  }
  return list;
}

/** What is checked already, with names in lower case. */
function isFields(given: HeadersInit): given is Headers {
  return given instanceof HeaderFields || given instanceof Headers;
}
