/**
 * Changing a password. Whoever does so may suspect that others know the old one, or hold the session itself: so the old
 * password is asked for again, every session ends, the one that asks included, and its device alone is handed a new one. A
 * thief with a copy of its refresh token is left with nothing (ASVS 7.2.4, 7.4.3).
 */
import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { MailQueue } from "./mail-ports.ts";
import { assertPassword, normalizePassword, refusePassword } from "./password-policy.ts";
import type {
  BreachedPasswords,
  ClientFacts,
  OpaqueTokens,
  PasswordHasher,
  PasswordStore,
  RevocationAnnouncer,
  SessionStore,
  UserDirectory,
  WallClock,
} from "./ports.ts";
import type { Reauthentication } from "./reauthentication.ts";
import type { SecurityLog } from "./security-events.ts";
import type { LoggedIn, SessionCaller, Sessions } from "./sessions.ts";

export interface PasswordsOptions {
  readonly store: PasswordStore;
  readonly directory: Pick<UserDirectory, "ownProfile">;
  readonly deviceTokens: OpaqueTokens;
  readonly hasher: PasswordHasher;
  readonly breached: BreachedPasswords;
  readonly reauthentication: Reauthentication;
  readonly sessions: Pick<Sessions, "prepare" | "hand">;
  readonly sessionStore: Pick<SessionStore, "findOwn">;
  readonly revocations: RevocationAnnouncer;
  readonly clock: WallClock;
  readonly mails: MailQueue;
  readonly log: SecurityLog;
}

export interface PasswordChangeRequest {
  readonly oldPassword: string;
  readonly newPassword: string;
  readonly client: ClientFacts;
}

export class Passwords {
  readonly #options: PasswordsOptions;

  constructor(options: PasswordsOptions) {
    this.#options = options;
  }

  /**
   * Sets the caller's new password and gives them a new session; all others have ended. Throws "password_wrong",
   * "field_invalid" naming `newPassword`, "busy" or "unavailable", with nothing changed.
   */
  async change(caller: SessionCaller, request: PasswordChangeRequest): Promise<LoggedIn> {
    const { store, directory, deviceTokens, hasher, reauthentication, sessions, revocations, clock, mails, log } =
      this.#options;
    const { userId, sessionId } = caller;
    const { oldPassword, newPassword, client } = request;
    const user = await directory.ownProfile(userId);
    assertPassword(refusePassword(newPassword, user, this.#options.breached, "newPassword"));
    if (normalizePassword(newPassword) === normalizePassword(oldPassword)) {
      assertPassword({ field: "newPassword", description: "must not be the old password" });
    }
    await reauthentication.assertPassword(caller, oldPassword, "oldPassword");
    const passwordHash = await hasher.hash(normalizePassword(newPassword));
    const own = await this.#options.sessionStore.findOwn(sessionId, userId);
    const prepared = sessions.prepare(userId, client, own?.deviceHash ?? deviceTokens.mint().hash);
    const { refreshToken } = prepared;
    const session = { ...prepared.session, secondFactorAtMs: own?.secondFactorAtMs };
    const atMs = clock.now();
    const change = { userId, passwordHash, reason: "password_changed", atMs, session, tokenHash: undefined };
    const ended = await store.change(change);
    if (ended === undefined) {
      throw new AuthError("user_unknown", "the account is closed");
    }
    await revocations.announce(ended);
    const origin = originOf(client);
    await log.record("password_changed", { userId, sessionId, ...origin });
    await mails.notify({ kind: "password_changed", userId, atMs, ...origin });
    return sessions.hand(user, session.sessionId, session.expiresAtMs, refreshToken);
  }
}
