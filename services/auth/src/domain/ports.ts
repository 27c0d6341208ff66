/**
 * What the auth domain needs from outside. Instants are epoch milliseconds, durations milliseconds; `undefined` means
 * "there is none", while an unreachable dependency always throws, so that nothing fails open.
 */
import type { CountedKey } from "./attempt-limits.ts";
import type { Grant, GrantFilter, ResourceRole } from "./permissions.ts";
import type { FirstIdentity } from "./provider-ports.ts";
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

/** The passwords that attackers try first. */
export interface BreachedPasswords {
  has(password: string): boolean;
}

/** A random secret and what it is recognized by. */
export interface OpaqueToken {
  readonly token: string;
  readonly hash: Uint8Array;
}

/** Tokens that say nothing; only their hash is ever stored. */
export interface OpaqueTokens {
  mint(): OpaqueToken;
  hash(token: string): Uint8Array;
}

/** Opaque tokens that follow one another. */
export interface RefreshTokens extends OpaqueTokens {
  /** Random bytes that set a successor apart from every other. */
  salt(): Uint8Array;
  /** The token that follows `token`: the same for the same salt. */
  successorOf(token: string, salt: Uint8Array): OpaqueToken;
}

/** Counts attempts, for all instances together. Never says "admitted" because it cannot count. */
export interface AttemptCounter {
  /**
   * Counts an attempt against all keys, in one step; or, when one of them has to wait, against none. `waitMs` is how long
   * this attempt has to wait, or, when it is admitted, how long the next one will have to.
   */
  take(keys: readonly CountedKey[], nowMs: number): Promise<{ admitted: boolean; waitMs: number }>;
  /** Removes one attempt from each count. Best effort: it can only err on the side of waiting. */
  takeBack(keys: readonly CountedKey[]): Promise<void>;
  /** Begins the counts again. Best effort, likewise. */
  forget(keys: readonly CountedKey[]): Promise<void>;
}

/** What an access token says. */
export interface AccessTokenClaims {
  readonly userId: string;
  readonly username: string;
  readonly sessionId: string;
  readonly roles: readonly string[];
  /** What an API key's token is limited to; undefined for a person's. */
  readonly scopes: readonly string[] | undefined;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Signs access tokens with the newest signing key. */
export interface TokenIssuer {
  issue(claims: AccessTokenClaims): Promise<string>;
}

/** Where a call came from, as the gateway found out; a fact that is unknown is empty. */
export interface ClientFacts {
  readonly address: string;
  /** What one subscriber holds: an IPv4 address, the first 64 bits of an IPv6 one. */
  readonly network: string;
  readonly userAgent: string;
}

/** A session as it is opened, with the hash of its first refresh token. */
export interface NewSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly client: ClientFacts;
  /** The device that was logged in from. */
  readonly deviceHash: Uint8Array;
  /** The hash that the password was right for; then it is only opened while that is still the account's. */
  readonly provenBy: string | undefined;
  /** When a second factor was proven for it; undefined for one that rests on a password alone. */
  readonly secondFactorAtMs: number | undefined;
  readonly openedAtMs: number;
  /** Absolute end; rotation never moves it. */
  readonly expiresAtMs: number;
  readonly tokenHash: Uint8Array;
  readonly tokenExpiresAtMs: number;
}

