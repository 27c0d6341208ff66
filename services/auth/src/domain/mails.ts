import type { FactorMailJob } from "./factor-mails.ts";

/**
 * The mails that accounts are sent, as pure functions. What is queued (`MailJob`) says what happened and to whom; the text,
 * and the token in it, are made when it is sent, so no secret waits in a queue, and a mail that is sent again replaces the
 * token of the one before.
 */

/** A mail in plain text. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Where and when something was done to an account. */
export interface Occasion {
  readonly userId: string;
  readonly atMs: number;
  readonly address: string;
  readonly userAgent: string;
}

export type MailJob =
  | { readonly kind: "verify_email"; readonly userId: string }
  /** `login` is what somebody typed: whether it names an account is found out when the mail is written. */
  | { readonly kind: "reset_password"; readonly login: string }
  /** Goes to the address that the account had. */
  | { readonly kind: "email_changed"; readonly userId: string; readonly to: string }
  | ({ readonly kind: "api_key_created"; readonly keyName: string } & Occasion)
  | ({ readonly kind: "provider_linked" | "provider_unlinked"; readonly provider: string } & Occasion)
  | FactorMailJob
  | ({ readonly kind: "new_device" } & Occasion)
  | ({ readonly kind: "password_changed" } & Occasion);

/** A mail with a token; `link` is a page that takes it, or undefined when there is none. */
export interface TokenMail {
  readonly to: string;
  readonly username: string;
  readonly token: string;
  readonly link: string | undefined;
}

export function verificationMail(mail: TokenMail): Mail {
  return {
    to: mail.to,
    subject: "Is this your address?",
    text: paragraphs(
      `Hello ${mail.username},`,
      "the account of this name was given your address. If it is yours, confirm it:",
      tokenText(mail),
      "This works once, for a day. If you did not make the account, you need not do anything.",
    ),
  };
}

export function resetMail(mail: TokenMail): Mail {
  return {
    to: mail.to,
    subject: "A new password",
    text: paragraphs(
      `Hello ${mail.username},`,
      "somebody asked to set a new password for your account. If it was you, go on here:",
      tokenText(mail),
      "This works once, for half an hour. If it was not you, you need not do anything: your password stays as it is.",
    ),
  };
}

export function newDeviceMail(to: string, username: string, occasion: Occasion): Mail {
  return {
    to,
    subject: "A login from a new device",
    text: paragraphs(
      `Hello ${username},`,
      "your account was logged in to from a device that it had not been used on before.",
      occasionText(occasion),
      "If it was you, all is well. If not, set a new password now: that ends all sessions.",
    ),
  };
}

export function apiKeyCreatedMail(to: string, username: string, keyName: string, occasion: Occasion): Mail {
  return {
    to,
    subject: "A new API key",
    text: paragraphs(
      `Hello ${username},`,
      `an API key was made for your account. Its name is: ${keyName}`,
      occasionText(occasion),
      "If it was you, all is well. If not, revoke it and set a new password now.",
    ),
  };
}

/** A way in through a provider was added, or taken away. */
export function providerMail(
  to: string,
  username: string,
  what: Occasion & { readonly kind: "provider_linked" | "provider_unlinked"; readonly provider: string },
): Mail {
  const added = what.kind === "provider_linked";
  return {
    to,
    subject: added ? "Another way to log in" : "One way less to log in",
    text: paragraphs(
      `Hello ${username},`,
      `your account can ${added ? "now" : "no longer"} be logged in to with ${what.provider}.`,
      occasionText(what),
      "If it was you, all is well. If not, set a new password now, and look at what your account is linked to.",
    ),
  };
}

export function passwordChangedMail(to: string, username: string, occasion: Occasion): Mail {
  return {
    to,
    subject: "Your password was changed",
    text: paragraphs(
      `Hello ${username},`,
      "the password of your account was changed, and all sessions were ended.",
      occasionText(occasion),
      "If it was not you, ask for a new password now.",
    ),
  };
}

export function emailChangedMail(to: string, username: string): Mail {
  return {
    to,
    subject: "Your address was changed",
    text: paragraphs(
      `Hello ${username},`,
      "mail about your account goes to another address from now on, and this one was removed from it.",
      "If it was not you, tell whoever runs this service.",
    ),
  };
}

function tokenText({ token, link }: TokenMail): string {
  // Behind the #, where it reaches neither the logs of a server nor another site.
  return link === undefined ? token : `${link}#token=${token}`;
}

export function occasionText({ atMs, address, userAgent }: Occasion): string {
  const when = new Date(atMs).toISOString().replace("T", " ").slice(0, 16);
  return `When: ${when} UTC\nFrom: ${address || "unknown"}\nWith: ${userAgent || "unknown"}`;
}

export function paragraphs(...texts: string[]): string {
  return `${texts.join("\n\n")}\n`;
}
