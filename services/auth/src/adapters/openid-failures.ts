import { AuthorizationResponseError, ClientError, ResponseBodyError } from "openid-client";

export interface OpenIdFailure {
  /** A word for logs and the trail; never what the provider or a client wrote. */
  readonly reason: string;
  /** The provider did not answer, or not as one that works does. */
  readonly unreachable: boolean;
}

/** Codes that RFC 6749 (5.2) has for a refused exchange; others are not repeated. */
const oauthErrors = ["invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope"];

/** What went wrong, from an error of openid-client or of fetch; of their messages and causes nothing is kept. */
export function failureOf(error: unknown): OpenIdFailure {
  if (error instanceof ResponseBodyError) {
    const reason = oauthErrors.includes(error.error) ? error.error : "error_answer";
    return { reason, unreachable: error.status >= 500 };
  }
  if (error instanceof AuthorizationResponseError) {
    return { reason: "error_answer", unreachable: false };
  }
  if (error instanceof ClientError) {
    const code = error.code ?? "";
    if (code === "OAUTH_RESPONSE_IS_NOT_CONFORM") {
      return { reason: "status", unreachable: !(error.cause instanceof Response) || error.cause.status >= 500 };
    }
    // Without a code: what fetch threw.
    const unreachable = code === "" || code === "OAUTH_TIMEOUT" || code === "OAUTH_ABORT";
    return { reason: code === "" ? "unreachable" : code.replace(/^OAUTH_/, "").toLowerCase(), unreachable };
  }
  // fetch's own have no code; those with one complain of arguments.
  const complaint = error instanceof TypeError && "code" in error;
  return { reason: complaint ? "malformed" : "unreachable", unreachable: !complaint };
}
