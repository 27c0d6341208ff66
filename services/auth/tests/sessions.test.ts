import { Code } from "@connectrpc/connect";
import { errorReason } from "@weft/mesh";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { away } from "./scripted-user-service.ts";

let fixture: AuthFixture;
let first: AuthInstance;
let second: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  first = await fixture.instance();
  second = await fixture.instance();
});
afterAll(() => fixture.close());
afterEach(() => {
  fixture.peer.before = {};
});

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => "accepted",
    (error: unknown) => errorReason(error),
  );
const refresh = (refreshToken: string, instance = first) => instance.account.refresh({ refreshToken });
const stateOf = async (accessToken: string, instance = first) => {
  const { valid, reason } = await instance.service.validateToken({ token: accessToken });
  return valid ? "valid" : reason;
};
const endReasons = async (userId: string) => {
  const rows = await fixture.database.query<{ end_reason: string | null }>(
    "SELECT end_reason FROM sessions WHERE user_id = $1",
    [userId],
  );
  return rows.map((row) => row.end_reason);
};

describe("login", () => {
  test("works by name and by address in any case, and each login is a session of its own", async () => {
    const signup = freshSignup();
    const created = await first.account.signup(signup);
    const byName = await first.account.login({ login: signup.username.toUpperCase(), password: signup.password });
    const byMail = await second.account.login({ login: signup.email.toUpperCase(), password: signup.password });
    expect([byName.user?.id, byMail.user?.id]).toEqual([created.user?.id, created.user?.id]);
    await first.account.logout({ refreshToken: byName.refreshToken });
    expect(await stateOf(byName.accessToken)).toBe("revoked");
    expect(await stateOf(byMail.accessToken)).toBe("valid");
  });

  test("answers the same to an unknown login and to a wrong password", async () => {
    const signup = freshSignup();
    await first.account.signup(signup);
    const outcomes = await Promise.all(
      [signup.username, signup.email, "nobody-at-all", "nobody@example.org"].map((login) =>
        first.account.login({ login, password: "wrong password" }).catch((error) => ({
          code: error.code,
          message: error.message,
          reason: errorReason(error),
        })),
      ),
    );
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
    expect(outcomes[0]).toMatchObject({ code: Code.Unauthenticated, reason: "LOGIN_FAILED" });
  });

  test("an access token lives fifteen minutes", async () => {
    const { accessToken, expiresInSeconds } = await first.account.signup(freshSignup());
    expect(expiresInSeconds).toBe(900);
    await fixture.clock.advance(15 * minuteMs - 1);
    expect(await stateOf(accessToken)).toBe("valid");
    await fixture.clock.advance(1);
    expect(await stateOf(accessToken)).toBe("expired");
    expect(await reasonOf(first.account.getProfile({}, bearer(accessToken)))).toBe("TOKEN_EXPIRED");
  });
});

