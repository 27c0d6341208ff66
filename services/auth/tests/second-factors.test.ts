import { errorReason } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPostgresFactorStore } from "../src/adapters/postgres-factor-store.ts";
import { attemptLimits } from "../src/domain/attempt-limits.ts";
import type { Mail } from "../src/domain/mails.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { codeOf } from "./authenticator-app.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let other: AuthInstance;
const mails: Mail[] = [];

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance({ mailer: { send: async (mail) => void mails.push(mail) } });
  other = await fixture.instance();
  await auth.auth.startMail();
});
afterAll(() => fixture?.close());

const stepMs = 30_000;
const minuteMs = 60_000;
const free = attemptLimits.totp.freeAttempts;
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    (error) => [errorReason(error), error.metadata?.get("retry-after")].filter(Boolean).join(" "),
  );
const mailOf = (to: string, subject: string) =>
  until(`a mail "${subject}" comes`, () => mails.find((mail) => mail.to === to && mail.subject === subject));
const stateOf = async (token: string) => (await auth.service.validateToken({ token })).reason || "valid";
const events = async (accessToken: string) =>
  (await auth.account.listSecurityEvents({}, bearer(accessToken))).events.map(({ event }) => event);

/** An account, its first session, and what its owner does with it. */
async function signedUp() {
  const signup = freshSignup();
  const account = await auth.account.signup(signup);
  const login = (deviceToken = "", password = signup.password) =>
    auth.account.login({ login: signup.username, password, deviceToken });
  return { ...signup, ...account, userId: account.user?.id ?? "", call: bearer(account.accessToken), login };
}

/** The same with an authenticator app; the clock is moved to a step whose code has not been used. */
async function withApp() {
  const account = await signedUp();
  const { secret } = await auth.factors.beginTotp({}, account.call);
  const now = (offsetSteps = 0) => codeOf(secret, fixture.clock.now() + offsetSteps * stepMs);
  const { recoveryCodes } = await auth.factors.confirmTotp({ code: now() }, account.call);
  await fixture.clock.advance(stepMs);
  const challenge = async (deviceToken = "") => (await account.login(deviceToken)).challenge;
  const complete = (with_: string, code: string, { deviceToken = "", at = auth } = {}) =>
    at.factors.completeLogin({ challenge: with_, factor: { case: "totpCode", value: code }, deviceToken });
  const recover = (with_: string, code: string) =>
    auth.factors.completeLogin({ challenge: with_, factor: { case: "recoveryCode", value: code } });
  return { ...account, secret, now, recoveryCodes, challenge, complete, recover };
}

/** A code that is wrong now, and at the steps around. */
function wrongCode(now: (offsetSteps?: number) => string): string {
  const good = new Set([-1, 0, 1].map(now));
  return ["000000", "111111", "222222", "333333"].find((code) => !good.has(code)) ?? "";
}

test("ASVS 7.5.1: an API key takes the second factor to be made, a password alone does not do", async () => {
  const { call, password, now } = await withApp();
  const wanted = { name: "ci", scopes: ["projects.read"] };
  await fixture.clock.advance(11 * 60_000);
  expect(await outcome(auth.apiKeys.createApiKey({ ...wanted, password }, call))).toBe("REAUTHENTICATION_NEEDED");
  expect(await outcome(auth.apiKeys.createApiKey({ ...wanted, password, code: now() }, call))).toBe("done");
});

