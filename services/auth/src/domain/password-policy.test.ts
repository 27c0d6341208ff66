import { describe, expect, test } from "vitest";
import { normalizePassword, refusePassword } from "./password-policy.ts";

const breached = { has: (password: string) => password === "iloveyou" };
const own = { username: "ada.lovelace", email: "ada@example.org" };

describe("refusePassword", () => {
  test.each([
    ["ASVS 6.2.1: eight characters", "abcdefgh"],
    ["ASVS 6.2.9: 64 characters", "x".repeat(64)],
    ["256 characters", "a".repeat(256)],
    ["the account's name within other words", "ada.lovelace wrote the first program"],
    ["more than 72 bytes", "correct horse battery staple ".repeat(4)],
    ["characters outside the basic plane, counted as one each", "🔑🔑🔑🔑🔑🔑🔑🔑"],
    ["ASVS 6.2.5: one class of characters only", "aaaaaaaaaaaa"],
  ])("accepts %s", (_what, password) => {
    expect(refusePassword(password, own, breached)).toBeUndefined();
  });

  test.each([
    ["ASVS 6.2.1: seven characters", "abcdefg"],
    ["seven characters outside the basic plane", "🔑🔑🔑🔑🔑🔑🔑"],
    ["257 characters", "a".repeat(257)],
    ["ASVS 6.2.12: one that attackers try first", "iloveyou"],
    ["the account's own name", "Ada.Lovelace"],
    ["ASVS 6.2.11: the account's own name, adorned", "AdaLovelace2026!"],
    ["ASVS 6.2.11: the product's name, adorned", "weft_Weft#1"],
    ["the account's own address", "ADA@example.org"],
  ])("refuses %s and names the field", (_what, password) => {
    expect(refusePassword(password, own, breached)?.field).toBe("password");
  });
});

describe("normalizePassword", () => {
  test("the same letters typed composed and decomposed are one password", () => {
    expect(normalizePassword("Zu\u0308richbahn")).toBe(normalizePassword("Z\u00fcrichbahn"));
  });
});
