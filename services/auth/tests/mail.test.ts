import { errorReason } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSmtpMailer } from "../src/adapters/smtp-mailer.ts";
import { loadAuthConfig } from "../src/config.ts";
import { attemptLimits } from "../src/domain/attempt-limits.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { codeOf } from "./authenticator-app.ts";
import { type MailSink, startMailSink } from "./mail-sink.ts";

let fixture: AuthFixture;
let sink: MailSink;
let auth: AuthInstance;

beforeAll(async () => {
  [fixture, sink] = await Promise.all([startAuthFixture(), startMailSink()]);
  const env = {
    WEFT_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
    WEFT_MAIL_FROM: "Weft <no-reply@weft.example>",
    WEFT_PUBLIC_URL: "https://weft.example/",
  };
  const { smtp } = loadAuthConfig(env);
  if (smtp === undefined) throw new Error("there is no mail server");
  auth = await fixture.instance({ env, mailer: createSmtpMailer(smtp) });
  await auth.auth.startMail();
});
afterAll(async () => {
  await fixture?.close();
  await sink?.close();
});

const newPassword = "a staple of another kind";
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    (error: unknown) => errorReason(error),
  );
const stateOf = async (token: string) => (await auth.service.validateToken({ token })).reason || "valid";
const resetBy = (token: string, password = newPassword) =>
  outcome(auth.account.resetPassword({ token, newPassword: password }));

async function signedUp() {
  const signup = freshSignup();
  const account = await auth.account.signup(signup);
  const login = (password = signup.password, deviceToken = "") =>
    auth.account.login({ login: signup.username, password, deviceToken });
  return { ...signup, ...account, userId: account.user?.id ?? "", login };
}

/** The token of a reset mail to an account. */
async function askReset({ username, email }: { username: string; email: string }): Promise<string> {
  await auth.account.requestPasswordReset({ login: username });
  return (await sink.take(email, "A new password")).token;
}

describe("e-mail verification", () => {
  test("follows a signup: the mail's token proves the address, once", async () => {
    const { email, username, accessToken } = await signedUp();
    const mail = await sink.take(email, "Is this your address?");
    expect(mail.text).toContain(`Hello ${username},`);
    expect(mail.text).toContain(`https://weft.example/verify-email#token=${mail.token}\n`);
    const request = () => auth.account.requestEmailVerification({}, bearer(accessToken));
    expect((await request()).alreadyVerified).toBe(false);
    const second = await sink.take(email, "Is this your address?");
    expect(await outcome(auth.account.verifyEmail({ token: mail.token }))).toBe("TOKEN_REFUSED");
    expect(await outcome(auth.account.verifyEmail({ token: second.token }))).toBe("done");
    expect(await outcome(auth.account.verifyEmail({ token: second.token }))).toBe("TOKEN_REFUSED");
    expect((await request()).alreadyVerified).toBe(true);
  });

  test("is refused for an address that the account has no longer, and after a day", async () => {
    const first = await signedUp();
    const { token } = await sink.take(first.email);
    const user = fixture.peer.users.get(first.userId);
    if (user !== undefined) user.email = `other-${first.email}`;
    expect(await outcome(auth.account.verifyEmail({ token }))).toBe("TOKEN_REFUSED");
    const second = await signedUp();
    const late = await sink.take(second.email);
    await fixture.clock.advance(24 * 3_600_000);
    expect(await outcome(auth.account.verifyEmail({ token: late.token }))).toBe("TOKEN_REFUSED");
  });

  test("ASVS 7.5.1, 6.3.7: of another address takes the password, and is told to the one before", async () => {
    const account = await signedUp();
    await auth.account.verifyEmail({ token: (await sink.take(account.email)).token });
    const user = fixture.peer.users.get(account.userId);
    const moved = `moved-${account.email}`;
    if (user !== undefined) user.email = moved;
    await fixture.clock.advance(10 * 60_000 + 1);
    const request = (password: string) =>
      outcome(auth.account.requestEmailVerification({ password }, bearer(account.accessToken)));
    expect(await request("")).toBe("REAUTHENTICATION_NEEDED");
    expect(await askReset(account)).not.toBe("");
    expect(await request(account.password)).toBe("done");
    await auth.account.verifyEmail({ token: (await sink.take(moved)).token });
    expect((await sink.take(account.email)).subject).toBe("Your address was changed");
  });
});