describe("setting up an authenticator app", () => {
  test("ASVS 6.3.7: asks nothing of logins until a code is shown, then gives ten recovery codes and a mail, and stores no secret in the clear", async () => {
    const { call, login, userId, username, email } = await signedUp();
    const { secret, uri } = await auth.factors.beginTotp({}, call);
    expect(uri).toContain(`secret=${secret}`);
    expect(uri).toContain(username);
    expect((await login()).accessToken).not.toBe("");
    const code = codeOf(secret, fixture.clock.now());
    const { recoveryCodes } = await auth.factors.confirmTotp({ code }, call);
    expect(new Set(recoveryCodes).size).toBe(10);
    const answer = await login();
    expect(answer).toMatchObject({ accessToken: "", refreshToken: "", deviceToken: "" });
    expect([answer.user, answer.passkeyOptions]).toEqual([undefined, undefined]);
    expect(answer.factors).toEqual(["totp", "recovery_code"]);
    expect(await auth.factors.listFactors({}, call)).toMatchObject({ recoveryCodesLeft: 10, passkeys: 0, totp: {} });
    const rows = await fixture.database.query(
      "SELECT sealed_secret, (SELECT json_agg(encode(code_hash, 'escape')) FROM recovery_codes) FROM totp_factors WHERE user_id = $1",
      [userId],
    );
    const stored = JSON.stringify(rows.map((row) => Object.values(row).map(String)));
    expect([secret, ...recoveryCodes].filter((text) => stored.includes(text))).toEqual([]);
    expect((await mailOf(email, "A second factor was added")).text).toContain("an authenticator app was added");
  });

  test("takes the code of the last secret that was begun, within a quarter of an hour", async () => {
    const { call } = await signedUp();
    const confirm = (secret: string) =>
      outcome(auth.factors.confirmTotp({ code: codeOf(secret, fixture.clock.now()) }, call));
    expect(await outcome(auth.factors.confirmTotp({ code: "123456" }, call))).toBe("FACTOR_MISSING");
    const first = (await auth.factors.beginTotp({}, call)).secret;
    const second = (await auth.factors.beginTotp({}, call)).secret;
    expect(await confirm(first)).toBe("CODE_WRONG");
    expect(await confirm(second)).toBe("done");
    const late = await signedUp();
    const { secret } = await auth.factors.beginTotp({}, late.call);
    await fixture.clock.advance(15 * minuteMs + 1);
    const code = codeOf(secret, fixture.clock.now());
    const { accessToken } = await late.login();
    expect(await outcome(auth.factors.confirmTotp({ code }, bearer(accessToken)))).toBe("FACTOR_MISSING");
  });

  test("of another app leaves the old one good until it is confirmed, and the recovery codes as they are", async () => {
    const { call, now, challenge, complete, recoveryCodes, recover } = await withApp();
    const { secret } = await auth.factors.beginTotp({}, call);
    expect(await outcome(complete(await challenge(), now()))).toBe("done");
    await fixture.clock.advance(stepMs);
    const confirmed = await auth.factors.confirmTotp({ code: codeOf(secret, fixture.clock.now()) }, call);
    expect(confirmed.recoveryCodes).toEqual([]);
    await fixture.clock.advance(stepMs);
    expect(await outcome(complete(await challenge(), now()))).toBe("CODE_WRONG");
    expect(await outcome(complete(await challenge(), codeOf(secret, fixture.clock.now())))).toBe("done");
    expect(await outcome(recover(await challenge(), recoveryCodes[0] ?? ""))).toBe("done");
  });
});

describe("confirming a secret that another has replaced a moment before", () => {
  test("changes nothing", async () => {
    const { userId, call, challenge, complete, now } = await withApp();
    await auth.factors.beginTotp({}, call);
    const store = createPostgresFactorStore(fixture.database);
    const sealedSecret = (await store.findTotp(userId, false))?.sealedSecret ?? Buffer.alloc(0);
    await auth.factors.beginTotp({}, call);
    const atMs = fixture.clock.now();
    const late = { userId, sealedSecret, step: 1, atMs, recoveryCodes: [], sessionId: "" };
    expect(await store.confirmTotp(late)).toBeUndefined();
    expect(await outcome(complete(await challenge(), now()))).toBe("done");
  });
});

