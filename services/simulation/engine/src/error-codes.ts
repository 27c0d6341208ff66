/**
 * What a failed answer says beside that it failed: its code, and with it two things that its callers act on.
 *
 * - Whether another attempt can help. Unless a change says so itself, only `unavailable` is worth one: gRPC tells servers to
 *   use it exactly when a caller may repeat just this call.
 * - Whether it speaks against who gave it, so that circuit breakers count it. Those do that HTTP has as 5xx (the table of the
 *   Connect protocol): the callee could not. The others, 429 included, say that the callee is well and the request is not, so
 *   to a breaker they are a good answer.
 *
 * A caller that gives up because of an error hands it on as it is: what makes repeating useless lies in the request, and is
 * as true one level up. When it has tried in vain what could be tried again, its own failure is a usual one. Usual, too, is
 * whatever has no answer with a code: timeouts, refusals, requests that were shed, instances that died, `errorRatio`.
 */
export const errorCodes = [
  "cancelled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export const usualCode: ErrorCode = "unavailable";

/** How something failed, as bits; 0 is the usual way: it may be tried again, and a breaker counts it. */
export const failure = { usual: 0, isFinal: 1, isNoFault: 2 } as const;

const countedByBreakers: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "unknown",
  "deadline_exceeded",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
]);

/** Whether callers try again after an error of this code of which nothing else is said. */
export function isRetryableByDefault(code: ErrorCode): boolean {
  return code === usualCode;
}

/** The bits of `failure` of an error. */
export function failureOf(code: ErrorCode, isRetryable: boolean): number {
  return (isRetryable ? 0 : failure.isFinal) | (countedByBreakers.has(code) ? 0 : failure.isNoFault);
}