describe("signing up in another's name", () => {
  test("ASVS 2.4.1: again and again sends them three mails at the most at once", async () => {
    const signup = freshSignup();
    for (let at = 0; at < attemptLimits.mailFor.freeAttempts; at += 1) {
      const { accessToken } = await auth.account.signup(signup);
      await sink.take(signup.email);
      await auth.account.deleteAccount({ password: signup.password }, bearer(accessToken));
    }
    await auth.account.signup(signup);
    await until("no job is left", async () => {
      await fixture.clock.advance(1000);
      return (await fixture.database.query("SELECT 1 FROM scheduled_jobs")).length === 0;
    });
    expect(sink.mails.filter((mail) => mail.to.includes(signup.email))).toEqual([]);
  });
});

describe("password reset", () => {
  test("ASVS 6.4.3: by the token of a mail sets the password, ends all sessions and forgets all devices, once", async () => {
    const account = await signedUp();
    const token = await askReset(account);
    expect(await resetBy(token)).toBe("done");
    expect(await resetBy(token)).toBe("TOKEN_REFUSED");
    expect(await stateOf(account.accessToken)).toBe("revoked");
    expect(await outcome(auth.account.refresh({ refreshToken: account.refreshToken }))).toBe("REFRESH_TOKEN_INVALID");
    expect(await outcome(account.login())).toBe("LOGIN_FAILED");
    expect((await account.login(newPassword, account.deviceToken)).deviceToken).not.toBe(account.deviceToken);
    expect((await sink.take(account.email, "Your password was changed")).text).toContain("all sessions were ended");
  });

  test("the token is good for half an hour, until the next is asked for, and stays so after a refused password", async () => {
    const account = await signedUp();
    const replaced = await askReset(account);
    const token = await askReset(account);
    expect(await resetBy(replaced)).toBe("TOKEN_REFUSED");
    await fixture.clock.advance(30 * 60_000 - 1);
    expect(await resetBy(token, "password1")).toBe("FIELD_INVALID");
    await fixture.clock.advance(1);
    expect(await resetBy(token)).toBe("TOKEN_REFUSED");
    expect(await outcome(account.login())).toBe("done");
  });

  test("of two that use one token at once, one succeeds", async () => {
    const token = await askReset(await signedUp());
    const outcomes = await Promise.all([resetBy(token), resetBy(token, "a third kind of staple")]);
    expect(outcomes.sort()).toEqual(["TOKEN_REFUSED", "done"]);
  });

  test("is void once the password was changed by other means", async () => {
    const account = await signedUp();
    const token = await askReset(account);
    const change = { oldPassword: account.password, newPassword };
    await auth.account.changePassword(change, bearer(account.accessToken));
    expect(await resetBy(token, "a third kind of staple")).toBe("TOKEN_REFUSED");
  });

  test("ASVS 6.3.8: is asked for in the same way whether or not there is such an account, which gets no mail then", async () => {
    const known = await signedUp();
    const answers = await Promise.all(
      ["nobody-of-this-name", known.username].map((login) => auth.account.requestPasswordReset({ login })),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect((await sink.take(known.email, "A new password")).token).not.toBe("");
    expect(sink.mails.filter((mail) => mail.to.some((to) => to.includes("nobody")))).toEqual([]);
  });

  test("ASVS 2.4.1: after three mails for a login waits, known or not, and each one sent works", async () => {
    const account = await signedUp();
    const ask = (login: string) =>
      auth.account.requestPasswordReset({ login }, { headers: { "x-forwarded-for": "192.0.2.77" } }).then(
        () => "sent",
        (error) => `${errorReason(error)} ${error.metadata.get("retry-after")}`,
      );
    for (const login of [account.username, "nobody-at-all"]) {
      for (let at = 0; at < attemptLimits.mailFor.freeAttempts; at += 1) expect(await ask(login)).toBe("sent");
      expect(await ask(login)).toBe("TOO_MANY_MAILS 60");
    }
  });

  test("lets its user log in at once who had to wait before", async () => {
    const account = await signedUp();
    for (let at = 0; at < attemptLimits.loginFromNetwork.freeAttempts; at += 1) await outcome(account.login("wrong"));
    expect(await outcome(account.login())).toBe("LOGIN_FAILED");
    expect(await resetBy(await askReset(account))).toBe("done");
    expect(await outcome(account.login(newPassword))).toBe("done");
  });

  test("keeps only a digest of the token, and nothing of it waits in the queue", async () => {
    const token = await askReset(await signedUp());
    const rows = await fixture.database.query<{ row: string }>(
      "SELECT t::text AS row FROM mailed_tokens t UNION ALL SELECT j::text FROM scheduled_jobs j",
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ row }) => row.includes(token))).toEqual([]);
  });
});

