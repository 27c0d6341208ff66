import { createHash, randomBytes } from "node:crypto";
import type { RecoveryCodes } from "../domain/factor-ports.ts";

/** Crockford's base32: no letter looks like a digit or another letter. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const characters = 24;

/**
 * Recovery codes of 24 characters, 120 random bits, written in groups of four. So long that a plain SHA-256 of them is
 * enough (ASVS 6.5.2 wants a password hash below 112 bits), by which a code is found and used up in one statement, and that
 * nobody has to be slowed down trying them.
 */
export function createRecoveryCodes(): RecoveryCodes {
  return {
    mint() {
      // 256 is a multiple of 32, so the low bits of a byte choose evenly.
      const code = Array.from(randomBytes(characters), (byte) => alphabet[byte % alphabet.length]).join("");
      return { code: code.replaceAll(/(.{4})(?=.)/g, "$1-"), hash: hashOf(code) };
    },
    hash: hashOf,
  };
}

function hashOf(code: string): Uint8Array {
  const plain = code.toLowerCase().replaceAll(/[\s-]/g, "").replaceAll("o", "0").replaceAll(/[il]/g, "1");
  return createHash("sha256").update(plain).digest();
}
