import { createHash, randomBytes } from "node:crypto";
import type { ApiKeyMint } from "../domain/api-key-ports.ts";
import { apiKeyFrom, apiKeyIdOf } from "../verifier/api-key-format.ts";

/** API keys of 256 random bits. A plain SHA-256 is enough to recognize one by: there is nothing to guess in it. */
export const randomApiKeys: ApiKeyMint = {
  mint: () => {
    const { id, key } = apiKeyFrom(randomBytes(16), randomBytes(32));
    return { id, key, hash: sha256(key) };
  },
  hash: (key) => (apiKeyIdOf(key) === undefined ? undefined : sha256(key)),
};

function sha256(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}
