/**
 * Signup, login, profile and deletion.
 *
 * A signup writes to two services, so it leaves a trace before it touches the other one: (1) note the account as pending,
 * (2) create the user, (3) activate the account and open its session, in one transaction. Dying anywhere in between
 * leaves a pending row, which names the user that may exist. A refusal or a failure that this process sees is undone at
 * once; what it does not see (it was killed, or the undo failed) the sweep undoes later: it abandons the row, which makes
 * activation impossible, deletes the user, and only then forgets the row. So a name is never blocked for ever, and a user
 * is never deleted under an account that somebody can log in to.
 *
 * A deletion cannot be taken back once it has begun, so it begins where it is one transaction: (1) close the account,
 * which ends its sessions and takes its roles, (2) announce the ended sessions, (3) remove the user. The closed row is
 * swept like an abandoned signup, so whatever happens after (1), the user is removed and the name is free again.
 *
 * A login that does not exist costs the same work and gives the same words as a wrong password.
 */
import { AuthError } from "./errors.ts";
import { normalizePassword, refusePassword } from "./password-policy.ts";
import type {
  AccountStore,
  DirectoryUser,
  IdSource,
  PasswordHasher,
  ProfileChanges,
  RevocationAnnouncer,
  SecurityLog,
  UserDirectory,
  WallClock,
} from "./ports.ts";
import type { LoggedIn, Sessions } from "./sessions.ts";

export interface Signup {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly firstName: string;
  readonly lastName: string;
}

export interface AccountsOptions {
  readonly store: AccountStore;
  readonly directory: UserDirectory;
  readonly hasher: PasswordHasher;
  readonly sessions: Sessions;
  readonly revocations: RevocationAnnouncer;
  readonly clock: WallClock;
  readonly ids: IdSource;
  readonly log: SecurityLog;
}

/** Far above the deadline of the call that creates the user, so a sweep never races a signup that still runs. */
const signupAbandonedAfterMs = 2 * 60_000;
const sweepBatch = 100;
/** Asked for when the login names nobody, so that the look-up costs the same. */
const nobody = "00000000-0000-0000-0000-000000000000";

export class Accounts {
  readonly #options: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  /** Creates an account and logs it in. Throws "field_taken", "field_invalid", "busy" or "unavailable". */
  async signUp(signup: Signup): Promise<LoggedIn> {
    const { store, directory, hasher, sessions, clock, ids } = this.#options;
    const refusal = refusePassword(signup.password, signup);
    if (refusal !== undefined) {
      throw new AuthError("field_invalid", `${refusal.field} ${refusal.description}`, { fields: [refusal] });
    }
    const passwordHash = await hasher.hash(normalizePassword(signup.password));
    const userId = ids.id();
    const { username, email, firstName, lastName } = signup;
    await store.begin({ userId, passwordHash, beganAtMs: clock.now() });
    const user = await directory
      .create({ userId, username, email, firstName, lastName })
      .catch((error: unknown) => this.#undo(userId, error));
    const { session, refreshToken } = sessions.prepare(userId);
    const activated = await store.activate(session).catch((error: unknown) => this.#undo(userId, error));
    if (!activated) {
      throw new AuthError("unavailable", "the signup took too long and was given up; try again");
    }
    return sessions.hand(user, session.sessionId, session.expiresAtMs, refreshToken);
  }

  /** Logs in by username or e-mail address. Throws "login_failed", the same for an unknown login and a wrong password. */
  async logIn(login: string, password: string): Promise<LoggedIn> {
    const { store, directory, hasher, sessions } = this.#options;
    const normalized = normalizePassword(password);
    const user = await directory.findByLogin(login);
    const hash = await store.findPasswordHash(user?.userId ?? nobody);
    if (user === undefined || hash === undefined) {
      await hasher.verifyDecoy(normalized);
      throw loginFailed();
    }
    if (!(await hasher.verify(hash, normalized))) {
      throw loginFailed();
    }
    const loggedIn = await sessions.open(user);
    if (loggedIn === undefined) {
      throw loginFailed();
    }
    return loggedIn;
  }

  profile(userId: string): Promise<DirectoryUser> {
    return this.#options.directory.ownProfile(userId);
  }

  updateProfile(userId: string, changes: ProfileChanges): Promise<DirectoryUser> {
    return this.#options.directory.updateOwnProfile(userId, changes);
  }

  /**
   * Deletes the caller's account, after another look at the password. Throws "password_wrong" or "busy", with nothing
   * changed; afterwards it succeeds even when the user service is away, since nobody could ask again: the sweep goes on.
   */
  async deleteAccount(userId: string, password: string): Promise<void> {
    const { store, directory, hasher, revocations, clock, log } = this.#options;
    const hash = await store.findPasswordHash(userId);
    // No hash: the same deletion, asked for twice at once, has closed the account since this call was let in.
    if (hash !== undefined && !(await hasher.verify(hash, normalizePassword(password)))) {
      log.record("account_deletion_refused", { userId });
      throw new AuthError("password_wrong", "the password is wrong", {
        fields: [{ field: "password", description: "is wrong" }],
      });
    }
    await revocations.announce(await store.close(userId, clock.now()));
    log.record("account_deleted", { userId });
    try {
      await directory.remove(userId);
    } catch {
      log.record("user_removal_postponed", { userId });
    }
  }

  /**
   * Removes the users of signups that began more than two minutes ago and never finished, and of deleted accounts;
   * returns how many. Repeatable, and safe beside other instances. Throws "unavailable" when the user service cannot be
   * asked; the rest waits for the next run.
   */
  async sweepAbandonedAccounts(): Promise<number> {
    const { store, directory, clock, log } = this.#options;
    const userIds = await store.abandonOlderThan(clock.now() - signupAbandonedAfterMs, sweepBatch);
    for (const userId of userIds) {
      await directory.remove(userId);
      await store.forget(userId);
      log.record("abandoned_account_removed", { userId });
    }
    return userIds.length;
  }

  /** Undoes a failed signup as far as it can be done now, and throws what it failed with. */
  async #undo(userId: string, failure: unknown): Promise<never> {
    const { store, directory, log } = this.#options;
    try {
      // False means the failure came after activation: the answer was lost, the account is good and must stay.
      if (await store.abandon(userId)) {
        const nothingCreated = failure instanceof AuthError && failure.kind === "field_taken";
        if (nothingCreated) {
          await store.forget(userId);
        } else {
          // The row stays: a creation that is still on its way may arrive after this removal.
          await directory.remove(userId);
        }
      }
    } catch {
      log.record("signup_undo_postponed", { userId });
    }
    throw failure;
  }
}

function loginFailed(): AuthError {
  return new AuthError("login_failed", "the login or the password is wrong");
}
