import { Code } from "@connectrpc/connect";
import { errorReason, errorViolations } from "@weft/mesh";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createPostgresAccountStore } from "../src/adapters/postgres-account-store.ts";
import { createPostgresSessionStore } from "../src/adapters/postgres-session-store.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { away } from "./scripted-user-service.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let other: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance();
  other = await fixture.instance();
});
afterAll(() => fixture.close());
afterEach(() => {
  fixture.peer.before = {};
});

const signedUp = async () => {
  const signup = freshSignup();
  const { user, accessToken, refreshToken } = await auth.account.signup(signup);
  return { signup, userId: user?.id ?? "", accessToken, refreshToken };
};
type Account = Awaited<ReturnType<typeof signedUp>>;
const deleteAccount = ({ signup: { password }, accessToken }: Account) =>
  auth.account.deleteAccount({ password }, bearer(accessToken));
const login = ({ signup: { username, password } }: Account, instance = other) =>
  instance.account.login({ login: username, password });
const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => "accepted",
    (error: unknown) => errorReason(error),
  );
const rowsOf = (table: "accounts" | "grants", { userId }: Account) =>
  fixture.database.query<{ state: string; password_hash: string }>(`SELECT * FROM ${table} WHERE user_id = $1`, [
    userId,
  ]);
const endReasons = async ({ userId }: Account) => {
  const text = "SELECT end_reason FROM sessions WHERE user_id = $1";
  return (await fixture.database.query<{ end_reason: string | null }>(text, [userId])).map((row) => row.end_reason);
};
const sweep = async () => {
  await fixture.clock.advance(2 * 60_000 + 1);
  return auth.auth.accounts.sweepAbandonedAccounts();
};

describe("deleting an account", () => {
  test("ASVS 7.4.2: ends all its sessions at once, everywhere, and keeps neither hash, nor roles, nor user", async () => {
    const account = await signedUp();
    const { userId } = account;
    const elsewhere = await login(account);
    await auth.service.grantRole({ userId, role: "owner", resource: "project:1" });
    await deleteAccount(account);
    for (const { accessToken, refreshToken } of [account, elsewhere]) {
      expect(await reasonOf(other.account.getProfile({}, bearer(accessToken)))).toBe("TOKEN_REVOKED");
      expect(await reasonOf(other.account.refresh({ refreshToken }))).toBe("REFRESH_TOKEN_INVALID");
    }
    expect(await endReasons(account)).toEqual(["account_deleted", "account_deleted"]);
    expect(await rowsOf("grants", account)).toEqual([]);
    expect(await rowsOf("accounts", account)).toMatchObject([{ state: "abandoned", password_hash: "" }]);
    expect(fixture.peer.users.has(userId)).toBe(false);
    expect(await reasonOf(login(account))).toBe("LOGIN_FAILED");
    expect((await other.service.validateUser({ userId })).valid).toBe(false);
    await sweep();
    expect(await rowsOf("accounts", account)).toEqual([]);
  });

  test("leaves the revocation of every session in Redis", async () => {
    const account = await signedUp();
    await login(account);
    await deleteAccount(account);
    const text = "SELECT id FROM sessions WHERE user_id = $1 AND announced_at IS NOT NULL";
    const sessions = await fixture.database.query<{ id: string }>(text, [account.userId]);
    expect(sessions).toHaveLength(2);
    for (const { id } of sessions) {
      expect(await other.redis.commands.get(`auth:revoked:${id}`)).toBe("1");
    }
  });

  test("is refused for a wrong password, naming the field, and changes nothing", async () => {
    const account = await signedUp();
    const attempt = auth.account.deleteAccount({ password: "wrong password" }, bearer(account.accessToken));
    const error = await attempt.catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: Code.PermissionDenied });
    expect(errorReason(error)).toBe("PASSWORD_WRONG");
    expect(errorViolations(error).map((violation) => violation.field)).toEqual(["password"]);
    expect(await reasonOf(other.account.getProfile({}, bearer(account.accessToken)))).toBe("accepted");
    expect(await reasonOf(login(account))).toBe("accepted");
  });

  test("needs a token", async () => {
    expect(await reasonOf(auth.account.deleteAccount({ password: "correct horse battery" }))).toBe("TOKEN_MISSING");
  });

  test("frees the name at once, and the next account under it is another one that later sweeps leave alone", async () => {
    const account = await signedUp();
    await auth.service.grantRole({ userId: account.userId, role: "owner", resource: "project:2" });
    await deleteAccount(account);
    const next = await auth.account.signup(account.signup);
    expect(next.user?.id).not.toBe(account.userId);
    await sweep();
    expect((await login(account)).user?.id).toBe(next.user?.id);
    expect((await auth.service.getUserContext({ userId: next.user?.id ?? "" })).grants).toEqual([]);
  });

  test("of the last owner leaves the roles of those they shared with", async () => {
    const [owner, guest] = [await signedUp(), await signedUp()];
    await auth.service.grantRole({ userId: owner.userId, role: "owner", resource: "project:3" });
    await auth.service.grantRole({ userId: guest.userId, role: "editor", resource: "project:3" });
    await deleteAccount(owner);
    const { grants } = await other.service.listGrants({ resource: "project:3" });
    expect(grants).toMatchObject([{ userId: guest.userId, role: "editor" }]);
  });

  test("asked for twice at once succeeds twice; afterwards the token is refused", async () => {
    const account = await signedUp();
    const { userId, signup } = account;
    let secondSucceeded = false;
    // The second call was let in like the first and reads the account when the first has just closed it.
    fixture.peer.before.deleteUser = async () => {
      fixture.peer.before = {};
      await other.auth.accounts.deleteAccount({ userId, sessionId: "the second call" }, signup.password);
      secondSucceeded = true;
    };
    await deleteAccount(account);
    expect(secondSucceeded).toBe(true);
    expect(await reasonOf(deleteAccount(account))).toBe("TOKEN_REVOKED");
  });

  test("that meets logins and grants leaves no session that is live and no role", async () => {
    const account = await signedUp();
    const { userId } = account;
    const racing = Array.from({ length: 12 }, (_, index) =>
      index % 2 === 0
        ? login(account)
        : other.service.grantRole({ userId, role: "viewer", resource: `project:race-${index}` }),
    );
    const settled = Promise.allSettled(racing);
    await deleteAccount(account);
    for (const result of await settled) {
      if (result.status === "rejected") {
        expect(["LOGIN_FAILED", "USER_UNKNOWN"]).toContain(errorReason(result.reason));
      } else if ("accessToken" in result.value) {
        const { accessToken: token } = result.value;
        expect(await other.service.validateToken({ token })).toMatchObject({ valid: false, reason: "revoked" });
      }
    }
    expect(new Set(await endReasons(account))).toEqual(new Set(["account_deleted"]));
    expect(await rowsOf("grants", account)).toEqual([]);
    expect(await reasonOf(auth.service.grantRole({ userId, role: "viewer", resource: "project:4" }))).toBe(
      "USER_UNKNOWN",
    );
  });
});