/** A refresh token that takes the place of another, in the same session. */
export interface Successor {
  readonly tokenHash: Uint8Array;
  /** With which it can be derived again. */
  readonly salt: Uint8Array;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** A session that has not ended, as its owner sees it. */
export interface OpenSession {
  readonly sessionId: string;
  readonly userAgent: string;
  readonly address: string;
  readonly openedAtMs: number;
  readonly lastUsedAtMs: number;
  readonly expiresAtMs: number;
}

/** What a session of the caller's own rests on. */
export interface OwnSession {
  readonly openedAtMs: number;
  readonly secondFactorAtMs: number | undefined;
  /** Not known of old ones. */
  readonly deviceHash: Uint8Array | undefined;
}

/** Which session ends, when, and why; the reason is kept with it. */
export interface SessionEnd {
  readonly sessionId: string;
  readonly userId: string;
  readonly reason: string;
  readonly atMs: number;
}

export interface SessionStore {
  /** Opens it and makes its device a proven one; false, with nothing stored, when the account is not active. */
  open(session: NewSession): Promise<boolean>;
  findByToken(tokenHash: Uint8Array): Promise<RefreshState | undefined>;
  /** Claims an unused token and stores its successor in one statement; false when somebody else was first. */
  rotate(tokenHash: Uint8Array, successor: Successor, client: ClientFacts): Promise<boolean>;
  /**
   * Voids the unused successor of a used token and stores another in its place, in one statement; false when that
   * successor (told by its salt) has been used or replaced, or the session has ended.
   */
  reissue(tokenHash: Uint8Array, salt: Uint8Array, successor: Successor): Promise<boolean>;
  /** Ends a session; false when it had ended before. */
  end(sessionId: string, reason: string, atMs: number): Promise<boolean>;
  isLive(sessionId: string, atMs: number): Promise<boolean>;
  /** The user's sessions that have not ended, the one used last first. */
  listOpen(userId: string, atMs: number): Promise<readonly OpenSession[]>;
  /** A user's session, ended or not; undefined when the user has no such session. */
  findOwn(sessionId: string, userId: string): Promise<OwnSession | undefined>;
  /** Ends a user's session and forgets its device; false when it had ended before, or is not theirs. */
  endAndForgetDevice(end: SessionEnd): Promise<boolean>;
  /** Ends all sessions of the user but the one named, and forgets all devices but its own; returns their ids. */
  endOthers(but: SessionEnd): Promise<readonly string[]>;
  /** Ends what the user has beyond the `most` sessions used last; returns their ids. */
  endOldest(userId: string, most: number, atMs: number): Promise<readonly string[]>;
}

/** A password that takes the place of another. */
export interface PasswordChange {
  readonly userId: string;
  readonly passwordHash: string;
  /** Why the sessions end. */
  readonly reason: string;
  readonly atMs: number;
  /** What its user goes on with; every device but this session's is forgotten. */
  readonly session: NewSession | undefined;
  /** The mailed token that allows it, for whoever has no old password; it proves its address, too. */
  readonly tokenHash: Uint8Array | undefined;
}

export interface PasswordStore {
  /**
   * Uses up the token, sets the password, ends all sessions, and opens the one given, in one transaction. Tokens mailed
   * before are void. Returns the sessions that this ended; undefined, with nothing changed, when the account is not active
   * or the token not good.
   */
  change(change: PasswordChange): Promise<readonly string[] | undefined>;
}

export interface DeviceStore {
  /** Whether the user was logged in from the device before. */
  isProven(userId: string, deviceHash: Uint8Array): Promise<boolean>;
}

/** Credentials, and the record of signups and deletions that are under way. */
export interface AccountStore {
  /** Notes that a signup began: the account exists, but nobody can log in to it. An empty hash means no password. */
  begin(account: { userId: string; passwordHash: string; beganAtMs: number }): Promise<void>;
  /**
   * Makes the account usable and opens its first session, together, and links the identity that it begins with; false when
   * the signup was abandoned meanwhile. Throws "identity_taken", with nothing changed.
   */
  activate(session: NewSession, identity?: FirstIdentity): Promise<boolean>;
  /** Gives a signup up: it can no longer be activated. False when it is active or gone. */
  abandon(userId: string): Promise<boolean>;
  /**
   * Closes an active account for good, in one transaction: nobody can log in, its grants are gone, its sessions have
   * ended, its API keys are revoked and its service accounts gone. Returns the sessions and keys that this ended, for their announcement. The row stays, abandoned, until it is forgotten.
   */
  close(userId: string, atMs: number): Promise<readonly string[]>;
  /** Gives up every signup that began before the instant and is not active; returns their user ids, and those of closed accounts. */
  abandonOlderThan(beforeMs: number, limit: number): Promise<readonly string[]>;
  /** Forgets an abandoned signup or a closed account. */
  forget(userId: string): Promise<void>;
  /** The password hash of an active account; undefined for one without a password. */
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
