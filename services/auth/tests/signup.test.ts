import { Code } from "@connectrpc/connect";
import { errorReason, errorViolations } from "@weft/mesh";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createArgon2PasswordHasher } from "../src/adapters/argon2-password-hasher.ts";
import { type AuthFixture, type AuthInstance, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { away } from "./scripted-user-service.ts";

let fixture: AuthFixture;
let auth: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance({ hasher: await createArgon2PasswordHasher({ running: 4 }) });
});
afterAll(() => fixture.close());
afterEach(() => {
  fixture.peer.before = {};
  fixture.peer.after = {};
});

const states = async () => {
  const rows = await fixture.database.query<{ state: string }>("SELECT state FROM accounts WHERE state <> 'active'");
  return rows.map((row) => row.state);
};
const holderOf = (username: string) => [...fixture.peer.users.values()].find((user) => user.username === username);
const sweep = async () => {
  await fixture.clock.advance(2 * 60_000 + 1);
  return auth.auth.accounts.sweepAbandonedAccounts();
};

describe("signup", () => {
  test("creates the user, logs in, and stores the password as an argon2id hash", async () => {
    const signup = freshSignup();
    const { user, accessToken } = await auth.account.signup({ ...signup, firstName: "Ada", lastName: "L" });
    expect(user).toMatchObject({ username: signup.username, email: signup.email, firstName: "Ada", lastName: "L" });
    expect((await auth.service.validateToken({ token: accessToken })).principal).toMatchObject({
      userId: user?.id,
      username: signup.username,
      roles: ["user"],
    });
    const [row] = await fixture.database.query<{ password_hash: string }>(
      "SELECT password_hash FROM accounts WHERE user_id = $1",
      [user?.id],
    );
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });

  test("names every field that is taken, and keeps nothing of the attempt", async () => {
    const signup = freshSignup();
    await auth.account.signup(signup);
    const error = await auth.account.signup(signup).catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: Code.AlreadyExists });
    expect(errorReason(error)).toBe("FIELD_TAKEN");
    expect(errorViolations(error).map((violation) => violation.field)).toEqual(["username", "email"]);
    expect(await states()).toEqual([]);
  });

  test("of two signups for one name at once, one wins", async () => {
    const signup = freshSignup();
    const attempts = await Promise.allSettled([auth.account.signup(signup), auth.account.signup(signup)]);
    expect(attempts.map((attempt) => attempt.status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await states()).toEqual([]);
  });

  test.each([
    ["longer than 72 bytes, of which the last one differs", `${"x".repeat(80)}a`, `${"x".repeat(80)}b`],
    ["of Unicode beyond letters", "пароль🔑密码テスト", "пароль🔑密码テスド"],
  ])("a password %s is used whole", async (_what, password, other) => {
    const signup = { ...freshSignup(), password };
    await auth.account.signup(signup);
    await expect(auth.account.login({ login: signup.username, password: other })).rejects.toThrow();
    expect((await auth.account.login({ login: signup.username, password })).user?.username).toBe(signup.username);
  });

  test("a password that is the account's own name is refused, naming the field", async () => {
    const signup = freshSignup();
    const error = await auth.account
      .signup({ ...signup, password: signup.username })
      .catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: Code.InvalidArgument });
    expect(errorViolations(error).map((violation) => violation.field)).toEqual(["password"]);
  });
});

describe("a signup that dies between its steps", () => {
  test("before the user exists: the name is free at once, and the sweep clears the trace", async () => {
    const signup = freshSignup();
    fixture.peer.before.createUser = away;
    await expect(auth.account.signup(signup)).rejects.toMatchObject({ code: Code.Unavailable });
    fixture.peer.before = {};
    expect((await auth.account.signup(signup)).user?.username).toBe(signup.username);
    expect(await sweep()).toBe(1);
    expect(await states()).toEqual([]);
    expect(holderOf(signup.username)).toBeDefined();
  });

  test("the answer of the user service is lost: the user is removed at once", async () => {
    const signup = freshSignup();
    fixture.peer.after.createUser = away;
    await expect(auth.account.signup(signup)).rejects.toMatchObject({ code: Code.Unavailable });
    expect(holderOf(signup.username)).toBeUndefined();
    fixture.peer.after = {};
    expect((await auth.account.signup(signup)).user?.username).toBe(signup.username);
    await sweep();
    expect(holderOf(signup.username)).toBeDefined();
  });

  test("after the user was created, with nobody left to undo it: the sweep frees the name", async () => {
    const signup = freshSignup();
    // The user service goes away once it has created the user, so the undo fails like the signup: what a kill leaves.
    fixture.peer.after.createUser = away;
    fixture.peer.before.deleteUser = away;
    await expect(auth.account.signup(signup)).rejects.toMatchObject({ code: Code.Unavailable });
    expect(holderOf(signup.username)).toBeDefined();
    await expect(auth.account.login({ login: signup.username, password: signup.password })).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
    await expect(sweep()).rejects.toMatchObject({ kind: "unavailable" });
    expect(holderOf(signup.username)).toBeDefined();

    fixture.peer.before = {};
    fixture.peer.after = {};
    expect(await sweep()).toBe(1);
    expect(holderOf(signup.username)).toBeUndefined();
    expect(await states()).toEqual([]);
    expect((await auth.account.signup(signup)).user?.username).toBe(signup.username);
  });

  test("a pending row that nobody will finish is swept, and can no longer be activated", async () => {
    const signup = freshSignup();
    let swept = 0;
    // The sweep of another instance overtakes a signup that hangs in the user service for longer than it may.
    fixture.peer.after.createUser = async () => {
      swept = await sweep();
    };
    await expect(auth.account.signup(signup)).rejects.toMatchObject({ code: Code.Unavailable });
    expect(swept).toBe(1);
    expect(holderOf(signup.username)).toBeUndefined();
    expect(await states()).toEqual([]);
  });

  test("the sweep leaves signups alone that are still young, and accounts that are active", async () => {
    const signup = freshSignup();
    let swept = -1;
    fixture.peer.after.createUser = async () => {
      swept = await auth.auth.accounts.sweepAbandonedAccounts();
    };
    const { user } = await auth.account.signup(signup);
    expect(swept).toBe(0);
    await sweep();
    expect((await auth.service.validateUser({ userId: user?.id ?? "" })).valid).toBe(true);
  });
});
