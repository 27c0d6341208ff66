import { keysOfMail } from "./attempt-limits.ts";
import { originOf } from "./client-origin.ts";
import type { AddressStore, MailedTokenStore, MailQueue } from "./mail-ports.ts";
import { assertMailAdmitted, tokenRefused } from "./password-recovery.ts";
import type { AttemptCounter, ClientFacts, OpaqueTokens, UserDirectory, WallClock } from "./ports.ts";
import type { Reauthentication } from "./reauthentication.ts";
import type { SecurityLog } from "./security-events.ts";
import type { SessionCaller } from "./sessions.ts";

export interface EmailVerificationOptions {
  readonly addresses: AddressStore;
  readonly mailedTokens: MailedTokenStore;
  readonly tokens: OpaqueTokens;
  readonly directory: Pick<UserDirectory, "findById" | "ownProfile">;
  readonly reauthentication: Reauthentication;
  readonly counter: AttemptCounter;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

/**
 * Proof that an account's address is its owner's, by a token that only the mailbox sees. A proved address is where a
 * password can be reset from: putting another in its place takes more than an access token, and is told to the old one.
 */
export class EmailVerification {
  readonly #options: EmailVerificationOptions;

  constructor(options: EmailVerificationOptions) {
    this.#options = options;
  }

  /**
   * Queues the mail; true, with none queued, when the address is verified already. Throws "too_many_mails", and what
   * `Reauthentication.assertFull` throws when another address was verified before.
   */
  async request(caller: SessionCaller, password: string, client: ClientFacts): Promise<boolean> {
    const { addresses, directory, reauthentication, counter, mails, clock } = this.#options;
    const { userId } = caller;
    const { email } = await directory.ownProfile(userId);
    const verified = await addresses.verifiedEmail(userId);
    if (verified === email) {
      return true;
    }
    if (verified !== undefined) {
      await reauthentication.assertFull(caller, { password, code: "", client });
    }
    await assertMailAdmitted(counter, keysOfMail(`verify ${userId}`, client.network), clock.now());
    await mails.enqueue({ kind: "verify_email", userId });
    return false;
  }

  /** Throws "token_refused", also when the account has another address by now. */
  async verify(token: string, client: ClientFacts): Promise<void> {
    const { addresses, mailedTokens, tokens, directory, mails, clock, log } = this.#options;
    const origin = originOf(client);
    const mailed = await mailedTokens.find("verify_email", tokens.hash(token), clock.now());
    const user = mailed && (await directory.findById(mailed.userId));
    if (mailed === undefined || user?.email !== mailed.address || !(await mailedTokens.take(mailed))) {
      await log.record("mailed_token_refused", { ...origin, purpose: "verify_email" });
      throw tokenRefused();
    }
    const { userId } = user;
    const before = await addresses.verifiedEmail(userId);
    await addresses.setVerifiedEmail(userId, mailed.address);
    await log.record("email_verified", { userId, ...origin });
    if (before !== undefined && before !== mailed.address) {
      await mails.notify({ kind: "email_changed", userId, to: before });
    }
  }
}
