/**
 * What the auth domain needs from outside. Instants are epoch milliseconds, durations milliseconds; `undefined` means
 * "there is none", while an unreachable dependency always throws, so that nothing fails open.
 */
import type { Grant, GrantFilter, ResourceRole } from "./permissions.ts";
import type { RefreshState } from "./refresh-policy.ts";

/** The wall clock. */
export interface WallClock {
  now(): number;
}

/** Makes user and session ids: UUIDs that cannot be guessed. */
export interface IdSource {
  id(): string;
}

/** A user as the user service keeps it. */
export interface DirectoryUser {
  readonly userId: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly createdAtMs: number;
  /** Absent where the user service does not say it. */
  readonly updatedAtMs?: number;
}

/** What signup asks the user service to create. */
export interface NewUser {
  readonly userId: string;
  readonly username: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
}

/** Changes of a profile; absent fields stay. */
export interface ProfileChanges {
  readonly username?: string;
  readonly email?: string;
  readonly firstName?: string;
  readonly lastName?: string;
}

/** The user service. Every method throws AuthError "unavailable" when it cannot be asked. */
export interface UserDirectory {
  /** Repeating it with the same id creates one user. Throws "field_taken" naming the fields. */
  create(user: NewUser): Promise<DirectoryUser>;
  /** Removes the user; removing an unknown one is no error. */
  remove(userId: string): Promise<void>;
  findByLogin(login: string): Promise<DirectoryUser | undefined>;
  findById(userId: string): Promise<DirectoryUser | undefined>;
  /** The caller's own profile, asked with the caller's identity. */
  ownProfile(userId: string): Promise<DirectoryUser>;
  updateOwnProfile(userId: string, changes: ProfileChanges): Promise<DirectoryUser>;
}

/** Slow, salted hashes of passwords. Throws "busy" when too many wait. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(hash: string, password: string): Promise<boolean>;
  /** The work of `verify` against a password nobody has; for logins that do not exist. */
  verifyDecoy(password: string): Promise<void>;
}

/** Opaque refresh tokens; only their hash is ever stored. */
export interface RefreshTokens {
  mint(): { token: string; hash: Uint8Array };
  hash(token: string): Uint8Array;
}

/** What an access token says. */
export interface AccessTokenClaims {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly roles: readonly string[];
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Signs access tokens with the newest signing key. */
export interface TokenIssuer {
  issue(claims: AccessTokenClaims): Promise<string>;
}

/** A session as it is opened, with the hash of its first refresh token. */
export interface NewSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly openedAtMs: number;
  /** Absolute end; rotation never moves it. */
  readonly expiresAtMs: number;
  readonly tokenHash: Uint8Array;
  readonly tokenExpiresAtMs: number;
}

/** A refresh token that takes the place of another, in the same session. */
export interface Successor {
  readonly tokenHash: Uint8Array;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

export interface SessionStore {
  /** False, with nothing stored, when the account is not active. */
  open(session: NewSession): Promise<boolean>;
  findByToken(tokenHash: Uint8Array): Promise<RefreshState | undefined>;
  /** Claims an unused token and stores its successor in one statement; false when somebody else was first. */
  rotate(tokenHash: Uint8Array, successor: Successor): Promise<boolean>;
  /** Stores one more token beside those of the session; false when the session has ended. */
  addSibling(sessionId: string, sibling: Successor): Promise<boolean>;
  /** Ends a session; false when it had ended before. */
  end(sessionId: string, reason: string, atMs: number): Promise<boolean>;
  isLive(sessionId: string, atMs: number): Promise<boolean>;
}

/** Credentials, and the record of signups and deletions that are under way. */
export interface AccountStore {
  /** Notes that a signup began: the account exists, but nobody can log in to it. */
  begin(account: { userId: string; passwordHash: string; beganAtMs: number }): Promise<void>;
  /** Makes the account usable and opens its first session, together; false when the signup was abandoned meanwhile. */
  activate(session: NewSession): Promise<boolean>;
  /** Gives a signup up: it can no longer be activated. False when it is active or gone. */
  abandon(userId: string): Promise<boolean>;
  /**
   * Closes an active account for good, in one transaction: nobody can log in, its grants are gone, its sessions have
   * ended. Returns the sessions that this ended, for their announcement. The row stays, abandoned, until it is forgotten.
   */
  close(userId: string, atMs: number): Promise<readonly string[]>;
  /** Gives up every signup that began before the instant and is not active; returns their user ids, and those of closed accounts. */
  abandonOlderThan(beforeMs: number, limit: number): Promise<readonly string[]>;
  /** Forgets an abandoned signup or a closed account. */
  forget(userId: string): Promise<void>;
  /** The password hash of an active account. */
  findPasswordHash(userId: string): Promise<string | undefined>;
  isActive(userId: string): Promise<boolean>;
}

export interface GrantStore {
  /** Sets the user's role on the resource. Throws "user_unknown" when there is no such account. */
  put(grant: Grant): Promise<Grant>;
  /** Removes one user's role, or everybody's; returns how many there were. */
  remove(filter: { userId?: string; resource: string }): Promise<number>;
  list(filter: GrantFilter): Promise<readonly Grant[]>;
  find(userId: string, resource: string): Promise<ResourceRole | undefined>;
}

/** Tells the mesh that the access tokens of sessions are void. Best effort: the session store is the truth. */
export interface RevocationAnnouncer {
  announce(sessionIds: readonly string[]): Promise<void>;
}

/** Security events (reuse of a refresh token, deleted accounts), for the log and its readers. */
export interface SecurityLog {
  record(event: string, facts: Readonly<Record<string, string | number>>): void;
}
