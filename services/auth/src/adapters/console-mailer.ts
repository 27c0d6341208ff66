import type { Logger } from "@weft/mesh";
import type { Mailer } from "../domain/mail-ports.ts";

/** Writes mails to the log instead of sending them: for development alone, since their tokens are in them. */
export function createConsoleMailer(logger: Logger): Mailer {
  return {
    async send({ to, subject, text }) {
      logger.info({ to, subject, text }, "a mail, as it would be sent with WEFT_SMTP_URL set");
    },
  };
}

/** Sends nothing, and says so without saying what; for production without a mail server. */
export function createAbsentMailer(logger: Logger): Mailer {
  return {
    async send({ subject }) {
      logger.warn({ subject }, "a mail was dropped: WEFT_SMTP_URL is not set");
    },
  };
}
