/**
 * What an API key looks like: `weft_<id>_<secret><checksum>`, all in letters and digits, so that a double click takes the
 * whole of it. The prefix lets scanners of source code find keys that were committed; the checksum (CRC-32 of what stands
 * before it, in six digits of base 62) lets anybody tell a typing mistake, or something that only looks like a key, without
 * asking. It proves nothing: it keeps noise away from the database. The id may be seen; the secret has 256 random bits.
 */
import { crc32 } from "node:zlib";

const prefix = "weft_";
const idCharacters = 22;
const secretCharacters = 43;
const checksumCharacters = 6;
const shape = new RegExp(
  `^${prefix}([0-9A-Za-z]{${idCharacters}})_[0-9A-Za-z]{${secretCharacters + checksumCharacters}}$`,
);
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Makes a key of 16 random bytes for its id and 32 for its secret. */
export function apiKeyFrom(
  idBytes: Uint8Array,
  secretBytes: Uint8Array,
): { readonly id: string; readonly key: string } {
  const id = base62(Buffer.from(idBytes), idCharacters);
  const body = `${prefix}${id}_${base62(Buffer.from(secretBytes), secretCharacters)}`;
  return { id, key: `${body}${checksumOf(body)}` };
}

/** Whether a credential is meant as an API key; no access token begins like one. */
export function isApiKey(credential: string): boolean {
  return credential.startsWith(prefix);
}

/** The id in a key; undefined for what cannot be a key. */
export function apiKeyIdOf(key: string): string | undefined {
  const id = shape.exec(key)?.[1];
  const sound = id !== undefined && checksumOf(key.slice(0, -checksumCharacters)) === key.slice(-checksumCharacters);
  return sound ? id : undefined;
}

function checksumOf(text: string): string {
  return padded(BigInt(crc32(text)), checksumCharacters);
}

function base62(bytes: Buffer, characters: number): string {
  return padded(BigInt(`0x${bytes.toString("hex")}`), characters);
}

function padded(value: bigint, characters: number): string {
  let text = "";
  for (let rest = value; rest > 0n; rest /= 62n) {
    text = `${digits[Number(rest % 62n)]}${text}`;
  }
  return text.padStart(characters, "0");
}
