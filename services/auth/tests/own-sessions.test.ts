import { timestampMs } from "@bufbuild/protobuf/wkt";
import { errorReason } from "@weft/mesh";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultSessionLimits } from "../src/domain/refresh-policy.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;
let auth: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance();
});
afterAll(() => fixture.close());

const minuteMs = 60_000;
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    (error: unknown) => errorReason(error),
  );
const from = (address: string, userAgent: string) => ({
  headers: { "x-forwarded-for": address, "x-forwarded-user-agent": userAgent },
});
const sessionsOf = async (accessToken: string) => (await auth.account.listSessions({}, bearer(accessToken))).sessions;
const stateOf = async (token: string) => (await auth.service.validateToken({ token })).reason || "valid";

/** An account with a session of its signup and one of a later login. */
async function withTwoSessions() {
  const signup = freshSignup();
  const old = await auth.account.signup(signup, from("192.0.2.1", "an old browser"));
  await fixture.clock.advance(minuteMs);
  const login = { login: signup.username, password: signup.password };
  const recent = await auth.account.login(login, from("2001:db8::7", "a phone"));
  return { signup, login, old, recent };
}

describe("the sessions of a user", () => {
  test("ASVS 7.5.2: are listed with where and when they are used, the current one marked", async () => {
    const { old, recent } = await withTwoSessions();
    const nowMs = fixture.clock.now();
    const listed = await sessionsOf(recent.accessToken);
    expect(listed).toMatchObject([
      { userAgent: "a phone", address: "2001:db8::7", current: true },
      { userAgent: "an old browser", address: "192.0.2.1", current: false },
    ]);
    const times = listed.map(({ createdAt, lastUsedAt, expiresAt }) =>
      [createdAt, lastUsedAt, expiresAt].map((time) => (time === undefined ? Number.NaN : timestampMs(time) - nowMs)),
    );
    expect(times).toEqual([
      [0, 0, defaultSessionLimits.sessionMs],
      [-minuteMs, -minuteMs, defaultSessionLimits.sessionMs - minuteMs],
    ]);

    await fixture.clock.advance(minuteMs);
    const { accessToken } = await auth.account.refresh(
      { refreshToken: old.refreshToken },
      from("192.0.2.2", "a new browser"),
    );
    const [used] = await sessionsOf(accessToken);
    expect(used).toMatchObject({ userAgent: "a new browser", address: "192.0.2.2", current: true });
    expect(used?.lastUsedAt && timestampMs(used.lastUsedAt)).toBe(nowMs + minuteMs);
  });

  test("ASVS 7.4.3, 10.4.9: one is ended, with its tokens, and the others go on", async () => {
    const { old, recent } = await withTwoSessions();
    const ended = (await sessionsOf(recent.accessToken)).find((session) => !session.current);
    await auth.account.endSession({ sessionId: ended?.id ?? "" }, bearer(recent.accessToken));
    expect(await outcome(auth.account.endSession({ sessionId: ended?.id ?? "" }, bearer(recent.accessToken)))).toBe(
      "done",
    );
    expect([await stateOf(old.accessToken), await stateOf(recent.accessToken)]).toEqual(["revoked", "valid"]);
    expect(await outcome(auth.account.refresh({ refreshToken: old.refreshToken }))).toBe("REFRESH_TOKEN_INVALID");
    expect(await auth.redis.commands.get(`auth:revoked:${ended?.id}`)).toBe("1");
  });

  test("ASVS 7.5.2: all others are ended, and their devices have proved nothing any more", async () => {
    const { signup, login, old, recent } = await withTwoSessions();
    await auth.account.login(login);
    const { ended } = await auth.account.endOtherSessions({}, bearer(recent.accessToken));
    expect(ended).toBe(2);
    expect([await stateOf(old.accessToken), await stateOf(recent.accessToken)]).toEqual(["revoked", "valid"]);
    expect(await sessionsOf(recent.accessToken)).toMatchObject([{ current: true }]);
    const deviceAfter = async (deviceToken: string) =>
      (await auth.account.login({ ...login, password: signup.password, deviceToken })).deviceToken;
    expect(await deviceAfter(recent.deviceToken)).toBe(recent.deviceToken);
    expect(await deviceAfter(old.deviceToken)).not.toBe(old.deviceToken);
  });

  test("ASVS 8.2.2: of another user are not found, in the words for one that never was", async () => {
    const mine = await auth.account.signup(freshSignup());
    const theirs = await auth.account.signup(freshSignup());
    const [foreign] = await sessionsOf(theirs.accessToken);
    const answers = await Promise.all(
      [foreign?.id ?? "", "00000000-0000-0000-0000-000000000000"].map((sessionId) =>
        auth.account.endSession({ sessionId }, bearer(mine.accessToken)).catch((error) => `${error.message}`),
      ),
    );
    expect(answers[0]).toBe(answers[1]);
    expect(await stateOf(theirs.accessToken)).toBe("valid");
  });

  test("ASVS 7.5.2: ending others' takes the password once the login is ten minutes old; one's own is a logout", async () => {
    const { signup, old, recent } = await withTwoSessions();
    const [current, other] = await sessionsOf(recent.accessToken);
    await fixture.clock.advance(10 * minuteMs + 1);
    const end = (password: string, sessionId = other?.id ?? "") =>
      outcome(auth.account.endSession({ sessionId, password }, bearer(recent.accessToken)));
    const endOthers = (password: string) =>
      outcome(auth.account.endOtherSessions({ password }, bearer(recent.accessToken)));
    expect([await end(""), await endOthers("")]).toEqual(["REAUTHENTICATION_NEEDED", "REAUTHENTICATION_NEEDED"]);
    expect([await end("wrong"), await endOthers("wrong")]).toEqual(["PASSWORD_WRONG", "PASSWORD_WRONG"]);
    expect(await stateOf(old.accessToken)).toBe("valid");
    expect(await end(signup.password)).toBe("done");
    expect(await stateOf(old.accessToken)).toBe("revoked");
    expect(await end("", current?.id ?? "")).toBe("done");
    expect(await stateOf(recent.accessToken)).toBe("revoked");
  });

  test("ASVS 7.1.2: are a hundred at the most; one more ends the one that was used longest ago", async () => {
    const signup = freshSignup();
    const { user, accessToken } = await auth.account.signup(signup);
    await fixture.database.query(
      `INSERT INTO sessions (id, user_id, opened_at, expires_at, last_used_at)
       SELECT 'many-' || n, $1, $2, $2::timestamptz + interval '1 day', $2::timestamptz + n * interval '1 ms'
       FROM generate_series(1, 99) n`,
      [user?.id, new Date(fixture.clock.now())],
    );
    await fixture.clock.advance(minuteMs);
    const { accessToken: latest } = await auth.account.login({ login: signup.username, password: signup.password });
    expect(await sessionsOf(latest)).toHaveLength(defaultSessionLimits.sessionsMax);
    expect([await stateOf(accessToken), await stateOf(latest)]).toEqual(["revoked", "valid"]);
  });
});
