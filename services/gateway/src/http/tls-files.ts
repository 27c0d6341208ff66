import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock, Logger, Timer } from "@weft/mesh";
import type { TlsFiles, TlsSource } from "./http-server.ts";

/*
 * The certificate of the public port, looked at every few seconds and announced when it has become another. Files are
 * replaced one after the other, and now and then wrongly: a pair that does not fit or cannot be read is said in the log and
 * changes nothing, so a bad renewal never takes the gateway off the net. Files are compared by what they hold, as a mount of
 * secrets may change without any notice from the system.
 */

/** A renewal is days ahead of its need; seconds are for whoever watches it happen. */
const lookEveryMs = 5000;

export interface WatchedTlsFiles extends TlsSource {
  close(): void;
}

/** Reads the files and begins to watch them. Throws, naming the file, when they cannot be used. */
export async function watchTlsFiles(
  files: TlsFiles,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<WatchedTlsFiles> {
  let current = await readPair(files);
  let timer: Timer | undefined;
  let closed = false;
  let complaint = "";
  const listeners: ((files: TlsFiles) => void)[] = [];
  const look = async (): Promise<void> => {
    try {
      const found = await readPair(files);
      complaint = "";
      if (found !== current && !closed) {
        for (const listener of listeners) {
          listener(files);
        }
        current = found;
        logger.info({ certificate: files.certFile }, "new connections get the new certificate");
      }
    } catch (error) {
      const { message } = error as Error;
      if (message !== complaint) {
        logger.warn({ err: error }, "the new certificate cannot be used; the old one stays");
      }
      complaint = message;
    }
    lookLater();
  };
  const lookLater = (): void => {
    timer = closed ? undefined : clock.setTimer(() => void look(), lookEveryMs);
  };
  lookLater();
  return {
    files,
    onChange: (listener) => void listeners.push(listener),
    close: () => {
      closed = true;
      timer?.cancel();
    },
  };
}

/** What both files hold, once it is known that they belong together. */
async function readPair({ certFile, keyFile }: TlsFiles): Promise<string> {
  const [cert, key] = await Promise.all([readPem(certFile), readPem(keyFile)]);
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new Error(`${certFile} and ${keyFile} must be a certificate and a private key in PEM`, { cause });
  }
  if (!fits) {
    throw new Error(`${keyFile} is not the private key of ${certFile}`);
  }
  return `${cert}\n${key}`;
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`${path} cannot be read`, { cause });
  }
}
