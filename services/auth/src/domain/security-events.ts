/** What is recorded. */
export type SecurityEventName =
  | "abandoned_account_removed"
  | "account_deleted"
  | "api_key_created"
  | "api_key_guesses_held_up"
  | "api_key_revoked"
  | "api_key_used_from_new_network"
  | "email_changed"
  | "email_verified"
  | "logged_in"
  | "logged_out"
  | "login_challenged"
  | "login_failed"
  | "login_held_up"
  | "mailed_token_refused"
  | "other_sessions_ended"
  | "passkey_counter_regressed"
  | "passkey_refused"
  | "passkey_renamed"
  | "password_changed"
  | "password_reset"
  | "password_reset_requested"
  | "provider_linked"
  | "provider_login_failed"
  | "provider_unlinked"
  | "reauthentication_failed"
  | "recovery_code_used"
  | "recovery_codes_renewed"
  | "refresh_token_reused"
  | "role_granted"
  | "role_revoked"
  | "second_factor_added"
  | "second_factor_failed"
  | "second_factor_held_up"
  | "second_factor_removed"
  | "service_account_created"
  | "service_account_deleted"
  | "session_ended"
  | "signed_up"
  | "signup_undo_postponed"
  | "user_removal_postponed";

/** Facts of an event; those named here can be searched for. Never a password or a token. */
export interface SecurityFacts {
  readonly userId?: string;
  readonly sessionId?: string;
  readonly address?: string;
  readonly userAgent?: string;
  readonly [name: string]: string | number | undefined;
}

export interface SecurityEvent {
  readonly id: string;
  readonly event: string;
  readonly happenedAtMs: number;
  readonly address: string;
  readonly userAgent: string;
  readonly sessionId: string;
}

/** The trail of security events, which can be added to and read, not changed. */
export interface SecurityLog {
  /** Resolves when the event is stored, or, when that fails, logged as one that is missing. Never rejects. */
  record(event: SecurityEventName, facts: SecurityFacts): Promise<void>;
}

export interface SecurityEvents {
  /** A user's events, the newest first, from before the one named. */
  list(userId: string, page: { readonly most: number; readonly beforeId?: string }): Promise<readonly SecurityEvent[]>;
}
