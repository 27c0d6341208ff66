import { Code } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import { AuthError, type AuthErrorKind } from "./domain/errors.ts";

interface Mapping {
  readonly code: Code;
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** A new kind does not compile until it has a code here. */
const codes = {
  login_failed: { code: Code.Unauthenticated, reason: "LOGIN_FAILED" },
  // Not UNAUTHENTICATED: the token is good, and a client must not drop it for a typing mistake.
  password_wrong: { code: Code.PermissionDenied, reason: "PASSWORD_WRONG" },
  reauthentication_needed: { code: Code.PermissionDenied, reason: "REAUTHENTICATION_NEEDED" },
  session_unknown: { code: Code.NotFound, reason: "SESSION_UNKNOWN" },
  token_refused: { code: Code.PermissionDenied, reason: "TOKEN_REFUSED" },
  code_wrong: { code: Code.PermissionDenied, reason: "CODE_WRONG" },
  challenge_refused: { code: Code.PermissionDenied, reason: "CHALLENGE_REFUSED" },
  passkey_refused: { code: Code.PermissionDenied, reason: "PASSKEY_REFUSED" },
  passkey_unknown: { code: Code.NotFound, reason: "PASSKEY_UNKNOWN" },
  too_many_passkeys: { code: Code.FailedPrecondition, reason: "TOO_MANY_PASSKEYS" },
  factor_missing: { code: Code.FailedPrecondition, reason: "FACTOR_MISSING" },
  too_many_mails: { code: Code.ResourceExhausted, reason: "TOO_MANY_MAILS" },
  refresh_refused: { code: Code.Unauthenticated, reason: "REFRESH_TOKEN_INVALID" },
  api_key_unknown: { code: Code.NotFound, reason: "API_KEY_UNKNOWN" },
  service_account_unknown: { code: Code.NotFound, reason: "SERVICE_ACCOUNT_UNKNOWN" },
  too_many: { code: Code.FailedPrecondition, reason: "TOO_MANY" },
  too_many_attempts: { code: Code.ResourceExhausted, reason: "TOO_MANY_ATTEMPTS" },
  field_taken: { code: Code.AlreadyExists, reason: "FIELD_TAKEN" },
  field_invalid: { code: Code.InvalidArgument, reason: "FIELD_INVALID" },
  provider_unknown: { code: Code.NotFound, reason: "PROVIDER_UNKNOWN" },
  provider_unavailable: { code: Code.Unavailable, reason: "PROVIDER_UNAVAILABLE", retryAfterMs: 5_000 },
  provider_refused: { code: Code.PermissionDenied, reason: "PROVIDER_REFUSED" },
  login_state_refused: { code: Code.PermissionDenied, reason: "LOGIN_STATE_REFUSED" },
  account_exists: { code: Code.AlreadyExists, reason: "ACCOUNT_EXISTS" },
  address_missing: { code: Code.FailedPrecondition, reason: "ADDRESS_MISSING" },
  identity_taken: { code: Code.AlreadyExists, reason: "IDENTITY_TAKEN" },
  last_way_in: { code: Code.FailedPrecondition, reason: "LAST_WAY_IN" },
  user_unknown: { code: Code.NotFound, reason: "USER_UNKNOWN" },
  not_allowed: { code: Code.PermissionDenied, reason: "NOT_ALLOWED" },
  busy: { code: Code.ResourceExhausted, reason: "TOO_BUSY", retryAfterMs: 2_000 },
  unavailable: { code: Code.Unavailable, reason: "UNAVAILABLE", retryAfterMs: 1_000 },
} satisfies Record<AuthErrorKind, Mapping>;

/** Runs a handler's work and turns refusals of the domain into the one error model. */
export async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AuthError)) {
      throw error;
    }
    const mapping: Mapping = codes[error.kind];
    const { code, reason, retryAfterMs = error.retryAfterMs } = mapping;
    const answer = serviceError(code, reason, error.message, {
      violations: error.fields,
      cause: error,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      // Why a refresh was refused is for logs: told to the caller it would say whether a stolen token was ever good.
      ...(error.detail === undefined || error.kind === "refresh_refused" ? {} : { metadata: { detail: error.detail } }),
    });
    if (retryAfterMs !== undefined) {
      answer.metadata.set("retry-after", String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
    }
    throw answer;
  }
}
