import { Code } from "@connectrpc/connect";
import { errorReason, errorViolations } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Mail } from "../src/domain/mails.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { codeOf } from "./authenticator-app.ts";
import { type RealProvider, redirectUri, settingsOf, startRealProvider } from "./openid-server.ts";
import { away } from "./scripted-user-service.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let acme: RealProvider;
const mails: Mail[] = [];

beforeAll(async () => {
  [fixture, acme] = await Promise.all([startAuthFixture(), startRealProvider()]);
  const env = {
    WEFT_PUBLIC_URL: "https://weft.example.org",
    WEFT_OIDC_PROVIDERS: "acme",
    ...settingsOf("acme", acme.issuer, { WEFT_OIDC_ACME_TRUST_EMAIL: "true", WEFT_OIDC_ACME_LABEL: "Acme Inc." }),
  };
  auth = await fixture.instance({ env, mailer: { send: async (mail) => void mails.push(mail) } });
  await auth.auth.startMail();
});
afterAll(async () => {
  await fixture.close();
  await acme.close();
});
afterEach(() => {
  fixture.peer.before = {};
  fixture.peer.after = {};
});

const headers = { "x-forwarded-for": "192.0.2.1", "x-forwarded-user-agent": "a browser" };
const provider = "acme";
let people = 0;

/** Somebody whom only the provider knows. */
function freshPerson(claims: Readonly<Record<string, unknown>> = {}): { subject: string; username: string } {
  people += 1;
  const subject = `person-${people}`;
  const username = `acme-${process.pid}-${people}`;
  acme.people[subject] = {
    email: `${username}@example.org`,
    email_verified: true,
    preferred_username: username,
    given_name: "Ada",
    family_name: "Lovelace",
    ...claims,
  };
  return { subject, username };
}

async function logIn(subject: string, deviceToken = "") {
  const { authorizationUrl, loginState } = await auth.providers.beginProviderLogin({ provider, redirectUri });
  const answer = await acme.visit(authorizationUrl, subject);
  const { login, created } = await auth.providers.finishProviderLogin({ loginState, answer, deviceToken }, { headers });
  const { accessToken = "", refreshToken = "", user } = login ?? {};
  return { created, accessToken, refreshToken, user, deviceToken: login?.deviceToken ?? "" };
}

async function link(accessToken: string, subject: string, password = "") {
  const call = bearer(accessToken);
  const begun = await auth.providers.beginProviderLink({ provider, redirectUri, password }, call);
  const answer = await acme.visit(begun.authorizationUrl, subject);
  return auth.providers.finishProviderLink({ loginState: begun.loginState, answer }, call);
}

const refusal = async (call: Promise<unknown>) => {
  const error = await call.catch((refused: unknown) => refused);
  return { code: (error as { code?: Code }).code, reason: errorReason(error) };
};
/** A mail to the address that has the words, once it is there. */
const mailTo = (address = "", words = ""): Promise<string> =>
  until(`a mail to ${address} says "${words}"`, () => {
    const texts = mails.filter(({ to }) => to === address).map(({ subject, text }) => `${subject}\n${text}`);
    return texts.find((text) => text.includes(words));
  });
const verifiedEmail = async (userId = "") => {
  const text = "SELECT verified_email FROM accounts WHERE user_id = $1";
  return (await fixture.database.query<{ verified_email: string | null }>(text, [userId]))[0]?.verified_email;
};
const events = async (accessToken: string) =>
  (await auth.account.listSecurityEvents({}, bearer(accessToken))).events.map(({ event }) => event);

