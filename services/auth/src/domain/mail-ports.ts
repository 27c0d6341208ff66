import type { Mail, MailJob } from "./mails.ts";

export type MailPurpose = "verify_email" | "reset_password";

/** A token that was sent to an address, and what for. */
export interface MailedToken {
  readonly userId: string;
  readonly purpose: MailPurpose;
  readonly tokenHash: Uint8Array;
  readonly address: string;
  readonly expiresAtMs: number;
}

export interface MailedTokenStore {
  /** Takes the place of the one that was sent before for the same purpose. */
  put(token: MailedToken): Promise<void>;
  /** The token, if it is good at the instant. */
  find(purpose: MailPurpose, tokenHash: Uint8Array, atMs: number): Promise<MailedToken | undefined>;
  /** Uses it up; false when somebody else was first. */
  take(token: MailedToken): Promise<boolean>;
}

export interface AddressStore {
  /** The address that the account proved to own. */
  verifiedEmail(userId: string): Promise<string | undefined>;
  setVerifiedEmail(userId: string, address: string): Promise<void>;
}

/** Hands a mail to whoever delivers it; rejects when it was not taken. */
export interface Mailer {
  send(mail: Mail): Promise<void>;
}

/** Mails that are to be written and sent, later and durably. */
export interface MailQueue {
  /** Resolves when it is sure to be tried. */
  enqueue(job: MailJob): Promise<void>;
  /** The same for a mail that nothing depends on: never rejects, a failure is logged. */
  notify(job: MailJob): Promise<void>;
}
