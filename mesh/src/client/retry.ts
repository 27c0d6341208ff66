import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { MeshError } from "../errors.ts";

/*
 * Whether a failed attempt is made again. Pure: the error, the method and the attempt go in.
 *
 * Only what the mesh itself raised is retried. An answer of the peer, even UNAVAILABLE, is final here: the peer has
 * retried its own dependencies already, and retries that cross process edges multiply.
 */

export interface RetryPolicy {
  /** Attempts in all; 3 when absent. */
  readonly maxAttempts: number;
}

export const retryDefaults: RetryPolicy = { maxAttempts: 3 };

export function mayRetry(error: unknown, method: DescMethod, attempt: number, policy: RetryPolicy): boolean {
  if (!(error instanceof MeshError) || !error.retryable || attempt >= policy.maxAttempts) {
    return false;
  }
  return !error.sent || isIdempotent(method);
}

/** Marked `idempotency_level` IDEMPOTENT or NO_SIDE_EFFECTS in its .proto. */
export function isIdempotent(method: DescMethod): boolean {
  return method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
}