describe("the second step of a login", () => {
  test("ASVS 6.4.3: is asked for after the right password, also after a reset, and gives what a login gives", async () => {
    const { challenge, complete, now, email, username, user } = await withApp();
    const tokenOf = async (subject: string) =>
      /\n([A-Za-z0-9_-]{43})\n/.exec((await mailOf(email, subject)).text)?.[1] ?? "";
    // A reset that proves the address for the first time takes all that was there before (mail.test.ts).
    await auth.account.verifyEmail({ token: await tokenOf("Is this your address?") });
    const done = await complete(await challenge(), now());
    expect(done.user?.id).toBe(user?.id);
    expect(await stateOf(done.accessToken)).toBe("valid");
    expect((await auth.account.refresh({ refreshToken: done.refreshToken })).user?.id).toBe(user?.id);
    expect((await events(done.accessToken)).slice(0, 2)).toEqual(["logged_in", "login_challenged"]);
    await auth.account.requestPasswordReset({ login: username });
    const token = await tokenOf("A new password");
    const password = "a staple of another kind";
    await auth.account.resetPassword({ token, newPassword: password });
    const after = await auth.account.login({ login: username, password });
    expect([after.accessToken, after.factors]).toEqual(["", ["totp", "recovery_code"]]);
  });

  test("ASVS 6.5.1: a code is accepted once, be it the confirming one, and so is none of an earlier step", async () => {
    const { call, login } = await signedUp();
    const { secret } = await auth.factors.beginTotp({}, call);
    const startMs = fixture.clock.now();
    const complete = async (step: number) => {
      const factor = { case: "totpCode" as const, value: codeOf(secret, startMs + step * stepMs) };
      return outcome(auth.factors.completeLogin({ challenge: (await login()).challenge, factor }));
    };
    await auth.factors.confirmTotp({ code: codeOf(secret, startMs) }, call);
    expect([await complete(0), await complete(1), await complete(1), await complete(0)]).toEqual([
      "CODE_WRONG",
      "done",
      "CODE_WRONG",
      "CODE_WRONG",
    ]);
    await fixture.clock.advance(2 * stepMs);
    expect(await complete(2)).toBe("done");
  });

  test("ASVS 6.5.1, 15.4.2: of many that present one code at once, at all instances, one gets in", async () => {
    const { challenge, complete, now, accessToken } = await withApp();
    const challenges = [await challenge(), await challenge(), await challenge(), await challenge()];
    const code = now();
    const outcomes = await Promise.all(
      challenges.map((one, index) => outcome(complete(one, code, { at: index % 2 === 0 ? auth : other }))),
    );
    expect(outcomes.filter((one) => one === "done")).toHaveLength(1);
    expect((await auth.account.listSessions({}, bearer(accessToken))).sessions).toHaveLength(2);
  });

  test("ASVS 6.5.1, 15.4.2: of many that present one recovery code at once, one gets in, and it is told by mail", async () => {
    const { challenge, recover, recoveryCodes, email, call } = await withApp();
    const [code = ""] = recoveryCodes;
    const challenges = [await challenge(), await challenge(), await challenge()];
    const outcomes = await Promise.all(challenges.map((one) => outcome(recover(one, code.toUpperCase()))));
    expect(outcomes.sort()).toEqual(["CODE_WRONG", "CODE_WRONG", "done"]);
    expect((await auth.factors.listFactors({}, call)).recoveryCodesLeft).toBe(9);
    expect((await mailOf(email, "A recovery code was used")).text).toContain("9 are left");
    expect(await outcome(recover(await challenge(), code))).toBe("CODE_WRONG");
  });

  test("a challenge completes one login, and outlives wrong codes", async () => {
    const { challenge, complete, recover, now, recoveryCodes } = await withApp();
    const one = await challenge();
    expect(await outcome(complete(one, wrongCode(now)))).toBe("CODE_WRONG");
    expect(await outcome(complete(one, now()))).toBe("done");
    await fixture.clock.advance(stepMs);
    expect(await outcome(complete(one, now()))).toBe("CHALLENGE_REFUSED");
    expect(await outcome(recover(one, recoveryCodes[0] ?? ""))).toBe("CHALLENGE_REFUSED");
    expect(await outcome(recover(await challenge(), recoveryCodes[0] ?? ""))).toBe("done");
    const twice = await challenge();
    const both = [recoveryCodes[1] ?? "", recoveryCodes[2] ?? ""].map((code) => outcome(recover(twice, code)));
    expect((await Promise.all(both)).sort()).toEqual(["CHALLENGE_REFUSED", "done"]);
  });

  test("a challenge is good for its own account only", async () => {
    const [mine, theirs] = [await withApp(), await withApp()];
    expect(await outcome(mine.complete(await mine.challenge(), theirs.now()))).toBe("CODE_WRONG");
    expect(await outcome(mine.recover(await mine.challenge(), theirs.recoveryCodes[0] ?? ""))).toBe("CODE_WRONG");
    expect(await outcome(mine.complete("no challenge", mine.now()))).toBe("CHALLENGE_REFUSED");
  });

  test("a challenge is good for five minutes", async () => {
    const { challenge, complete, now } = await withApp();
    const [first, second] = [await challenge(), await challenge()];
    await fixture.clock.advance(5 * minuteMs - 1);
    expect(await outcome(complete(first, now()))).toBe("done");
    await fixture.clock.advance(1);
    expect(await outcome(complete(second, now(1)))).toBe("CHALLENGE_REFUSED");
  });

  test("a challenge is void once the password is changed, and the code that came too late is not used up", async () => {
    const { call, challenge, complete, now, password, username } = await withApp();
    const before = await challenge();
    await auth.account.changePassword({ oldPassword: password, newPassword: "a staple of another kind" }, call);
    expect(await outcome(complete(before, now()))).toBe("CHALLENGE_REFUSED");
    const again = await auth.account.login({ login: username, password: "a staple of another kind" });
    expect(await outcome(complete(again.challenge, now()))).toBe("done");
  });

  test("ASVS 6.3.5: a login from a new device is told by mail only once it is complete", async () => {
    const { challenge, complete, now, email } = await withApp();
    const one = await challenge();
    const told = () => mails.filter((mail) => mail.to === email && mail.subject === "A login from a new device");
    expect(told()).toEqual([]);
    await complete(one, now());
    await mailOf(email, "A login from a new device");
    expect(told()).toHaveLength(1);
  });
});