describe("a reset that proves an address for the first time", () => {
  const keyed = async (accessToken: string) => {
    const wanted = { name: "ci", scopes: ["projects.read"] };
    const { secret } = await auth.apiKeys.createApiKey(wanted, bearer(accessToken));
    const { accessToken: token } = await auth.service.exchangeApiKey({ apiKey: secret });
    return { secret, token };
  };
  const withApp = async (accessToken: string) => {
    const { secret } = await auth.factors.beginTotp({}, bearer(accessToken));
    await auth.factors.confirmTotp({ code: codeOf(secret, fixture.clock.now()) }, bearer(accessToken));
  };

  test("leaves no way in to whoever took the address in advance, and no factor to keep its owner out", async () => {
    const squatter = await signedUp();
    const key = await keyed(squatter.accessToken);
    await withApp(squatter.accessToken);
    expect(await resetBy(await askReset(squatter))).toBe("done");
    const owner = await squatter.login(newPassword);
    expect(owner.accessToken).not.toBe("");
    expect((await auth.factors.listFactors({}, bearer(owner.accessToken))).totp).toBeUndefined();
    expect(await stateOf(key.token)).toBe("revoked");
    expect((await auth.service.exchangeApiKey({ apiKey: key.secret })).reason).toBe("revoked");
  });

  test("takes nothing from an account whose address was proved before", async () => {
    const account = await signedUp();
    const { token } = await sink.take(account.email, "Is this your address?");
    await auth.account.verifyEmail({ token });
    const key = await keyed(account.accessToken);
    await withApp(account.accessToken);
    expect(await resetBy(await askReset(account))).toBe("done");
    expect((await account.login(newPassword)).factors).toContain("totp");
    expect(await stateOf(key.token)).toBe("valid");
  });
});

describe("notices", () => {
  test("ASVS 6.3.5: a login from a new device is told to the owner, one from a known device is not", async () => {
    const account = await signedUp();
    await sink.take(account.email);
    const headers = { "x-forwarded-for": "192.0.2.5", "x-forwarded-user-agent": "a phone" };
    const { username: login, password, email } = account;
    const { deviceToken } = await auth.account.login({ login, password }, { headers });
    const mail = await sink.take(email);
    expect(mail.subject).toBe("A login from a new device");
    expect(mail.text).toContain("From: 192.0.2.5\nWith: a phone\n");
    await auth.account.login({ login, password, deviceToken }, { headers });
    await auth.account.changePassword({ oldPassword: password, newPassword }, bearer(account.accessToken));
    expect((await sink.take(email)).subject).toBe("Your password was changed");
  });
});

describe("the queue of mails", () => {
  test("AUTH-24: answers the request while the mail server refuses, and tries again", async () => {
    const account = await signedUp();
    await sink.take(account.email);
    sink.refusals = 2;
    await auth.account.requestPasswordReset({ login: account.username });
    const mail = sink.take(account.email);
    let arrived = false;
    void mail.then(() => {
      arrived = true;
    });
    await until("the mail arrives", async () => {
      await fixture.clock.advance(1000);
      return arrived;
    });
    expect(sink.refusals).toBe(0);
    expect(await mail).toMatchObject({ subject: "A new password" });
  });

  test("does nothing for an account that was deleted meanwhile", async () => {
    const account = await signedUp();
    await sink.take(account.email);
    await auth.account.deleteAccount({ password: account.password }, bearer(account.accessToken));
    await auth.account.requestPasswordReset({ login: account.username });
    await until("no job is left", async () => {
      await fixture.clock.advance(1000);
      return (await fixture.database.query("SELECT 1 FROM scheduled_jobs")).length === 0;
    });
    expect(sink.mails.filter((mail) => mail.to.includes(account.email))).toEqual([]);
  });
});
