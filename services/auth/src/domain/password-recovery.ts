/**
 * A new password without the old one, by a mail. Asking does the same whether or not there is such an account: it counts
 * the request and queues a job, and the account is looked for when the mail is written (ASVS 6.3.8, AUTH-24). Whoever has
 * the token has the mailbox, so using it proves the address, ends every session and forgets every device: nobody knows who
 * had them. No session is opened; the new password has to prove itself, and a second factor with it.
 */

import { keysOfLogin, keysOfMail } from "./attempt-limits.ts";
import { originOf } from "./client-origin.ts";
import { AuthError } from "./errors.ts";
import type { MailedTokenStore, MailQueue } from "./mail-ports.ts";
import { assertPassword, normalizePassword, refusePassword } from "./password-policy.ts";
import type {
  AttemptCounter,
  BreachedPasswords,
  ClientFacts,
  OpaqueTokens,
  PasswordHasher,
  PasswordStore,
  RevocationAnnouncer,
  UserDirectory,
  WallClock,
} from "./ports.ts";
import type { SecurityLog } from "./security-events.ts";

export interface PasswordRecoveryOptions {
  readonly store: PasswordStore;
  readonly mailedTokens: MailedTokenStore;
  readonly tokens: OpaqueTokens;
  readonly directory: Pick<UserDirectory, "findById">;
  readonly hasher: PasswordHasher;
  readonly breached: BreachedPasswords;
  readonly revocations: RevocationAnnouncer;
  readonly counter: AttemptCounter;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

export class PasswordRecovery {
  readonly #options: PasswordRecoveryOptions;

  constructor(options: PasswordRecoveryOptions) {
    this.#options = options;
  }

  /** Throws "too_many_mails" with the time to wait, for logins that exist and those that do not alike. */
  async request(login: string, client: ClientFacts): Promise<void> {
    const { counter, mails, clock, log } = this.#options;
    await assertMailAdmitted(counter, keysOfMail(login, client.network), clock.now());
    await log.record("password_reset_requested", originOf(client));
    await mails.enqueue({ kind: "reset_password", login });
  }

  /** Throws "token_refused", "field_invalid" naming `newPassword` (the token stays good), "busy" or "unavailable". */
  async reset(token: string, newPassword: string, client: ClientFacts): Promise<void> {
    const { store, mailedTokens, tokens, directory, hasher, breached, revocations, counter, mails, clock, log } =
      this.#options;
    const tokenHash = tokens.hash(token);
    const mailed = await mailedTokens.find("reset_password", tokenHash, clock.now());
    const user = mailed && (await directory.findById(mailed.userId));
    const origin = originOf(client);
    if (user === undefined) {
      await log.record("mailed_token_refused", { ...origin, purpose: "reset_password" });
      throw tokenRefused();
    }
    const { userId } = user;
    assertPassword(refusePassword(newPassword, user, breached, "newPassword"));
    const passwordHash = await hasher.hash(normalizePassword(newPassword));
    const atMs = clock.now();
    const change = { userId, passwordHash, reason: "password_reset", atMs, session: undefined, tokenHash };
    const ended = await store.change(change);
    if (ended === undefined) {
      throw tokenRefused();
    }
    await revocations.announce(ended);
    // Whoever forgot the password has tried a few; the login that comes next must not wait for that.
    const logins = [user.username, user.email].flatMap((login) => keysOfLogin(login, client.network));
    await counter.forget(logins.filter((key) => key.kind !== "network"));
    await log.record("password_reset", { userId, ...origin });
    await mails.notify({ kind: "password_changed", userId, atMs, ...origin });
  }
}

/** Throws "too_many_mails" unless the mail may be sent; then it is counted. */
export async function assertMailAdmitted(
  counter: AttemptCounter,
  keys: ReturnType<typeof keysOfMail>,
  nowMs: number,
): Promise<void> {
  const { admitted, waitMs } = await counter.take(keys, nowMs);
  if (!admitted) {
    throw new AuthError("too_many_mails", "too many mails were asked for: wait as long as is said", {
      retryAfterMs: waitMs,
    });
  }
}

/** One answer for a token that never was, was used, is too old, or of an account that is gone. */
export function tokenRefused(): AuthError {
  return new AuthError("token_refused", "this token is not good, or not any more; ask for another mail", {
    fields: [{ field: "token", description: "is unknown, used, replaced or too old" }],
  });
}
