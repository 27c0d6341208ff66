import { Code, ConnectError } from "@connectrpc/connect";
import { codeName, errorMetadata, errorReason, errorViolations, serviceError } from "@weft/mesh";

/**
 * What the client is told of an error that came from a peer, or from the mesh on the way there. Code, message, reason and
 * violations of a service's own error pass. Faults of ours leave without detail, trouble inside the mesh without its
 * topology, and of the metadata only what tells the client what to do next: metadata may carry anything.
 */
export function forwardedError(error: unknown, peer: string): ConnectError {
  const known = ConnectError.from(error, Code.Internal);
  if (errorReason(known)?.startsWith("MESH_") === true) {
    return meshFault(known, peer);
  }
  switch (known.code) {
    case Code.Unavailable:
      return errorReason(known) === undefined ? unavailable(peer, known) : passedOn(known);
    case Code.Unknown:
    case Code.Internal:
    case Code.DataLoss:
      return serviceError(Code.Internal, "INTERNAL", "internal error", { cause: error });
    default:
      return passedOn(known);
  }
}

const absent = "SERVICE_UNAVAILABLE";

/** UNAVAILABLE for a peer without instances, or one that cannot be reached. */
export function unavailable(peer: string, cause?: unknown): ConnectError {
  const error = serviceError(Code.Unavailable, absent, `${peer} is not available now; try again`, {
    metadata: { service: peer },
    retryAfterMs: 1000,
    cause,
  });
  error.metadata.set("retry-after", "1");
  return error;
}

/** Whether the client is told that a peer is not there, as opposed to what the peer said itself. */
export function isUnavailable(error: ConnectError): boolean {
  return error.code === Code.Unavailable && errorReason(error) === absent;
}

/** DEADLINE_EXCEEDED for an answer that did not come in the time there was. */
export function late(peer: string, cause: unknown): ConnectError {
  return serviceError(Code.DeadlineExceeded, "DEADLINE_EXCEEDED", `${peer} did not answer in time`, {
    metadata: { service: peer },
    cause,
  });
}

function meshFault(error: ConnectError, peer: string): ConnectError {
  switch (error.code) {
    case Code.Unavailable:
    case Code.ResourceExhausted:
      return unavailable(peer, error);
    case Code.DeadlineExceeded:
      return late(peer, error);
    case Code.Canceled:
      return serviceError(Code.Canceled, "CANCELED", "the client gave up", { cause: error });
    default:
      return serviceError(Code.Internal, "INTERNAL", "internal error", { cause: error });
  }
}

function passedOn(error: ConnectError): ConnectError {
  // A new one: an error that was read from the wire would keep its metadata from the client.
  const retryAfterMs = Number(error.metadata.get("retry-after-ms") ?? Number.NaN);
  const mayRetry = Number.isFinite(retryAfterMs) && retryAfterMs >= 0;
  const copy = serviceError(error.code, errorReason(error) ?? codeName(error.code).toUpperCase(), error.rawMessage, {
    violations: errorViolations(error),
    metadata: errorMetadata(error),
    cause: error,
    ...(mayRetry ? { retryAfterMs } : {}),
  });
  if (mayRetry) {
    copy.metadata.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  }
  if (error.code === Code.Unauthenticated) {
    copy.metadata.set("www-authenticate", error.metadata.get("www-authenticate") ?? "Bearer");
  }
  return copy;
}
