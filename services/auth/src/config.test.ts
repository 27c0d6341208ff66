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

  const rpId = "weft.example";
  test.each([
    ["on localhost without an address", {}, "localhost", ["http://localhost:*"]],
    [
      "for the public address",
      { WEFT_PUBLIC_URL: "https://weft.example:8443/app" },
      rpId,
      ["https://weft.example:8443"],
    ],
    [
      "for this port of localhost",
      { WEFT_PUBLIC_URL: "http://localhost:8000" },
      "localhost",
      ["http://localhost:8000"],
    ],
    ["on localhost where the address is no name", { WEFT_PUBLIC_URL: "http://192.0.2.1" }, "localhost", undefined],
    ["behind TLS where the address says none", { WEFT_PUBLIC_URL: "http://weft.example" }, rpId, [`https://${rpId}`]],
    [
      "for a whole domain",
      { WEFT_PUBLIC_URL: "https://app.weft.example", WEFT_WEBAUTHN_RP_ID: rpId },
      rpId,
      ["https://app.weft.example"],
    ],
    [
      "for several pages",
      { WEFT_WEBAUTHN_RP_ID: rpId, WEFT_WEBAUTHN_ORIGINS: `https://a.${rpId}, https://${rpId}` },
      rpId,
      [`https://a.${rpId}`, `https://${rpId}`],
    ],
  ])("passkeys are made %s", (_where, env, domain, origins = ["http://localhost:*"]) => {
    expect(loadAuthConfig(env).webauthn).toEqual({ rpId: domain, origins });
  });

  test.each([
    "https://evil.example",
    "https://notweft.example",
    "https://weft.example/",
    "http://weft.example",
    "http://localhost:*",
    "https://*.weft.example",
  ])("the page %s may not ask for passkeys of weft.example", (origin) => {
    const env = { WEFT_PUBLIC_URL: "https://weft.example", WEFT_WEBAUTHN_ORIGINS: origin };
    expect(() => loadAuthConfig(env)).toThrow("WEFT_WEBAUTHN_ORIGINS");
  });

  test.each([
    ["WEFT_ADMIN_USERS", "alice"],
    ["WEFT_AUTH_KEY_ROTATION", "30"],
    ["WEFT_AUTH_KEY_ROTATION", "10m"],
    ["WEFT_AUTH_HASH_CONCURRENCY", "0"],
    ["WEFT_AUTH_HASH_CONCURRENCY", "many"],
    ["WEFT_SMTP_URL", "http://mail.example"],
    ["WEFT_PUBLIC_URL", "weft.example"],
    ["WEFT_PUBLIC_URL", "https://weft.example/?a=b"],
    ["WEFT_WEBAUTHN_RP_ID", "https://weft.example"],
    ["WEFT_WEBAUTHN_RP_ID", "192.0.2.1"],
    ["WEFT_WEBAUTHN_ORIGINS", "https://weft.example"],
    ["WEFT_WEBAUTHN_ORIGINS", "http://127.0.0.1:8000"],
  ])("refuses %s=%s and names the variable", (name, value) => {
    expect(() => loadAuthConfig({ [name]: value })).toThrow(name);
  });
});

describe("the mail server", () => {
  const from = "Weft <no-reply@weft.example>";
  const smtpOf = (url: string) => loadAuthConfig({ WEFT_SMTP_URL: url, WEFT_MAIL_FROM: from }).smtp;

  test("is none by default, and is read from one address", () => {
    expect(loadAuthConfig({}).smtp).toBeUndefined();
    expect(smtpOf("smtp://a%40b:p%2Fw@mail.example")).toEqual({
      host: "mail.example",
      port: 587,
      secure: false,
      user: "a@b",
      password: "p/w",
      from,
    });
    expect(smtpOf("smtps://[2001:db8::1]")).toMatchObject({ host: "2001:db8::1", port: 465, secure: true });
    expect(smtpOf("smtp://127.0.0.1:2525")).toMatchObject({ port: 2525, user: undefined, password: undefined });
  });

  test("takes a sender that is one address, and a refusal does not repeat the password", () => {
    const load = (url: string, sender: string) => () => loadAuthConfig({ WEFT_SMTP_URL: url, WEFT_MAIL_FROM: sender });
    for (const sender of ["", "nobody", "a@b\r\nBcc: c@d", "a@b, c@d"]) {
      expect(load("smtp://mail.example", sender)).toThrow("WEFT_MAIL_FROM");
    }
    expect(load("smtp//user:hunter2@mail.example", from)).toThrow(/^(?!.*hunter2).*WEFT_SMTP_URL/);
  });
});

describe("assertKeySecret", () => {
  test("refuses a short secret, naming it, and accepts 32 characters", () => {
    expect(() => assertKeySecret("changeme")).toThrow("WEFT_AUTH_KEY_SECRET");
    expect(() => assertKeySecret("0123456789abcdef0123456789abcdef")).not.toThrow();
  });
});
