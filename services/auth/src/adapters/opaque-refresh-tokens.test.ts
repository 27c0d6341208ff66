import { describe, expect, test } from "vitest";
import { createOpaqueRefreshTokens } from "./opaque-refresh-tokens.ts";

const tokens = createOpaqueRefreshTokens("a key-encryption secret");

describe("refresh tokens", () => {
  test("ASVS 7.2.3: carry 256 bits and are never made twice", () => {
    const made = Array.from({ length: 1000 }, () => tokens.mint().token);
    expect(new Set(made).size).toBe(1000);
    expect(made.every((token) => Buffer.from(token, "base64url").length === 32)).toBe(true);
    expect(Buffer.from(tokens.successorOf("token", tokens.salt()).token, "base64url").length).toBe(32);
  });

  test("have one successor for a salt, and another for another salt, token or secret", () => {
    const salt = tokens.salt();
    const { token } = tokens.successorOf("token", salt);
    expect(tokens.successorOf("token", salt)).toEqual({ token, hash: tokens.hash(token) });
    const others = [
      tokens.successorOf("token", tokens.salt()),
      tokens.successorOf("tokens", salt),
      createOpaqueRefreshTokens("another secret").successorOf("token", salt),
    ];
    expect(new Set([token, ...others.map((other) => other.token)]).size).toBe(4);
  });
});
