import { createTransport } from "nodemailer";
import type { SmtpConfig } from "../config.ts";
import type { Mailer } from "../domain/mail-ports.ts";

/** A server that does not answer must not hold a delivery for ever; it is tried again. */
const timeoutMs = 20_000;

/**
 * Sends by SMTP, over one connection per mail. With a password, an unencrypted connection is raised to TLS or not used
 * (RFC 3207), so the password never travels in the clear. Bodies cannot name files or addresses to be read.
 */
export function createSmtpMailer({ host, port, secure, user, password, from }: SmtpConfig): Mailer {
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && user !== undefined,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? "" } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ to, subject, text }) {
      // As an object, an address is one address, whatever commas it has.
      await transport.sendMail({ from, to: { name: "", address: to }, subject, text });
    },
  };
}