describe("a login through a provider", () => {
  test("makes an account the first time, and finds it again the next", async () => {
    const { subject, username } = freshPerson();
    const first = await logIn(subject);
    const email = `${username}@example.org`;
    expect(first.user).toMatchObject({ username, email, firstName: "Ada", lastName: "Lovelace" });
    expect(first.created).toBe(true);
    expect(await verifiedEmail(first.user?.id)).toBe(email);
    const second = await logIn(subject);
    expect(second).toMatchObject({ created: false, user: { id: first.user?.id } });
    expect((await auth.service.validateToken({ token: second.accessToken })).principal?.userId).toBe(first.user?.id);
    expect(await events(second.accessToken)).toEqual(["logged_in", "signed_up"]);
    const { linked } = await auth.providers.listLinkedProviders({}, bearer(second.accessToken));
    expect(linked).toMatchObject([{ provider, email }]);
    expect(linked[0]?.lastUsedAt).toBeDefined();
  });

  test("is a session like any other: refreshed, listed, ended", async () => {
    const { refreshToken, accessToken } = await logIn(freshPerson().subject);
    const refreshed = await auth.account.refresh({ refreshToken }, { headers });
    expect((await auth.account.listSessions({}, bearer(accessToken))).sessions).toMatchObject([
      { userAgent: "a browser" },
    ]);
    await auth.account.logout({ refreshToken: refreshed.refreshToken });
    expect((await auth.service.validateToken({ token: accessToken })).valid).toBe(false);
  });

  test("ASVS 6.3.5: from a new device is told by mail, from a known one not", async () => {
    const { subject, username } = freshPerson();
    const { deviceToken, user } = await logIn(subject);
    await logIn(subject, deviceToken);
    await logIn(subject);
    const text = "SELECT facts FROM security_events WHERE user_id = $1 AND event = 'logged_in' ORDER BY id";
    const rows = await fixture.database.query<{ facts: { newDevice: string } }>(text, [user?.id]);
    expect(rows.map(({ facts }) => facts.newDevice)).toEqual(["false", "true"]);
    await mailTo(`${username}@example.org`, "new device");
  });

  test("ASVS 6.3.4, 6.8.4: is the first factor only: an account with a second one is asked for it", async () => {
    const { subject } = freshPerson();
    const { accessToken, user } = await logIn(subject);
    const { secret } = await auth.factors.beginTotp({}, bearer(accessToken));
    const code = () => codeOf(secret, fixture.clock.now());
    await auth.factors.confirmTotp({ code: code() }, bearer(accessToken));
    await fixture.clock.advance(30_000);
    const { authorizationUrl, loginState } = await auth.providers.beginProviderLogin({ provider, redirectUri });
    const answer = await acme.visit(authorizationUrl, subject);
    const { login } = await auth.providers.finishProviderLogin({ loginState, answer });
    expect(login).toMatchObject({ accessToken: "", refreshToken: "", factors: ["totp", "recovery_code"] });
    const challenge = login?.challenge ?? "";
    const completed = await auth.factors.completeLogin({ challenge, factor: { case: "totpCode", value: code() } });
    expect(completed.user?.id).toBe(user?.id);
    expect((await auth.service.validateToken({ token: completed.accessToken })).valid).toBe(true);
  });

  test("finds another username when that one is taken", async () => {
    const taken = freshSignup();
    await auth.account.signup(taken);
    const { user } = await logIn(freshPerson({ preferred_username: taken.username }).subject);
    expect(user?.username).toMatch(new RegExp(`^${taken.username}-[0-9a-f]{4}$`));
  });

  test("ASVS 10.5.2: never enters an account for having its address, and says how to go on", async () => {
    const existing = freshSignup();
    const { accessToken } = await auth.account.signup(existing);
    const { subject } = freshPerson({ email: existing.email });
    expect(await refusal(logIn(subject))).toEqual({ code: Code.AlreadyExists, reason: "ACCOUNT_EXISTS" });
    const { linked } = await link(accessToken, subject);
    expect(linked).toMatchObject({ provider, email: existing.email });
    expect(await logIn(subject)).toMatchObject({ created: false, user: { username: existing.username } });
    expect(await events(accessToken)).toEqual(["logged_in", "provider_linked", "signed_up"]);
    expect(await mailTo(existing.email, "logged in to with Acme Inc.")).toContain("Another way to log in");
  });

  test.each([
    ["the provider does not say so", { email_verified: false }],
    ["the provider says so in another way", { email_verified: "true" }],
  ])("does not take an address as proved when %s", async (_when, claims) => {
    const { subject, username } = freshPerson(claims);
    const { user } = await logIn(subject);
    expect(await verifiedEmail(user?.id)).toBeNull();
    await mailTo(`${username}@example.org`, "Is this your address?");
  });

  test("does not take an address as proved from a provider that is not trusted with it", async () => {
    const env = {
      WEFT_OIDC_PROVIDERS: "acme",
      WEFT_OIDC_REDIRECT_URIS: redirectUri,
      ...settingsOf("acme", acme.issuer),
    };
    const wary = await fixture.instance({ env });
    const { subject } = freshPerson();
    const { authorizationUrl, loginState } = await wary.providers.beginProviderLogin({ provider, redirectUri });
    const answer = await acme.visit(authorizationUrl, subject);
    const { login } = await wary.providers.finishProviderLogin({ loginState, answer });
    expect(await verifiedEmail(login?.user?.id)).toBeNull();
  });

  test("asks for an address when the provider tells none", async () => {
    const { subject } = freshPerson({ email: undefined });
    expect(await refusal(logIn(subject))).toEqual({ code: Code.FailedPrecondition, reason: "ADDRESS_MISSING" });
  });

  test("leaves nothing behind when the user service is away, and works afterwards", async () => {
    const { subject, username } = freshPerson();
    fixture.peer.after.createUser = away;
    expect((await refusal(logIn(subject))).code).toBe(Code.Unavailable);
    fixture.peer.after = {};
    await fixture.clock.advance(2 * 60_000 + 1);
    await auth.auth.accounts.sweepAbandonedAccounts();
    expect(await logIn(subject)).toMatchObject({ created: true, user: { username } });
  });

  test("finishes on another instance than it began", async () => {
    const other = await fixture.instance({
      env: { WEFT_OIDC_PROVIDERS: "acme", WEFT_OIDC_REDIRECT_URIS: redirectUri, ...settingsOf("acme", acme.issuer) },
    });
    const { authorizationUrl, loginState } = await other.providers.beginProviderLogin({ provider, redirectUri });
    const answer = await acme.visit(authorizationUrl, freshPerson().subject);
    expect((await auth.providers.finishProviderLogin({ loginState, answer })).created).toBe(true);
  });

  test("ASVS 10.2.1: with the code of another login is refused by the provider, for its proof key", async () => {
    const [mine, other] = [
      await auth.providers.beginProviderLogin({ provider, redirectUri }),
      await auth.providers.beginProviderLogin({ provider, redirectUri }),
    ];
    const { subject } = freshPerson();
    const { code } = await acme.visit(other.authorizationUrl, subject);
    const answer = { ...(await acme.visit(mine.authorizationUrl, subject)), code };
    const finished = auth.providers.finishProviderLogin({ loginState: mine.loginState, answer });
    expect(await refusal(finished)).toEqual({ code: Code.PermissionDenied, reason: "PROVIDER_REFUSED" });
    const text = "SELECT facts FROM security_events WHERE event = 'provider_login_failed' ORDER BY id DESC LIMIT 1";
    const [row] = await fixture.database.query<{ facts: object }>(text);
    expect(row?.facts).toEqual({ provider, reason: "invalid_grant" });
  });

  test("names the providers, and sends nobody anywhere that is not configured", async () => {
    expect((await auth.providers.listProviders({})).providers).toMatchObject([{ name: "acme", label: "Acme Inc." }]);
    const unlisted = auth.providers.beginProviderLogin({ provider, redirectUri: `${redirectUri}/../elsewhere` });
    const error = await unlisted.catch((refused: unknown) => refused);
    expect(errorViolations(error).map(({ field }) => field)).toEqual(["redirectUri"]);
    const unknown = auth.providers.beginProviderLogin({ provider: "nobody", redirectUri });
    expect(await refusal(unknown)).toEqual({ code: Code.NotFound, reason: "PROVIDER_UNKNOWN" });
  });
});

