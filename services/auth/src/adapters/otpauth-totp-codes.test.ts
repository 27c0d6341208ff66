import { describe, expect, test } from "vitest";
import { codeOf } from "../../tests/authenticator-app.ts";
import { createTotpCodes } from "./otpauth-totp-codes.ts";

/** "12345678901234567890" of RFC 6238, appendix B, in base32. */
const rfcSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const totp = createTotpCodes();

describe("createTotpCodes", () => {
  test.each([
    [59, "287082"],
    [1111111109, "081804"],
    [1234567890, "005924"],
    [2000000000, "279037"],
    [20000000000, "353130"],
  ])("finds the step of the code that RFC 6238 has for second %i", (second, code) => {
    expect(totp.stepOf(rfcSecret, code, second * 1000)).toBe(Math.floor(second / 30));
    expect(codeOf(rfcSecret, second * 1000)).toBe(code);
  });

  test("ASVS 6.5.5, 6.5.8: codes are of 30 seconds of our own clock, and one step to either side is taken", () => {
    const nowMs = 1_700_000_010_000;
    const steps = [-2, -1, 0, 1, 2].map((by) => totp.stepOf(rfcSecret, codeOf(rfcSecret, nowMs + by * 30_000), nowMs));
    const step = Math.floor(nowMs / 30_000);
    expect(steps).toEqual([undefined, step - 1, step, step + 1, undefined]);
  });

  test("ASVS 6.5.3: a secret has 160 bits and is never the same", () => {
    const secrets = new Set(Array.from({ length: 100 }, () => totp.newSecret()));
    expect(secrets.size).toBe(100);
    expect([...secrets].every((secret) => /^[A-Z2-7]{32}$/.test(secret))).toBe(true);
  });

  test("tells apps the secret with whose it is", () => {
    const uri = new URL(totp.uri(rfcSecret, "ada"));
    expect(uri.protocol + uri.host + decodeURIComponent(uri.pathname)).toBe("otpauth:totp/Weft:ada");
    const { secret, issuer, digits, period } = Object.fromEntries(uri.searchParams);
    expect({ secret, issuer, digits, period }).toEqual({
      secret: rfcSecret,
      issuer: "Weft",
      digits: "6",
      period: "30",
    });
  });
});
