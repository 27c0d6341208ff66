import { describe, expect, test } from "vitest";
import { createRecoveryCodes } from "./random-recovery-codes.ts";

const codes = createRecoveryCodes();

describe("createRecoveryCodes", () => {
  test("ASVS 6.5.2, 6.5.3, 6.5.4: a code has 120 random bits, more than a plain hash needs", () => {
    const minted = Array.from({ length: 200 }, () => codes.mint());
    expect(new Set(minted.map(({ code }) => code)).size).toBe(200);
    const form = /^[0-9a-hjkmnp-tv-z]{4}(?:-[0-9a-hjkmnp-tv-z]{4}){5}$/;
    expect(minted.filter(({ code }) => !form.test(code))).toEqual([]);
    const used = new Set(minted.flatMap(({ code }) => [...code.replaceAll("-", "")]));
    expect(used.size).toBe(32);
  });

  test("a code is the same however it is written", () => {
    const { code, hash } = codes.mint();
    const typed = ` ${code.toUpperCase().replaceAll("-", " ").replaceAll("0", "O").replaceAll("1", "l")} `;
    expect([codes.hash(code), codes.hash(typed)]).toEqual([hash, hash]);
    expect(codes.hash(code.slice(0, -1))).not.toEqual(hash);
  });
});
