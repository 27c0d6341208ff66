import { describe, expect, test } from "vitest";
import { assertKeySecret, loadAuthConfig } from "./config.ts";

const id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

describe("loadAuthConfig", () => {
  test("has a default for everything", () => {
    const config = loadAuthConfig({});
    expect(config.adminUserIds.size).toBe(0);
    expect(config.keyRotationMs).toBe(30 * 24 * 3_600_000);
    expect(config.limits).toMatchObject({ accessTokenMs: 900_000, refreshTokenMs: 604_800_000 });
  });

  test("reads administrators as user ids", () => {
    expect([...loadAuthConfig({ WEFT_ADMIN_USERS: ` ${id.toUpperCase()} ,` }).adminUserIds]).toEqual([id]);
  });

  test.each([
    ["WEFT_ADMIN_USERS", "alice"],
    ["WEFT_AUTH_KEY_ROTATION", "30"],
    ["WEFT_AUTH_KEY_ROTATION", "10m"],
    ["WEFT_AUTH_HASH_CONCURRENCY", "0"],
    ["WEFT_AUTH_HASH_CONCURRENCY", "many"],
  ])("refuses %s=%s and names the variable", (name, value) => {
    expect(() => loadAuthConfig({ [name]: value })).toThrow(name);
  });
});

describe("assertKeySecret", () => {
  test("refuses a short secret, naming it, and accepts 32 characters", () => {
    expect(() => assertKeySecret("changeme")).toThrow("WEFT_AUTH_KEY_SECRET");
    expect(() => assertKeySecret("0123456789abcdef0123456789abcdef")).not.toThrow();
  });
});
