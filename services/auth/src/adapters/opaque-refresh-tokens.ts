import { createHash, randomBytes } from "node:crypto";
import type { RefreshTokens } from "../domain/ports.ts";

/** 256 random bits in base64url. A plain SHA-256 is enough to store: there is nothing to guess in them. */
export const opaqueRefreshTokens: RefreshTokens = {
  mint() {
    const token = randomBytes(32).toString("base64url");
    return { token, hash: sha256(token) };
  },
  hash: sha256,
};

function sha256(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
