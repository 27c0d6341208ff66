import { randomBytes } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import type { TotpCodes } from "../domain/factor-ports.ts";

const issuer = "Weft";
/** What every authenticator app supports; others are ignored by some without a word. RFC 6238 has SHA-1 as its default. */
const form = { algorithm: "SHA1", digits: 6, period: 30 } as const;
/** RFC 4226, section 4: 160 bits. */
const secretBytes = 20;
/** Steps beside the present one whose code is taken: clocks differ, and typing takes time (RFC 6238, section 5.2). */
const window = 1;

/** Time-based one-time passwords (RFC 6238, 2011) by the `otpauth` package, which compares in constant time. */
export function createTotpCodes(): TotpCodes {
  return {
    newSecret: () => new Secret({ buffer: new Uint8Array(randomBytes(secretBytes)).buffer }).base32,
    uri: (secret, username) =>
      new TOTP({ ...form, issuer, label: username, secret: Secret.fromBase32(secret) }).toString(),
    stepOf(secret, code, nowMs) {
      const delta = TOTP.validate({
        ...form,
        secret: Secret.fromBase32(secret),
        token: code,
        timestamp: nowMs,
        window,
      });
      return delta === null ? undefined : TOTP.counter({ period: form.period, timestamp: nowMs }) + delta;
    },
  };
}
