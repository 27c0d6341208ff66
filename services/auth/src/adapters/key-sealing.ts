/**
 * Seals secrets for storage (private signing keys, those of authenticator apps): AES-256-GCM under a key derived
 * (HKDF-SHA-256) for each kind from the service's key-encryption secret, bound to the id of the row so that rows cannot be
 * exchanged. Sealed form: one byte of version, 12 bytes of nonce, 16 bytes of tag, the ciphertext.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

export interface KeySealing {
  seal(id: string, plain: string): Uint8Array;
  /** Throws when the secret is another one, or the bytes were changed. */
  open(id: string, sealed: Uint8Array): string;
}

/** `secret` is any text with at least 256 bits of randomness in it; what is sealed as one kind opens as no other. */
export function createKeySealing(secret: string, kind: "signing key" | "TOTP secret" = "signing key"): KeySealing {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `weft-auth ${kind}s`, 32));
  return {
    seal(id, plain) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(id));
      const body = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([Uint8Array.of(version), nonce, cipher.getAuthTag(), body]);
    },
    open(id, sealed) {
      const bytes = Buffer.from(sealed);
      if (bytes[0] !== version || bytes.length <= 1 + nonceBytes + tagBytes) {
        throw new Error(`${kind} ${id} is stored in an unknown form`);
      }
      const nonce = bytes.subarray(1, 1 + nonceBytes);
      const tag = bytes.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes);
      const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(id)).setAuthTag(tag);
      try {
        const body = bytes.subarray(1 + nonceBytes + tagBytes);
        return Buffer.concat([decipher.update(body), decipher.final()]).toString("utf8");
      } catch (cause) {
        throw new Error(`${kind} ${id} cannot be opened: the key-encryption secret is not the one it was sealed with`, {
          cause,
        });
      }
    },
  };
}