describe("a session opened while its account is being closed", () => {
  test("waits for the closing and is then not opened", async () => {
    const { userId } = await signedUp();
    const store = createPostgresSessionStore(fixture.database);
    const openedAtMs = fixture.clock.now();
    const expiresAtMs = openedAtMs + 60_000;
    const client = { address: "", network: "", userAgent: "" };
    const deviceHash = Buffer.from("device");
    const facts = {
      sessionId: `late-${userId}`,
      userId,
      client,
      deviceHash,
      provenBy: undefined,
      secondFactorAtMs: undefined,
    };
    const session = { ...facts, openedAtMs, expiresAtMs };
    const waits = `
      SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND query LIKE '%INSERT INTO sessions%'`;
    const opening = await fixture.database.transaction(async (closing) => {
      await closing.query("UPDATE accounts SET state = 'abandoned' WHERE user_id = $1", [userId]);
      const outcome = store.open({ ...session, tokenHash: Buffer.from(userId), tokenExpiresAtMs: expiresAtMs });
      await expect.poll(async () => (await fixture.database.query(waits)).length).toBe(1);
      return { outcome };
    });
    expect(await opening.outcome).toBe(false);
    expect(await store.isLive(session.sessionId, openedAtMs)).toBe(false);
  });
});

describe("a deletion that dies between its steps", () => {
  test("before the user is removed: it holds, and the sweep frees the name", async () => {
    const account = await signedUp();
    fixture.peer.before.deleteUser = away;
    expect(await reasonOf(deleteAccount(account))).toBe("accepted");
    expect(await reasonOf(other.account.getProfile({}, bearer(account.accessToken)))).toBe("TOKEN_REVOKED");
    expect(await reasonOf(login(account))).toBe("LOGIN_FAILED");
    expect(await reasonOf(auth.account.signup(account.signup))).toBe("FIELD_TAKEN");
    await expect(sweep()).rejects.toMatchObject({ kind: "unavailable" });

    fixture.peer.before = {};
    await sweep();
    expect(await rowsOf("accounts", account)).toEqual([]);
    expect((await auth.account.signup(account.signup)).user?.username).toBe(account.signup.username);
  });

  test("before anything is announced: the heartbeat of any instance announces it", async () => {
    const account = await signedUp();
    const [sessionId] = await createPostgresAccountStore(fixture.database).close(account.userId, fixture.clock.now());
    expect(await other.redis.commands.get(`auth:revoked:${sessionId}`)).toBeNull();
    await other.auth.revocations.beat();
    expect(await other.redis.commands.get(`auth:revoked:${sessionId}`)).toBe("1");
    await sweep();
    expect(fixture.peer.users.has(account.userId)).toBe(false);
  });
});
