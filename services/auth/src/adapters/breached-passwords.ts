/**
 * Passwords that attackers try first, without asking anybody outside: a sorted list of 32-bit digests, of which the file
 * keeps the distances (LEB128, about 2.6 bytes each). With 100 000 digests in 2^32 a good password is refused by mistake
 * once in 43 000; a Bloom filter of that size would do so thirty times as often. `data/build-breached-passwords.ts`
 * makes the file from a public list.
 */
import { createHash } from "node:crypto";
import type { BreachedPasswords } from "../domain/ports.ts";

/** The list that a file holds. Throws when it does not end where it should. */
export function createBreachedPasswords(file: Uint8Array): BreachedPasswords {
  const digests = decodeDigests(file);
  return {
    has(password) {
      const wanted = digestOf(password);
      let low = 0;
      let high = digests.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((digests[middle] ?? 0) < wanted) low = middle + 1;
        else high = middle;
      }
      return digests[low] === wanted;
    },
  };
}

/** The file for a list; capital letters count for nothing. */
export function encodePasswords(passwords: Iterable<string>): Uint8Array {
  const digests = Uint32Array.from(new Set([...passwords].map(digestOf))).sort();
  const bytes: number[] = [];
  let before = 0;
  for (const digest of digests) {
    let distance = digest - before;
    for (; distance >= 0x80; distance = Math.floor(distance / 0x80)) {
      bytes.push((distance % 0x80) | 0x80);
    }
    bytes.push(distance);
    before = digest;
  }
  return Uint8Array.from(bytes);
}

function decodeDigests(file: Uint8Array): Uint32Array {
  const digests = new Uint32Array(file.reduce((ends, byte) => ends + (byte < 0x80 ? 1 : 0), 0));
  let digest = 0;
  let distance = 0;
  let scale = 1;
  let at = 0;
  for (const byte of file) {
    distance += (byte % 0x80) * scale;
    scale *= 0x80;
    if (byte < 0x80) {
      digest += distance;
      digests[at] = digest;
      at += 1;
      distance = 0;
      scale = 1;
    }
  }
  if (scale !== 1 || digest >= 2 ** 32) {
    throw new Error("the list of breached passwords is damaged");
  }
  return digests;
}

function digestOf(password: string): number {
  return createHash("sha256").update(password.normalize("NFKC").toLowerCase()).digest().readUInt32BE(0);
}