describe("refresh", () => {
  test("ASVS 10.4.5: rotates, and a used token ends the session for both parties once its successor was used", async () => {
    const { user, refreshToken } = await first.account.signup(freshSignup());
    const next = await refresh(refreshToken);
    expect(next.refreshToken).not.toBe(refreshToken);
    expect(next.user?.id).toBe(user?.id);
    const last = await refresh(next.refreshToken);
    await fixture.clock.advance(10_001);
    expect(await reasonOf(refresh(refreshToken))).toBe("REFRESH_TOKEN_INVALID");
    expect(await reasonOf(refresh(last.refreshToken))).toBe("REFRESH_TOKEN_INVALID");
    expect(await stateOf(last.accessToken)).toBe("revoked");
    expect(await endReasons(user?.id ?? "")).toEqual(["reuse_detected"]);
  });

  test("within ten seconds of its use a token is answered with the same successor, which stays usable", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    const answered = await refresh(refreshToken);
    await fixture.clock.advance(10_000);
    const again = await refresh(refreshToken, second);
    expect(again.refreshToken).toBe(answered.refreshToken);
    await fixture.clock.advance(minuteMs);
    const later = await refresh(again.refreshToken);
    expect(await stateOf(later.accessToken)).toBe("valid");
  });

  test("when its successor was used within the grace, too, it is answered with the end of the chain", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    const next = await refresh(refreshToken);
    const last = await refresh(next.refreshToken);
    const loser = await refresh(refreshToken, second);
    expect(loser.refreshToken).toBe(last.refreshToken);
    await fixture.clock.advance(minuteMs);
    expect(await reasonOf(refresh(loser.refreshToken))).toBe("accepted");
  });

  test("an answer that was lost while the client slept is no theft: it gets a successor of its own", async () => {
    const { user, refreshToken } = await first.account.signup(freshSignup());
    const lost = await refresh(refreshToken);
    await fixture.clock.advance(8 * 60 * minuteMs);
    const awake = await Promise.all(Array.from({ length: 4 }, () => refresh(refreshToken)));
    expect(new Set(awake.map((answer) => answer.refreshToken)).size).toBe(1);
    expect(awake[0]?.refreshToken).not.toBe(lost.refreshToken);
    expect(await endReasons(user?.id ?? "")).toEqual([null]);
  });

  test("ASVS 10.4.5: an answer that was claimed to be lost and is used after all ends the session", async () => {
    const { user, refreshToken } = await first.account.signup(freshSignup());
    const owned = await refresh(refreshToken);
    await fixture.clock.advance(minuteMs);
    const stolen = await refresh(refreshToken);
    expect(await reasonOf(refresh(owned.refreshToken))).toBe("REFRESH_TOKEN_INVALID");
    expect(await stateOf(stolen.accessToken)).toBe("revoked");
    expect(await endReasons(user?.id ?? "")).toEqual(["reuse_detected"]);
  });

  test("twenty refreshes at once over two instances all get tokens that work, and share one chain", async () => {
    const { user, refreshToken } = await first.account.signup(freshSignup());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => refresh(refreshToken, index % 2 === 0 ? first : second)),
    );
    expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1);
    expect(await Promise.all(answers.map((answer) => stateOf(answer.accessToken)))).toEqual(Array(20).fill("valid"));
    await fixture.clock.advance(minuteMs);
    const successors = await Promise.all(answers.map((answer) => reasonOf(refresh(answer.refreshToken))));
    expect(successors).toEqual(Array(20).fill("accepted"));
    expect(await endReasons(user?.id ?? "")).toEqual([null]);
  });

  test("logging out during the grace is final for the used token and its successor", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    const successor = await refresh(refreshToken);
    await first.account.logout({ refreshToken: successor.refreshToken });
    for (const token of [refreshToken, successor.refreshToken]) {
      expect(await reasonOf(refresh(token, second))).toBe("REFRESH_TOKEN_INVALID");
    }
    expect(await stateOf(successor.accessToken, second)).toBe("revoked");
  });

  test("a logout that races twenty refreshes leaves nothing that works", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    const racing = Array.from({ length: 20 }, () => refresh(refreshToken, second).catch(() => undefined));
    await first.account.logout({ refreshToken });
    for (const answer of await Promise.all(racing)) {
      if (answer === undefined) continue;
      expect(await stateOf(answer.accessToken)).toBe("revoked");
      expect(await reasonOf(refresh(answer.refreshToken))).toBe("REFRESH_TOKEN_INVALID");
    }
    expect(await reasonOf(refresh(refreshToken))).toBe("REFRESH_TOKEN_INVALID");
  });

  test("ASVS 7.3.1: a refresh that comes after seven days ends the session", async () => {
    const { user, refreshToken } = await first.account.signup(freshSignup());
    await fixture.clock.advance(7 * dayMs);
    expect(await reasonOf(refresh(refreshToken))).toBe("REFRESH_TOKEN_INVALID");
    expect(await endReasons(user?.id ?? "")).toEqual(["refresh_too_late"]);
  });

  test("ASVS 7.3.2, 10.4.8: rotation never moves the end of a session, thirty days after its login", async () => {
    let { user, refreshToken, accessToken } = await first.account.signup(freshSignup());
    for (let day = 6; day < 30; day += 6) {
      await fixture.clock.advance(6 * dayMs);
      ({ refreshToken } = await refresh(refreshToken));
    }
    await fixture.clock.advance(6 * dayMs - 5 * minuteMs);
    const last = await refresh(refreshToken);
    ({ refreshToken, accessToken } = last);
    expect(last.expiresInSeconds).toBe(300);
    await fixture.clock.advance(5 * minuteMs);
    expect(await reasonOf(refresh(refreshToken))).toBe("REFRESH_TOKEN_INVALID");
    expect(await stateOf(accessToken)).toBe("expired");
    expect(await endReasons(user?.id ?? "")).toEqual(["session_expired"]);
  });

  test("a user service that is away costs the client nothing: the token stays unused", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    fixture.peer.before.getUserById = away;
    await expect(refresh(refreshToken)).rejects.toMatchObject({ code: Code.Unavailable });
    fixture.peer.before = {};
    await fixture.clock.advance(minuteMs);
    expect(await reasonOf(refresh(refreshToken))).toBe("accepted");
  });

  test("a token that was never issued is refused in the same words as a revoked one", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    await first.account.logout({ refreshToken });
    const words = await Promise.all(
      [refreshToken, "never-issued"].map((token) => refresh(token).catch((error) => `${error.code} ${error.message}`)),
    );
    expect(words[0]).toBe(words[1]);
  });

  test("tokens are stored as hashes only", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    const rows = await fixture.database.query<{ token_hash: Buffer }>("SELECT token_hash FROM refresh_tokens");
    expect(rows.every((row) => row.token_hash.length === 32)).toBe(true);
    expect(rows.some((row) => row.token_hash.toString("base64url") === refreshToken)).toBe(false);
  });
});

