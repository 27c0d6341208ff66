/** What can go wrong, and whether the client tries again by itself. */
export const realtimeErrorCodes = {
  closed: { retryable: false, message: "the client was closed" },
  unauthenticated: { retryable: false, message: "there is no valid access token" },
  permission_denied: { retryable: false, message: "this is not permitted in the channel" },
  not_found: { retryable: false, message: "there is no such channel" },
  invalid_argument: { retryable: false, message: "the request is not valid" },
  too_many_channels: { retryable: false, message: "the connection has as many channels as it can have" },
  options_conflict: { retryable: false, message: "the channel is subscribed with other options" },
  rate_limited: { retryable: false, message: "too much was published; wait for retryAfterMs" },
  unavailable: { retryable: true, message: "the server cannot do this at the moment" },
  timed_out: { retryable: true, message: "no answer came in time" },
  disconnected: { retryable: true, message: "the connection has ended" },
  load_failed: { retryable: true, message: "the state could not be loaded" },
} as const;

export type RealtimeErrorCode = keyof typeof realtimeErrorCodes;

export interface RealtimeErrorOptions extends ErrorOptions {
  /** The reason that the server gave, such as `TOKEN_EXPIRED`. */
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** The one error of this package. `code` says what happened; nobody need read `message`. */
export class RealtimeError extends Error {
  override readonly name = "RealtimeError";
  readonly code: RealtimeErrorCode;
  /** The reason that the server gave, such as `TOKEN_EXPIRED`. */
  readonly reason: string | undefined;
  /** When trying again makes sense, where that is known. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: RealtimeErrorCode,
    message?: string,
    { reason, retryAfterMs, ...options }: RealtimeErrorOptions = {},
  ) {
    super(message ?? realtimeErrorCodes[code].message, options);
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the client tries again by itself. */
  get retryable(): boolean {
    return realtimeErrorCodes[this.code].retryable;
  }
}

/** The server's codes that trying again would not change; all others are of the moment. */
const permanentServerCodes: Readonly<Record<string, RealtimeErrorCode>> = {
  permission_denied: "permission_denied",
  not_found: "not_found",
  invalid_argument: "invalid_argument",
  failed_precondition: "invalid_argument",
  out_of_range: "invalid_argument",
  unimplemented: "invalid_argument",
};

export interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** The error that an `error` answer or the end of a subscription stands for. */
export function errorOfAnswer({ code, message, reason, retryAfterMs }: ServerError): RealtimeError {
  const known =
    reason?.startsWith("TOKEN_") === true
      ? "unauthenticated"
      : reason === "TOO_MANY_CHANNELS"
        ? "too_many_channels"
        : (permanentServerCodes[code] ?? "unavailable");
  return new RealtimeError(known, message, { reason: reason ?? code, retryAfterMs });
}
