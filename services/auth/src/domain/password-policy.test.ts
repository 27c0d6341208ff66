import { describe, expect, test } from "vitest";
import { normalizePassword, refusePassword } from "./password-policy.ts";

const own = { username: "ada.lovelace", email: "ada@example.org" };

describe("refusePassword", () => {
  test.each([
    ["eight characters", "abcdefgh"],
    ["256 characters", "a".repeat(256)],
    ["more than 72 bytes", "correct horse battery staple ".repeat(4)],
    ["characters outside the basic plane, counted as one each", "🔑🔑🔑🔑🔑🔑🔑🔑"],
    ["one class of characters only", "aaaaaaaaaaaa"],
  ])("accepts %s", (_what, password) => {
    expect(refusePassword(password, own)).toBeUndefined();
  });

  test.each([
    ["seven characters", "abcdefg"],
    ["seven characters outside the basic plane", "🔑🔑🔑🔑🔑🔑🔑"],
    ["257 characters", "a".repeat(257)],
    ["the account's own name", "Ada.Lovelace"],
    ["the account's own address", "ADA@example.org"],
  ])("refuses %s and names the field", (_what, password) => {
    expect(refusePassword(password, own)?.field).toBe("password");
  });
});

describe("normalizePassword", () => {
  test("the same letters typed composed and decomposed are one password", () => {
    expect(normalizePassword("Zu\u0308richbahn")).toBe(normalizePassword("Z\u00fcrichbahn"));
  });
});
