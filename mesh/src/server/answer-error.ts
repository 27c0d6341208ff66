import { Code, ConnectError } from "@connectrpc/connect";
import { meshHeaders } from "../call-context.ts";
import type { Logger } from "../logger.ts";
import { DatabaseUnavailableError } from "../postgres/postgres-error.ts";
import { RedisAwayError } from "../redis/redis-error.ts";
import { errorReason, serviceError } from "../service-error.ts";
import { withoutStack } from "../without-stack.ts";

/*
 * What a caller is told when a handler throws, and what the log is told. Errors made for callers pass; everything else is a
 * fault of ours, whose words could name hosts, queries or people.
 */

/** Connect's own spelling of a code: "invalid_argument". */
export function codeName(code: Code): string {
  return (Code[code] ?? "Unknown").replace(/[a-z][A-Z]/g, (pair) => `${pair[0]}_${pair[1]}`).toLowerCase();
}

/** What the caller sees; the correlation id is in its metadata, so that a user can name it to whoever reads the logs. */
export function asAnswer(error: unknown, correlationId: string): ConnectError {
  const answer = withoutStack(() => answerFor(error));
  answer.metadata.set(meshHeaders.correlationId, correlationId);
  return answer;
}

/** What a peer answered passes with its code and details; of its headers only the advice when to come back. */
function relayed(error: ConnectError): ConnectError {
  const answer = new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
  answer.details = error.details;
  const retryAfterMs = error.metadata.get("retry-after-ms");
  if (retryAfterMs !== null) {
    answer.metadata.set("retry-after-ms", retryAfterMs);
  }
  return answer;
}

function answerFor(error: unknown): ConnectError {
  if (error instanceof ConnectError) {
    // Connect sends no metadata of an error that came over the wire, so ours would be lost with the rest.
    return (error as { isWireError?: boolean }).isWireError === true ? relayed(error) : error;
  }
  if (error instanceof DatabaseUnavailableError) {
    const options = { retryAfterMs: 1000, cause: error };
    return serviceError(Code.Unavailable, "DATABASE_UNAVAILABLE", "the database is not available; try again", options);
  }
  if (error instanceof RedisAwayError) {
    const options = { retryAfterMs: 1000, cause: error };
    return serviceError(Code.Unavailable, "REDIS_UNAVAILABLE", "Redis is not available; try again", options);
  }
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) {
    return ConnectError.from(error, Code.Canceled);
  }
  return new ConnectError("internal error", Code.Internal, undefined, undefined, error);
}

/** Codes that mean that we failed, not that the call was refused. */
const faultCodes: ReadonlySet<Code> = new Set([Code.Unknown, Code.Internal, Code.DataLoss]);

export function logFailure(logger: Logger, method: string, answer: ConnectError, error: unknown): void {
  const fields = { method, code: codeName(answer.code), reason: errorReason(answer) };
  if (faultCodes.has(answer.code)) {
    logger.error({ ...fields, err: error instanceof ConnectError ? (error.cause ?? error) : error }, "call failed");
  } else if (answer.code === Code.Unavailable || answer.code === Code.DeadlineExceeded) {
    logger.warn({ ...fields, err: answer.cause ?? answer }, "call could not be answered");
  } else {
    logger.debug({ ...fields, answer: answer.rawMessage }, "call refused");
  }
}