describe("an account that was made by a provider", () => {
  test("has no password that anybody could log in with", async () => {
    const { user } = await logIn(freshPerson().subject);
    for (const password of [" ", "undefined", "null"]) {
      const call = auth.account.login({ login: user?.username ?? "", password });
      expect(await refusal(call)).toEqual({ code: Code.Unauthenticated, reason: "LOGIN_FAILED" });
    }
  });

  test("keeps its only way in, and gives it up for a password", async () => {
    const { subject } = freshPerson();
    const { accessToken, user } = await logIn(subject);
    const unlink = (token: string) => auth.providers.unlinkProvider({ provider }, bearer(token));
    expect(await refusal(unlink(accessToken))).toEqual({ code: Code.FailedPrecondition, reason: "LAST_WAY_IN" });
    await auth.account.requestPasswordReset({ login: user?.username ?? "" });
    const mail = await mailTo(user?.email, "/reset-password#token=");
    const token = /#token=(\S+)/.exec(mail)?.[1] ?? "";
    const newPassword = "a staple of another kind";
    await auth.account.resetPassword({ token, newPassword });
    // The provider had proved the address, so the reset took nothing away.
    const again = await logIn(subject);
    expect(again.created).toBe(false);
    await unlink(again.accessToken);
    await unlink(again.accessToken);
    expect((await auth.providers.listLinkedProviders({}, bearer(again.accessToken))).linked).toEqual([]);
    expect((await auth.account.login({ login: user?.username ?? "", password: newPassword })).user?.id).toBe(user?.id);
  });

  test("loses identities that were there before its address was proved, when its mailbox takes it over", async () => {
    const { subject } = freshPerson({ email_verified: false });
    const { user } = await logIn(subject);
    await auth.account.requestPasswordReset({ login: user?.username ?? "" });
    const mail = await mailTo(user?.email, "/reset-password#token=");
    const token = /#token=(\S+)/.exec(mail)?.[1] ?? "";
    await auth.account.resetPassword({ token, newPassword: "a staple of another kind" });
    expect(await refusal(logIn(subject))).toEqual({ code: Code.AlreadyExists, reason: "ACCOUNT_EXISTS" });
  });

  test("is deleted after a fresh login, and the person may begin another one", async () => {
    const { subject } = freshPerson();
    const first = await logIn(subject);
    await auth.account.deleteAccount({}, bearer(first.accessToken));
    const second = await logIn(subject);
    expect(second.created).toBe(true);
    expect(second.user?.id).not.toBe(first.user?.id);
  });
});

