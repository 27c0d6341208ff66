import { createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import type { RefreshTokens } from "../domain/ports.ts";

/**
 * Refresh tokens: 256 random bits in base64url, and successors that are a MAC (HMAC-SHA-256) of the token they follow and
 * a random salt. So a successor can be answered again to whoever presents its predecessor, without any token being stored:
 * it takes the predecessor (the client's), the salt (the database's) and the secret (the configuration's), and each of
 * these alone is worth nothing. A plain SHA-256 is enough to recognize them by: there is nothing to guess in them.
 */
export function createOpaqueRefreshTokens(secret: string): RefreshTokens {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "weft refresh token successor", 32));
  return {
    mint: () => hashed(randomBytes(32).toString("base64url")),
    salt: () => randomBytes(16),
    successorOf: (token, salt) => hashed(createHmac("sha256", key).update(salt).update(token).digest("base64url")),
    hash: sha256,
  };
}

function hashed(token: string): { token: string; hash: Uint8Array } {
  return { token, hash: sha256(token) };
}

function sha256(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
