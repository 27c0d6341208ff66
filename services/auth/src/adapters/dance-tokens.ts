import { createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { DanceTokens } from "../domain/provider-ports.ts";

/**
 * Tokens of logins that are on their way through a provider: 256 random bits in base64url. State, nonce and proof key are
 * MACs (HMAC-SHA-256) of the token under a secret of this service: none tells the token or another one of them, so the state
 * may stand in an address, and the database, which has the SHA-256 of the token only, cannot finish a login.
 */
export function createDanceTokens(secret: string): DanceTokens {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "weft provider login", 32));
  const derived = (what: string, token: string): string =>
    createHmac("sha256", key).update(`${what} ${token}`).digest("base64url");
  return {
    mint: () => randomBytes(32).toString("base64url"),
    hash: (token) => createHash("sha256").update(token).digest(),
    secrets: (token) => ({
      state: derived("state", token),
      nonce: derived("nonce", token),
      verifier: derived("verifier", token),
    }),
  };
}