describe("logout", () => {
  test("may be repeated, and with a token nobody issued, without an error", async () => {
    const { refreshToken } = await first.account.signup(freshSignup());
    await first.account.logout({ refreshToken });
    expect(await reasonOf(first.account.logout({ refreshToken }))).toBe("accepted");
    expect(await reasonOf(first.account.logout({ refreshToken: "never-issued" }))).toBe("accepted");
  });

  test("leaves the session's revocation in Redis for as long as its tokens could live", async () => {
    const { user, refreshToken } = await first.account.signup(freshSignup());
    await first.account.logout({ refreshToken });
    const [row] = await fixture.database.query<{ id: string }>("SELECT id FROM sessions WHERE user_id = $1", [
      user?.id,
    ]);
    const lifeMs = await first.redis.commands.pttl(`auth:revoked:${row?.id}`);
    expect(lifeMs).toBeGreaterThan(14 * minuteMs);
    expect(lifeMs).toBeLessThanOrEqual(16 * minuteMs);
  });

  test("ASVS 7.4.1: its tokens are refused at once by every instance, on every call", async () => {
    const { accessToken, refreshToken } = await first.account.signup(freshSignup());
    expect(await reasonOf(second.account.getProfile({}, bearer(accessToken)))).toBe("accepted");
    await first.account.logout({ refreshToken });
    expect(await reasonOf(second.account.getProfile({}, bearer(accessToken)))).toBe("TOKEN_REVOKED");
  });
});

describe("profile", () => {
  test("needs a token, and shows and changes the caller's own user", async () => {
    const signup = freshSignup();
    const { user, accessToken } = await first.account.signup(signup);
    expect(await reasonOf(first.account.getProfile({}))).toBe("TOKEN_MISSING");
    expect((await first.account.getProfile({}, bearer(accessToken))).user?.id).toBe(user?.id);
    const changed = await first.account.updateProfile({ firstName: "Grace" }, bearer(accessToken));
    expect(changed.user).toMatchObject({ firstName: "Grace", username: signup.username });
  });

  test("ASVS 7.5.1: its address takes the password once the login is ten minutes old; the rest does not", async () => {
    const signup = freshSignup();
    const account = await first.account.signup(signup);
    await fixture.clock.advance(10 * minuteMs + 1);
    const update = (changes: { email?: string; firstName?: string; password?: string }) =>
      reasonOf(first.account.updateProfile(changes, bearer(account.accessToken)));
    const moved = `moved-${signup.email}`;
    expect(await update({ email: moved })).toBe("REAUTHENTICATION_NEEDED");
    expect(await update({ email: moved, password: "wrong" })).toBe("PASSWORD_WRONG");
    expect(await update({ firstName: "Grace" })).toBe("accepted");
    expect(await update({ email: moved, password: signup.password })).toBe("accepted");
  });
});