describe("guessing codes", () => {
  test("ASVS 6.3.1, 6.3.5: waits ever longer after five, over all challenges and instances, and the owner is told", async () => {
    const { challenge, complete, now, email, accessToken } = await withApp();
    const guess = async (at: AuthInstance) => outcome(complete(await challenge(), wrongCode(now), { at }));
    const answers: string[] = [];
    for (let count = 0; count < free; count += 1) answers.push(await guess(count % 2 === 0 ? auth : other));
    expect(answers).toEqual([...Array(free - 1).fill("CODE_WRONG"), "CODE_WRONG 1"]);
    expect(await outcome(complete(await challenge(), now()))).toBe("CODE_WRONG 1");
    await fixture.clock.advance(1000);
    expect(await guess(auth)).toBe("CODE_WRONG 2");
    expect((await mailOf(email, "Somebody tries to guess your codes")).text).toContain("gave the password");
    expect(await events(accessToken)).toContain("second_factor_held_up");
    await fixture.clock.advance(2000);
    expect(await outcome(complete(await challenge(), now()))).toBe("done");
  });

  test("ASVS 6.3.1: many at once are no way around the wait", async () => {
    const { challenge, complete, now } = await withApp();
    const one = await challenge();
    const code = wrongCode(now);
    const answers = await Promise.all(Array.from({ length: 20 }, () => outcome(complete(one, code))));
    expect(answers.filter((answer) => answer === "CODE_WRONG").length).toBeLessThan(free);
    expect(await outcome(complete(one, now()))).toMatch(/^CODE_WRONG \d+$/);
  });

  test("ASVS 6.1.1: holds the owner up neither on a device of theirs nor with a recovery code, and nobody without the password", async () => {
    const { challenge, complete, recover, now, deviceToken, recoveryCodes, username } = await withApp();
    for (let count = 0; count < free; count += 1)
      await complete(await challenge(), wrongCode(now)).catch(() => undefined);
    expect(await outcome(complete(await challenge(), now()))).toBe("CODE_WRONG 1");
    expect(await outcome(complete(await challenge(deviceToken), now(), { deviceToken }))).toBe("done");
    expect(await outcome(recover(await challenge(), recoveryCodes[0] ?? ""))).toBe("done");
    const bystander = await withApp();
    for (let count = 0; count < free; count += 1) {
      await auth.account.login({ login: bystander.username, password: "wrong password" }).catch(() => undefined);
      await complete("no challenge", "000000").catch(() => undefined);
    }
    expect(username).not.toBe(bystander.username);
    expect(await outcome(bystander.complete(await bystander.challenge(), bystander.now()))).toBe("done");
  });
});

