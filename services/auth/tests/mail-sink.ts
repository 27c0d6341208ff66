import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { until } from "@weft/mesh/testing";
import { SMTPServer } from "smtp-server";

export interface SunkMail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** The token on a line of its own, or behind a link. */
  readonly token: string;
}

/** A mail server on a free port of this machine that keeps what it is sent. */
export interface MailSink {
  readonly port: number;
  readonly mails: readonly SunkMail[];
  /** How many mails it still refuses for now (451). */
  refusals: number;
  /** Waits for the first mail to the address, of the subject if one is named, and takes it out. */
  take(to: string, subject?: string): Promise<SunkMail>;
  close(): Promise<void>;
}

export async function startMailSink(): Promise<MailSink> {
  const mails: SunkMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        if (sink.refusals > 0) {
          sink.refusals -= 1;
          callback(Object.assign(new Error("not now"), { responseCode: 451 }));
          return;
        }
        const to = session.envelope.rcptTo.map((recipient) => recipient.address);
        mails.push({ to, ...parsed(Buffer.concat(chunks).toString("utf8")) });
        callback();
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  const sink: MailSink = {
    port,
    mails,
    refusals: 0,
    take: (to, subject) =>
      until(`there is a mail to ${to}`, () => {
        const at = mails.findIndex((mail) => mail.to.includes(to) && (subject ?? mail.subject) === mail.subject);
        return at < 0 ? undefined : mails.splice(at, 1)[0];
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return sink;
}

function parsed(source: string): Omit<SunkMail, "to"> {
  const end = source.indexOf("\r\n\r\n");
  const subject = /^Subject: (.*)$/m.exec(source.slice(0, end))?.[1]?.trim() ?? "";
  const text = source
    .slice(end + 4)
    .replaceAll("=\r\n", "")
    .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll("\r\n", "\n");
  const token = /(?:^|#token=)([A-Za-z0-9_-]{43})$/m.exec(text)?.[1] ?? "";
  return { subject, text, token };
}