describe("linking", () => {
  test("ASVS 7.5.1: takes a recent login or the password, as unlinking does", async () => {
    const signup = freshSignup();
    const { accessToken } = await auth.account.signup(signup);
    await fixture.clock.advance(10 * 60_000 + 1);
    const { subject } = freshPerson();
    const needed = { code: Code.PermissionDenied, reason: "REAUTHENTICATION_NEEDED" };
    expect(await refusal(link(accessToken, subject))).toEqual(needed);
    await link(accessToken, subject, signup.password);
    expect(await refusal(auth.providers.unlinkProvider({ provider }, bearer(accessToken)))).toEqual(needed);
    await auth.providers.unlinkProvider({ provider, password: signup.password }, bearer(accessToken));
    expect(await events(accessToken)).toEqual(["provider_unlinked", "provider_linked", "signed_up"]);
  });

  test("gives an identity to one account only, and an account one identity of a provider", async () => {
    const [a, b] = [freshPerson(), freshPerson()];
    await logIn(a.subject);
    const { accessToken } = await auth.account.signup(freshSignup());
    const taken = { code: Code.AlreadyExists, reason: "IDENTITY_TAKEN" };
    expect(await refusal(link(accessToken, a.subject))).toEqual(taken);
    await link(accessToken, b.subject);
    expect((await link(accessToken, b.subject)).linked?.provider).toBe(provider);
    expect(await refusal(link(accessToken, freshPerson().subject))).toEqual(taken);
  });

  test("is finished by the session that began it, and is no login", async () => {
    const [mine, theirs] = [await auth.account.signup(freshSignup()), await auth.account.signup(freshSignup())];
    const call = bearer(mine.accessToken);
    const refused = { code: Code.PermissionDenied, reason: "LOGIN_STATE_REFUSED" };
    const begun = await auth.providers.beginProviderLink({ provider, redirectUri }, call);
    const answer = await acme.visit(begun.authorizationUrl, freshPerson().subject);
    const finish = { loginState: begun.loginState, answer };
    expect(await refusal(auth.providers.finishProviderLink(finish, bearer(theirs.accessToken)))).toEqual(refused);
    expect(await refusal(auth.providers.finishProviderLink(finish, call))).toEqual(refused);
    const again = await auth.providers.beginProviderLink({ provider, redirectUri }, call);
    const login = { loginState: again.loginState, answer: await acme.visit(again.authorizationUrl, "person-1") };
    expect(await refusal(auth.providers.finishProviderLogin(login))).toEqual(refused);
  });
});
