/** Everything the auth domain refuses; `rpc.ts` maps each kind to a code and a reason. */
export type AuthErrorKind =
  | "login_failed"
  | "password_wrong"
  | "reauthentication_needed"
  | "refresh_refused"
  | "session_unknown"
  | "token_refused"
  | "code_wrong"
  | "challenge_refused"
  | "passkey_refused"
  | "passkey_unknown"
  | "too_many_passkeys"
  | "factor_missing"
  | "too_many_mails"
  | "api_key_unknown"
  | "service_account_unknown"
  | "too_many"
  | "too_many_attempts"
  | "field_taken"
  | "field_invalid"
  | "user_unknown"
  | "provider_unknown"
  | "provider_unavailable"
  | "provider_refused"
  | "login_state_refused"
  | "account_exists"
  | "address_missing"
  | "identity_taken"
  | "last_way_in"
  | "not_allowed"
  | "busy"
  | "unavailable";

/** One refused input field, by its lowerCamelCase JSON name. */
export interface RefusedField {
  readonly field: string;
  readonly description: string;
}

/**
 * A refusal by a rule of this service. `fields` names the input at fault; `detail` is a machine-readable fact for logs
 * and error metadata (why a refresh was refused), never a secret. A `retryAfterMs` of 0 means that there is none.
 */
export class AuthError extends Error {
  override readonly name = "AuthError";
  readonly kind: AuthErrorKind;
  readonly fields: readonly RefusedField[];
  readonly detail: string | undefined;
  /** How long to wait before trying again; undefined when that is not the matter. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: AuthErrorKind,
    message: string,
    options: { fields?: readonly RefusedField[]; detail?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.fields = options.fields ?? [];
    this.detail = options.detail;
    this.retryAfterMs = options.retryAfterMs === 0 ? undefined : options.retryAfterMs;
  }
}
