import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../error-details.ts";
import { meshErrors } from "../errors.ts";
import { withoutStack } from "../without-stack.ts";
import type { RefusalReason } from "./ticket-queue.ts";

/**
 * What the caller of a refused call gets: UNAVAILABLE, which gRPC keeps for what may succeed elsewhere or later
 * (RESOURCE_EXHAUSTED would say that the caller has used up something of its own), and when to come back, in the ways that
 * callers look for it: google.rpc.RetryInfo, our `retry-after-ms`, and the `grpc-retry-pushback-ms` that gRPC's own retries obey.
 *
 * That the handler has not run is said elsewhere: by the lane's `unprocessed`, or a refused stream. It must not be read from this
 * error, whose details a handler may pass on to its own caller, long after it has run.
 */
export function overloadedError(retryAfterMs: number, reason: RefusalReason): ConnectError {
  const delay = String(retryAfterMs);
  const retryDelay = { seconds: BigInt(Math.floor(retryAfterMs / 1000)), nanos: (retryAfterMs % 1000) * 1_000_000 };
  return withoutStack(
    () =>
      new ConnectError(
        meshErrors.OVERLOADED.message,
        meshErrors.OVERLOADED.code,
        { "retry-after-ms": delay, "grpc-retry-pushback-ms": delay },
        [
          { desc: ErrorInfoSchema, value: { reason: "MESH_OVERLOADED", domain: "weft", metadata: { cause: reason } } },
          { desc: RetryInfoSchema, value: { retryDelay } },
        ],
      ),
  );
}
