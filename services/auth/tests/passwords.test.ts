import { errorReason, errorViolations } from "@weft/mesh";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createArgon2PasswordHasher } from "../src/adapters/argon2-password-hasher.ts";
import { createPostgresSessionStore } from "../src/adapters/postgres-session-store.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;
let auth: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance({ hasher: await createArgon2PasswordHasher() });
});
afterAll(() => fixture.close());

const newPassword = "a staple of another kind";
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    (error: unknown) => [errorReason(error), ...errorViolations(error).map(({ field }) => field)].join(" "),
  );
const stateOf = async (token: string) => (await auth.service.validateToken({ token })).reason || "valid";

async function signedUp() {
  const signup = freshSignup();
  const account = await auth.account.signup(signup);
  const login = (password: string, deviceToken = "") =>
    auth.account.login({ login: signup.username, password, deviceToken });
  const change = (oldPassword: string, wanted: string) =>
    auth.account.changePassword({ oldPassword, newPassword: wanted }, bearer(account.accessToken));
  return { ...account, userId: account.user?.id ?? "", password: signup.password, signup, login, change };
}

describe("a new password", () => {
  test("ASVS 6.2.4: is none of those that attackers try first, at a signup or at a change", async () => {
    for (const common of ["password1", "PASSWORD1", "1q2w3e4r5t", "iloveyou", "football", "trustno1"]) {
      expect(await outcome(auth.account.signup({ ...freshSignup(), password: common }))).toBe("FIELD_INVALID password");
    }
    const { change, password } = await signedUp();
    expect(await outcome(change(password, "trustno1"))).toBe("FIELD_INVALID newPassword");
  });

  test("ASVS 6.2.8, 6.2.9: counts to its last character, be it of 256 or of any script", async () => {
    const { change, login, password } = await signedUp();
    const long = `${"密码🔑 ".repeat(63)}пере`;
    await change(password, long);
    expect(await outcome(login(long.slice(0, -1)))).toBe("LOGIN_FAILED");
    expect(await outcome(login(long))).toBe("done");
  });
});

describe("changing the password", () => {
  test("ASVS 6.2.2, 6.2.3: takes the old one, and changes nothing without it", async () => {
    const { change, login, password, accessToken } = await signedUp();
    expect(await outcome(change("not the old one", newPassword))).toBe("PASSWORD_WRONG oldPassword");
    expect(await outcome(change(password, password))).toBe("FIELD_INVALID newPassword");
    expect(await stateOf(accessToken)).toBe("valid");
    expect(await outcome(login(password))).toBe("done");
  });

  test("ASVS 7.4.3, 7.2.4: ends every session, and this device goes on with a new one", async () => {
    const { change, login, password, ...first } = await signedUp();
    const other = await login(password);
    const changed = await change(password, newPassword);
    expect([await stateOf(first.accessToken), await stateOf(other.accessToken)]).toEqual(["revoked", "revoked"]);
    expect(await outcome(auth.account.refresh({ refreshToken: first.refreshToken }))).toBe("REFRESH_TOKEN_INVALID");
    expect(await stateOf(changed.accessToken)).toBe("valid");
    expect((await auth.account.refresh({ refreshToken: changed.refreshToken })).user?.id).toBe(first.userId);
    expect(await outcome(login(password))).toBe("LOGIN_FAILED");
    expect((await login(newPassword, first.deviceToken)).deviceToken).toBe(first.deviceToken);
    expect((await login(newPassword, other.deviceToken)).deviceToken).not.toBe(other.deviceToken);
  });

  test("leaves nothing to a login that found the old password right a moment before", async () => {
    const { change, password, userId } = await signedUp();
    const [row] = await fixture.database.query<{ password_hash: string }>(
      "SELECT password_hash FROM accounts WHERE user_id = $1",
      [userId],
    );
    await change(password, newPassword);
    const opened = await createPostgresSessionStore(fixture.database).open({
      sessionId: `late-${userId}`,
      userId,
      client: { address: "", network: "", userAgent: "" },
      deviceHash: Buffer.from("device"),
      provenBy: row?.password_hash,
      secondFactorAtMs: undefined,
      openedAtMs: fixture.clock.now(),
      expiresAtMs: fixture.clock.now() + 60_000,
      tokenHash: Buffer.from(userId),
      tokenExpiresAtMs: fixture.clock.now() + 60_000,
    });
    expect(opened).toBe(false);
  });
});
