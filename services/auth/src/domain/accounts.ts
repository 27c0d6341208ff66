/**
 * Signup, profile and deletion.
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
 */
import { keysOfSignupMail } from "./attempt-limits.ts";
import { AuthError } from "./errors.ts";
import type { MailQueue } from "./mail-ports.ts";
import { assertPassword, normalizePassword, refusePassword } from "./password-policy.ts";
import type {
  AccountStore,
  AttemptCounter,
  BreachedPasswords,
  ClientFacts,
  DirectoryUser,
  IdSource,
  OpaqueTokens,
  PasswordHasher,
  ProfileChanges,
  RevocationAnnouncer,
  UserDirectory,
  WallClock,
} from "./ports.ts";
import type { FirstIdentity } from "./provider-ports.ts";
import type { Reauthentication, Shown } from "./reauthentication.ts";
import type { SecurityLog } from "./security-events.ts";
import type { LoggedIn, SessionCaller, Sessions } from "./sessions.ts";

export interface Signup {
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly client: ClientFacts;
}

/** Of somebody whom a provider vouches for. */
export interface ProviderSignup extends Omit<Signup, "password"> {
  readonly identity: FirstIdentity;
  /** The provider's name, for the trail. */
  readonly via: string;
}

export interface AccountsOptions {
  readonly store: AccountStore;
  readonly directory: UserDirectory;
  readonly deviceTokens: OpaqueTokens;
  readonly hasher: PasswordHasher;
  readonly breached: BreachedPasswords;
  readonly reauthentication: Reauthentication;
  readonly sessions: Sessions;
  readonly revocations: RevocationAnnouncer;
  readonly clock: WallClock;
  readonly ids: IdSource;
  readonly counter: AttemptCounter;
  readonly mails: MailQueue;
  readonly log: SecurityLog;
}

/** Far above the deadline of the call that creates the user, so a sweep never races a signup that still runs. */
const signupAbandonedAfterMs = 2 * 60_000;
const sweepBatch = 100;

export class Accounts {
  readonly #options: AccountsOptions;

  constructor(options: AccountsOptions) {
    this.#options = options;
  }

  /** Creates an account and logs it in. Throws "field_taken", "field_invalid", "busy" or "unavailable". */
  async signUp(signup: Signup): Promise<LoggedIn & { deviceToken: string }> {
    const { hasher, breached } = this.#options;
    assertPassword(refusePassword(signup.password, signup, breached));
    return this.#register(signup, { passwordHash: await hasher.hash(normalizePassword(signup.password)) });
  }

  /**
   * Creates an account without a password, which the identity can log in to, and logs it in. Throws like `signUp`, and
   * "identity_taken".
   */
  signUpByProvider(signup: ProviderSignup): Promise<LoggedIn & { deviceToken: string }> {
    const { identity, via } = signup;
    return this.#register(signup, { passwordHash: "", identity, via });
  }

  async #register(
    { username, email, firstName, lastName, client }: Omit<Signup, "password">,
    { passwordHash, identity, via }: { passwordHash: string; identity?: FirstIdentity; via?: string },
  ): Promise<LoggedIn & { deviceToken: string }> {
    const { store, directory, deviceTokens, sessions, clock, ids, counter, mails, log } = this.#options;
    const userId = ids.id();
    await store.begin({ userId, passwordHash, beganAtMs: clock.now() });
    const user = await directory
      .create({ userId, username, email, firstName, lastName })
      .catch((error: unknown) => this.#undo(userId, error));
    const device = deviceTokens.mint();
    const { session, refreshToken } = sessions.prepare(userId, client, device.hash);
    const activated = await store.activate(session, identity).catch((error: unknown) => this.#undo(userId, error));
    if (!activated) {
      throw new AuthError("unavailable", "the signup took too long and was given up; try again");
    }
    const { address, userAgent } = client;
    const how = via === undefined ? {} : { provider: via };
    await log.record("signed_up", { userId, sessionId: session.sessionId, address, userAgent, ...how });
    if (identity?.emailVerified !== true) {
      // Whoever signs up in others' names, again and again, must not fill their mailboxes. They can still ask for the mail.
      const { admitted } = await counter.take(keysOfSignupMail(email, client.network), clock.now());
      if (admitted) {
        await mails.notify({ kind: "verify_email", userId });
      }
    }
    const loggedIn = await sessions.hand(user, session.sessionId, session.expiresAtMs, refreshToken);
    return { ...loggedIn, deviceToken: device.token };
  }

  profile(userId: string): Promise<DirectoryUser> {
    return this.#options.directory.ownProfile(userId);
  }

  /**
   * Changes the caller's profile. The address takes a recent login or the password, since others are reached by it (ASVS
   * 7.5.1); throws what `Reauthentication.assertFull` throws.
   */
  async updateProfile(caller: SessionCaller, changes: ProfileChanges, shown: Shown): Promise<DirectoryUser> {
    const { directory, reauthentication, log } = this.#options;
    const { userId, sessionId } = caller;
    if (changes.email !== undefined) {
      await reauthentication.assertFull(caller, shown);
    }
    const user = await directory.updateOwnProfile(userId, changes);
    if (changes.email !== undefined) {
      await log.record("email_changed", { userId, sessionId });
    }
    return user;
  }

  /**
   * Deletes the caller's account, after another look at the password, or, where there is none, in a session that was opened a
   * moment ago. Throws "password_wrong", "reauthentication_needed" or "busy", with nothing changed; afterwards it succeeds even when the user service is away, since nobody could ask again: the sweep goes on.
   */
  async deleteAccount(caller: SessionCaller, password: string): Promise<void> {
    const { store, directory, reauthentication, revocations, clock, log } = this.#options;
    const { userId } = caller;
    // Not active: the same deletion, asked for twice at once, has closed the account since.
    if (await store.isActive(userId)) {
      const hasPassword = (await store.findPasswordHash(userId)) !== undefined;
      const shown = hasPassword
        ? reauthentication.assertPassword(caller, password, "password")
        : reauthentication.assertRecent(caller, "");
      await shown.catch(async (error: unknown) => {
        if (await store.isActive(userId)) throw error;
      });
    }
    await revocations.announce(await store.close(userId, clock.now()));
    await log.record("account_deleted", { userId });
    try {
      await directory.remove(userId);
    } catch {
      await log.record("user_removal_postponed", { userId });
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
      await log.record("abandoned_account_removed", { userId });
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
      await log.record("signup_undo_postponed", { userId });
    }
    throw failure;
  }
}
