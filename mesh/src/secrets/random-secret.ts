import { randomBytes } from "node:crypto";

/** A new secret of 256 bits as text. Not seeded, whatever the tests do: a secret that can be repeated is none. */
export function randomSecret(): string {
  return randomBytes(32).toString("base64url");
}
