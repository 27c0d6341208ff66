/** What is recorded. */
export type SecurityEventName =
  | "abandoned_account_removed"
  | "account_deleted"
  | "email_changed"
  | "email_verified"
  | "logged_in"
  | "logged_out"
  | "login_failed"
  | "login_held_up"
  | "mailed_token_refused"
  | "other_sessions_ended"
  | "password_changed"
  | "password_reset"
  | "password_reset_requested"
  | "reauthentication_failed"
  | "refresh_token_reused"
  | "role_granted"
  | "role_revoked"
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
