import { describe, expect, test } from "vitest";
import { profileFrom } from "./openid-profile.ts";

const claims = { email: "ada@example.org", email_verified: true, name: "Ada King Lovelace" };

describe("what a provider says of a person", () => {
  test("is taken where it can be used", () => {
    expect(profileFrom({ ...claims, preferred_username: "ada" }, true)).toEqual({
      email: "ada@example.org",
      emailVerified: true,
      preferredUsername: "ada",
      firstName: "Ada",
      lastName: "King Lovelace",
    });
    const parts = profileFrom({ ...claims, given_name: "Augusta", family_name: "L\u0000\n" }, true);
    expect(parts).toMatchObject({ firstName: "Augusta", lastName: "L" });
    expect(profileFrom({ ...claims, given_name: "🔑".repeat(150) }, true).firstName).toBe("🔑".repeat(100));
  });

  test.each([
    ["a provider that is not trusted", claims, false],
    ["one that does not say so", { ...claims, email_verified: false }, true],
    ["one that writes it", { ...claims, email_verified: "true" }, true],
  ])("is no proof of an address from %s", (_whom, said, trusted) => {
    expect(profileFrom(said, trusted).emailVerified).toBe(false);
  });

  test.each(["", "nobody", "a@b", "a b@example.org", `${"a".repeat(300)}@example.org`, "<a@example.org>", 7, null])(
    "has no address in %j",
    (email) => {
      expect(profileFrom({ ...claims, email }, true)).toMatchObject({ email: "", emailVerified: false });
    },
  );
});
