import { describe, expect, test } from "vitest";
import { usernameFrom, usernameWith } from "./provider-username.ts";

const form = /^[A-Za-z0-9][A-Za-z0-9_.-]{2,31}$/;

describe("a username from what a provider says", () => {
  test.each([
    ["ada", "x@example.org", "ada"],
    ["", "ada.lovelace@example.org", "ada.lovelace"],
    ["ada@corp.example", "", "ada"],
    ["Zoë Müller", "", "Zoe-Muller"],
    [".ada", "", "ada"],
    ["al", "", "user-al"],
    ["文子", "", "user"],
    ["", "", "user"],
    ["x".repeat(60), "", "x".repeat(32)],
  ])("of %j and %j is %j", (preferredUsername, email, username) => {
    expect(usernameFrom({ preferredUsername, email })).toBe(username);
    expect(username).toMatch(form);
  });

  test("keeps to the form with an end that tells it apart", () => {
    for (const name of ["ada", "x".repeat(32)]) {
      expect(usernameWith("0a1b2c3d", name)).toMatch(form);
      expect(usernameWith("0a1b2c3d", name)).toMatch(/-0a1b2c3d$/);
    }
  });
});
