import { Code, type ConnectError } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import type { TokenRefusal } from "./access-token.ts";

const reasons: Readonly<Partial<Record<TokenRefusal, { reason: string; message: string }>>> = {
  expired: { reason: "TOKEN_EXPIRED", message: "the access token has expired; refresh it" },
  revoked: { reason: "TOKEN_REVOKED", message: "the session of this access token has ended; log in again" },
};
const invalid = { reason: "TOKEN_INVALID", message: "the access token is not valid" };

/** UNAUTHENTICATED for a refused token. Only expiry and revocation are told apart: the rest helps nobody but a forger. */
export function tokenRefused(refusal: TokenRefusal): ConnectError {
  const { reason, message } = reasons[refusal] ?? invalid;
  return challenged(serviceError(Code.Unauthenticated, reason, message), ' error="invalid_token"');
}

/** UNAUTHENTICATED for a call that needs a token and carries none. */
export function tokenMissing(): ConnectError {
  const message = "log in and send the access token as a bearer token";
  return challenged(serviceError(Code.Unauthenticated, "TOKEN_MISSING", message), "");
}

/** UNAVAILABLE: the token could be neither accepted nor refused. */
export function verificationUnavailable(cause: unknown): ConnectError {
  const message = "the access token cannot be verified at the moment";
  return serviceError(Code.Unavailable, "AUTH_UNAVAILABLE", message, { retryAfterMs: 1000, cause });
}

/** RFC 6750 wants the challenge with every 401. */
function challenged(error: ConnectError, parameters: string): ConnectError {
  error.metadata.set("www-authenticate", `Bearer${parameters}`);
  return error;
}
