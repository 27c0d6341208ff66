import { factorMail } from "./factor-mails.ts";
import type { AddressStore, MailedTokenStore, Mailer, MailPurpose } from "./mail-ports.ts";
import {
  apiKeyCreatedMail,
  emailChangedMail,
  type MailJob,
  newDeviceMail,
  passwordChangedMail,
  providerMail,
  resetMail,
  type TokenMail,
  verificationMail,
} from "./mails.ts";
import type { AccountStore, DirectoryUser, OpaqueTokens, UserDirectory, WallClock } from "./ports.ts";

export interface MailDeskOptions {
  readonly directory: Pick<UserDirectory, "findById" | "findByLogin">;
  readonly accounts: Pick<AccountStore, "isActive">;
  readonly addresses: AddressStore;
  readonly mailedTokens: MailedTokenStore;
  readonly tokens: OpaqueTokens;
  readonly mailer: Mailer;
  readonly clock: WallClock;
  /** Where the pages are that take tokens, without a slash at the end; undefined when there are none. */
  readonly publicUrl: string | undefined;
}

/** ASVS 6.4.1 wants such secrets short-lived; a mailbox is looked at sooner for a password than for a welcome. */
const livesMs: Readonly<Record<MailPurpose, number>> = {
  verify_email: 24 * 3_600_000,
  reset_password: 30 * 60_000,
};
const pages: Readonly<Record<MailPurpose, string>> = {
  verify_email: "/verify-email",
  reset_password: "/reset-password",
};

/**
 * Writes the mails of the queue and hands them over. A job about an account that is not there any more is done with
 * nothing sent. Tokens go to one address only: that which the account proved to own, and the one of its profile while it
 * has proved none, so that whoever changes a profile cannot have the next reset sent to themselves.
 */
export class MailDesk {
  readonly #options: MailDeskOptions;

  constructor(options: MailDeskOptions) {
    this.#options = options;
  }

  /** Rejects when a dependency is away or the mail was not taken; then it is to be tried again. */
  async deliver(job: MailJob): Promise<void> {
    const { directory, accounts, addresses, mailer } = this.#options;
    const user =
      job.kind === "reset_password" ? await directory.findByLogin(job.login) : await directory.findById(job.userId);
    if (user === undefined || !(await accounts.isActive(user.userId))) {
      return;
    }
    const verified = await addresses.verifiedEmail(user.userId);
    const safe = verified ?? user.email;
    switch (job.kind) {
      case "verify_email":
        if (verified === user.email) return;
        return mailer.send(verificationMail(await this.#tokenMail("verify_email", user, user.email)));
      case "reset_password":
        return mailer.send(resetMail(await this.#tokenMail("reset_password", user, safe)));
      case "email_changed":
        return mailer.send(emailChangedMail(job.to, user.username));
      case "api_key_created":
        return mailer.send(apiKeyCreatedMail(safe, user.username, job.keyName, job));
      case "provider_linked":
      case "provider_unlinked":
        return mailer.send(providerMail(safe, user.username, job));
      case "factor_added":
      case "factor_removed":
      case "recovery_code_used":
      case "codes_guessed":
        return mailer.send(factorMail(safe, user.username, job));
      case "new_device":
        return mailer.send(newDeviceMail(safe, user.username, job));
      case "password_changed":
        return mailer.send(passwordChangedMail(safe, user.username, job));
    }
  }

  async #tokenMail(purpose: MailPurpose, { userId, username }: DirectoryUser, to: string): Promise<TokenMail> {
    const { mailedTokens, tokens, clock, publicUrl } = this.#options;
    const { token, hash } = tokens.mint();
    const expiresAtMs = clock.now() + livesMs[purpose];
    await mailedTokens.put({ userId, purpose, tokenHash: hash, address: to, expiresAtMs });
    return { to, username, token, link: publicUrl === undefined ? undefined : `${publicUrl}${pages[purpose]}` };
  }
}
