import { Code, ConnectError } from "@connectrpc/connect";
import { MeshError, meshErrors } from "../errors.ts";
import { serviceError } from "../service-error.ts";
import { withoutStack } from "../without-stack.ts";

/*
 * What callers of a failed call get: a ConnectError whose cause is the mesh's own error, and whose reason is its code.
 * Addresses and causes stay in the cause, for the log: what callers are told may travel to theirs.
 */

export function asConnectError(error: unknown, peer: string, method: string): ConnectError {
  return withoutStack(() => connectErrorOf(error, peer, method));
}

function connectErrorOf(error: unknown, peer: string, method: string): ConnectError {
  const meaning = meshErrorIn(error);
  if (meaning !== undefined) {
    // An instance that refused a call said when to come back; that it was asked twice changes nothing about it.
    const retryAfterMs = retryHintMs(meaning);
    return serviceError(
      meaning.code,
      `MESH_${meaning.meshCode}`,
      `${method}: ${meshErrors[meaning.meshCode].message}`,
      { metadata: { peer }, cause: meaning, ...(retryAfterMs > 0 ? { retryAfterMs } : {}) },
    );
  }
  return error instanceof ConnectError ? error : ConnectError.from(error, Code.Internal);
}

/** When an instance that refused a call said to come back; 0 when it said nothing. */
export function retryHintMs(error: unknown): number {
  const cause = error instanceof MeshError ? error.cause : undefined;
  const hintMs = cause instanceof ConnectError ? Number(cause.metadata.get("retry-after-ms")) : 0;
  return hintMs > 0 ? hintMs : 0;
}

function meshErrorIn(error: unknown): MeshError | undefined {
  if (error instanceof MeshError) {
    return error;
  }
  return error instanceof ConnectError && error.cause instanceof MeshError ? error.cause : undefined;
}

/** What ended a call from outside, in our words: our own server says it with an error of Connect when time is over. */
export function endOf(reason: unknown): MeshError {
  if (reason instanceof MeshError) {
    return reason;
  }
  const late = reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
  return new MeshError(late ? "DEADLINE_EXCEEDED" : "CANCELED", undefined, { cause: reason, sent: true });
}
