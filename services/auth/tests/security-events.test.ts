import { timestampMs } from "@bufbuild/protobuf/wkt";
import { errorReason } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPostgresSecurityLog } from "../src/adapters/postgres-security-log.ts";
import { attemptLimits } from "../src/domain/attempt-limits.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;
let auth: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance();
});
afterAll(() => fixture.close());

const headers = { "x-forwarded-for": "192.0.2.1", "x-forwarded-user-agent": "a browser" };

async function signedUp() {
  const signup = freshSignup();
  const account = await auth.account.signup(signup, { headers });
  const events = async (request: { pageSize?: number; pageToken?: string } = {}) =>
    auth.account.listSecurityEvents(request, bearer(account.accessToken));
  const login = (password = signup.password) =>
    auth.account.login({ login: signup.username, password }, { headers }).catch(() => undefined);
  return { ...signup, ...account, userId: account.user?.id ?? "", events, login };
}
const names = (page: { events: { event: string }[] }) => page.events.map(({ event }) => event);

describe("the trail of security events", () => {
  test("ASVS 16.2.1, 16.3.1: tells a user what happened to their account, when, from where and with what", async () => {
    const { events, login, refreshToken } = await signedUp();
    await fixture.clock.advance(1000);
    await login("a wrong password");
    const second = await login();
    await auth.account.logout({ refreshToken: second?.refreshToken ?? "" });
    const page = await events();
    expect(names(page)).toEqual(["logged_out", "logged_in", "login_failed", "signed_up"]);
    const [, loggedIn, failed, signedUpEvent] = page.events;
    expect(failed).toMatchObject({ address: "192.0.2.1", userAgent: "a browser", sessionId: "" });
    expect(failed?.happenedAt && timestampMs(failed.happenedAt)).toBe(fixture.clock.now());
    expect(loggedIn?.address).toBe("192.0.2.1");
    expect(signedUpEvent?.sessionId).not.toBe("");
    await auth.account.logout({ refreshToken });
  });

  test("ASVS 8.2.2: shows nobody what happened to others", async () => {
    const [mine, theirs] = [await signedUp(), await signedUp()];
    await theirs.login();
    expect(names(await mine.events())).toEqual(["signed_up"]);
    const answer = await auth.account.listSecurityEvents({}).catch((error: unknown) => errorReason(error));
    expect(answer).toBe("TOKEN_MISSING");
  });

  test("comes in pages", async () => {
    const { events, login } = await signedUp();
    for (let at = 0; at < 4; at += 1) await login();
    const first = await events({ pageSize: 3 });
    expect(names(first)).toEqual(["logged_in", "logged_in", "logged_in"]);
    const second = await events({ pageSize: 3, pageToken: first.nextPageToken });
    expect(names(second)).toEqual(["logged_in", "signed_up"]);
    expect(second.nextPageToken).toBe("");
    expect(new Set([...first.events, ...second.events].map(({ id }) => id)).size).toBe(5);
  });

  test("ASVS 16.3.3: has the reuse of a refresh token, a change of the password, an end of sessions, and roles", async () => {
    const { events, refreshToken, accessToken, userId, password, login } = await signedUp();
    await login();
    await auth.account.endOtherSessions({}, bearer(accessToken));
    await auth.service.grantRole({ userId, role: "viewer", resource: "project:1" });
    await auth.service.revokeRole({ userId, resource: "project:1" });
    const newPassword = "a staple of another kind";
    const changed = await auth.account.changePassword({ oldPassword: password, newPassword }, bearer(accessToken));
    const next = await auth.account.refresh({ refreshToken: changed.refreshToken });
    await auth.account.refresh({ refreshToken: next.refreshToken });
    await fixture.clock.advance(60_000);
    await auth.account.refresh({ refreshToken: changed.refreshToken }).catch(() => undefined);
    await auth.account.refresh({ refreshToken }).catch(() => undefined);
    const rows = await fixture.database.query<{ event: string; facts: object }>(
      "SELECT event, facts FROM security_events WHERE user_id = $1 ORDER BY id",
      [userId],
    );
    expect(rows.map(({ event }) => event)).toEqual([
      "signed_up",
      "logged_in",
      "other_sessions_ended",
      "role_granted",
      "role_revoked",
      "password_changed",
      "refresh_token_reused",
    ]);
    expect(rows.at(3)?.facts).toEqual({ role: "viewer", resource: "project:1", actorId: "" });
    await expect(events()).rejects.toThrow();
  });

  test("has a wait once, and not every attempt that is refused meanwhile", async () => {
    const login = `held-up-${process.pid}`;
    const count = async () =>
      (
        await fixture.database.query<{ event: string }>(
          "SELECT event FROM security_events WHERE address = '192.0.2.66' ORDER BY id",
        )
      ).map(({ event }) => event);
    const attempts = attemptLimits.loginFromNetwork.freeAttempts;
    for (let at = 0; at < attempts + 5; at += 1) {
      const from = { headers: { "x-forwarded-for": "192.0.2.66" } };
      await auth.account.login({ login, password: "wrong" }, from).catch(() => undefined);
    }
    expect(await count()).toEqual([...Array<string>(attempts).fill("login_failed"), "login_held_up"]);
  });

  test("ASVS 16.4.2: cannot be changed, emptied, or dated back", async () => {
    const { userId } = await signedUp();
    const run = (statement: string) =>
      fixture.database.query(statement).then(
        () => "done",
        (error: Error) => error.message,
      );
    const refused = "security events are append-only";
    expect(await run(`UPDATE security_events SET event = 'x' WHERE user_id = '${userId}'`)).toContain(refused);
    expect(await run(`DELETE FROM security_events WHERE user_id = '${userId}'`)).toContain(refused);
    expect(await run("TRUNCATE security_events")).toContain(refused);
    await run(`INSERT INTO security_events (recorded_at, happened_at, event, user_id, address, user_agent, facts)
      VALUES ('2000-01-01', now(), 'dated back', '${userId}', '', '', '{}')`);
    expect(await run("DELETE FROM security_events WHERE event = 'dated back'")).toContain(refused);
    const log = createPostgresSecurityLog({ database: fixture.database, clock: fixture.clock, logger: silentLogger });
    await log.removeOld();
    expect((await log.list(userId, { most: 10 })).map(({ event }) => event)).toEqual(["dated back", "signed_up"]);
  });

  test("ASVS 16.2.5: holds neither passwords nor tokens", async () => {
    const { password, refreshToken, deviceToken, login } = await signedUp();
    await login("a wrong password of mine");
    const rows = await fixture.database.query<{ row: string }>("SELECT e::text AS row FROM security_events e");
    for (const secret of [password, refreshToken, deviceToken, "a wrong password of mine"]) {
      expect(rows.filter(({ row }) => row.includes(secret))).toEqual([]);
    }
  });

  test("a trail that cannot be written undoes nothing, and what is missing is logged", async () => {
    const errors: unknown[] = [];
    const logger = { ...silentLogger, warn: () => undefined, error: (facts: unknown) => void errors.push(facts) };
    const database = { query: () => Promise.reject(new Error("away")) };
    const log = createPostgresSecurityLog({
      database: database as unknown as typeof fixture.database,
      clock: fixture.clock,
      logger: logger as typeof silentLogger,
    });
    await log.record("logged_out", { userId: "ada", sessionId: "s" });
    expect(errors).toMatchObject([{ securityEvent: "logged_out", userId: "ada", sessionId: "s" }]);
  });
});
