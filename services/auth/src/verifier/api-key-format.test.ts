import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { apiKeyFrom, apiKeyIdOf, isApiKey } from "./api-key-format.ts";

describe("an API key", () => {
  test("is one word of letters and digits that names its id, whatever its bytes are", () => {
    for (const [id, secret] of [
      [randomBytes(16), randomBytes(32)],
      [Buffer.alloc(16), Buffer.alloc(32)],
      [Buffer.alloc(16, 0xff), Buffer.alloc(32, 0xff)],
    ] as const) {
      const made = apiKeyFrom(id, secret);
      expect(made.key).toMatch(/^weft_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}$/);
      expect(made.key).toContain(`weft_${made.id}_`);
      expect(apiKeyIdOf(made.key)).toBe(made.id);
      expect(isApiKey(made.key)).toBe(true);
    }
  });

  test("with any one character changed, left out or added is none", () => {
    const { key } = apiKeyFrom(randomBytes(16), randomBytes(32));
    for (let at = 0; at < key.length; at += 1) {
      const other = key[at] === "7" ? "8" : "7";
      expect(apiKeyIdOf(`${key.slice(0, at)}${other}${key.slice(at + 1)}`), `character ${at}`).toBeUndefined();
      expect(apiKeyIdOf(key.slice(0, at) + key.slice(at + 1)), `without ${at}`).toBeUndefined();
    }
    expect([`${key}0`, ` ${key}`, `${key}\n`, "", "weft_", "weft__"].map(apiKeyIdOf)).toEqual(Array(6).fill(undefined));
  });
});