describe("changing factors", () => {
  const late = 10 * minuteMs + 1;

  test("ASVS 7.5.1: takes a second factor within ten minutes, or the password and a code; either alone is not enough", async () => {
    const { challenge, complete, now, password } = await withApp();
    const call = bearer((await complete(await challenge(), now())).accessToken);
    await fixture.clock.advance(late);
    const tries: Readonly<Record<string, (shown: { password: string; code: string }) => Promise<unknown>>> = {
      begin: (shown) => auth.factors.beginTotp(shown, call),
      remove: (shown) => auth.factors.removeTotp(shown, call),
      codes: (shown) => auth.factors.newRecoveryCodes(shown, call),
      passkey: (shown) => auth.factors.beginPasskeyRegistration(shown, call),
      address: ({ password: given }) => auth.account.updateProfile({ email: "new@example.org", password: given }, call),
    };
    for (const [name, attempt] of Object.entries(tries)) {
      expect([name, await outcome(attempt({ password: "", code: "" }))]).toEqual([name, "REAUTHENTICATION_NEEDED"]);
      expect([name, await outcome(attempt({ password, code: "" }))]).toEqual([name, "REAUTHENTICATION_NEEDED"]);
    }
    expect(await outcome(auth.factors.removeTotp({ password: "wrong", code: now() }, call))).toBe("PASSWORD_WRONG");
    expect(await outcome(auth.factors.removeTotp({ password, code: wrongCode(now) }, call))).toBe("CODE_WRONG");
    const { recoveryCodes } = await auth.factors.newRecoveryCodes({ password, code: now() }, call);
    expect(recoveryCodes).toHaveLength(10);
    expect(await outcome(auth.factors.removeTotp({ password, code: now() }, call))).toBe("CODE_WRONG");
    await fixture.clock.advance(stepMs);
    expect(await outcome(auth.factors.removeTotp({ password, code: now() }, call))).toBe("done");
  });

  test("ASVS 7.5.1: is not had by a session that a change of the password has just opened", async () => {
    const { challenge, complete, now, password } = await withApp();
    const done = await complete(await challenge(), now());
    await fixture.clock.advance(late);
    const changed = await auth.account.changePassword(
      { oldPassword: password, newPassword: "a staple of another kind" },
      bearer(done.accessToken),
    );
    expect(await outcome(auth.factors.removeTotp({}, bearer(changed.accessToken)))).toBe("REAUTHENTICATION_NEEDED");
  });

  test("ASVS 7.5.1: is not had by a session that was opened without the factor a moment ago", async () => {
    const { call, login } = await signedUp();
    const weak = bearer((await login()).accessToken);
    const { secret } = await auth.factors.beginTotp({}, call);
    await auth.factors.confirmTotp({ code: codeOf(secret, fixture.clock.now()) }, call);
    expect(await outcome(auth.factors.removeTotp({}, weak))).toBe("REAUTHENTICATION_NEEDED");
    expect(await outcome(auth.factors.removeTotp({}, call))).toBe("done");
  });

  test("ASVS 6.5.6, 6.4.4: a lost app is removed by who has a recovery code; then a password is enough, and the codes are gone", async () => {
    const { challenge, recover, recoveryCodes, login, email } = await withApp();
    const call = bearer((await recover(await challenge(), recoveryCodes[0] ?? "")).accessToken);
    await auth.factors.removeTotp({}, call);
    expect((await login()).accessToken).not.toBe("");
    const left = await auth.factors.listFactors({}, call);
    expect([left.recoveryCodesLeft, left.passkeys, left.totp]).toEqual([0, 0, undefined]);
    expect(await outcome(auth.factors.removeTotp({}, call))).toBe("FACTOR_MISSING");
    expect(await outcome(auth.factors.newRecoveryCodes({}, call))).toBe("FACTOR_MISSING");
    expect((await mailOf(email, "A second factor was removed")).text).toContain("an authenticator app was removed");
  });

  test("new recovery codes make the old ones void", async () => {
    const { call, challenge, recover, recoveryCodes } = await withApp();
    const renewed = (await auth.factors.newRecoveryCodes({}, call)).recoveryCodes;
    expect(await outcome(recover(await challenge(), recoveryCodes[0] ?? ""))).toBe("CODE_WRONG");
    expect(await outcome(recover(await challenge(), renewed[0] ?? ""))).toBe("done");
  });

  test("a deletion of the account leaves nothing of them", async () => {
    const { call, challenge, password, userId } = await withApp();
    await challenge();
    await auth.account.deleteAccount({ password }, call);
    const left = await fixture.database.query(
      "SELECT 1 FROM totp_factors WHERE user_id = $1 UNION ALL SELECT 1 FROM recovery_codes WHERE user_id = $1",
      [userId],
    );
    expect(left).toEqual([]);
  });

  test("what nobody finished is forgotten in the end", async () => {
    const { call, login } = await withApp();
    await login();
    await auth.factors.beginTotp({}, call);
    await fixture.clock.advance(24 * 60 * minuteMs + 1);
    await auth.auth.upkeep.find(({ name }) => name === "old-challenges")?.run();
    const left = await fixture.database.query(
      "SELECT 1 FROM login_challenges UNION ALL SELECT 1 FROM totp_factors WHERE NOT confirmed",
    );
    expect(left).toEqual([]);
  });
});
