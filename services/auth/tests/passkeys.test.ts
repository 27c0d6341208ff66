import type { JsonObject } from "@bufbuild/protobuf";
import { errorReason } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mail } from "../src/domain/mails.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { codeOf } from "./authenticator-app.ts";
import { createSoftwareAuthenticator, type Lies, type SoftwareAuthenticator } from "./software-authenticator.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
const mails: Mail[] = [];

const origin = "https://weft.example";
const minuteMs = 60_000;

beforeAll(async () => {
  fixture = await startAuthFixture();
  const mailer = { send: async (mail: Mail) => void mails.push(mail) };
  auth = await fixture.instance({ env: { WEFT_PUBLIC_URL: `${origin}/app` }, mailer });
  await auth.auth.startMail();
});
afterAll(() => fixture?.close());

const outcome = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    (error) => errorReason(error),
  );
const stateOf = async (token: string) => (await auth.service.validateToken({ token })).reason || "valid";
const events = async (accessToken: string) =>
  (await auth.account.listSecurityEvents({}, bearer(accessToken))).events.map(({ event }) => event);

async function signedUp() {
  const signup = freshSignup();
  const account = await auth.account.signup(signup);
  const login = () => auth.account.login({ login: signup.username, password: signup.password });
  return { ...signup, ...account, userId: account.user?.id ?? "", call: bearer(account.accessToken), login };
}

type Call = ReturnType<typeof bearer>;

async function register(authenticator: SoftwareAuthenticator, call: Call, { name = "a phone", lies = {} } = {}) {
  const { options } = await auth.factors.beginPasskeyRegistration({}, call);
  return auth.factors.finishPasskeyRegistration({ name, response: authenticator.create(options, lies) }, call);
}

async function withPasskey({ counter = 0 } = {}) {
  const account = await signedUp();
  const authenticator = createSoftwareAuthenticator(origin, { counter });
  const { passkey, recoveryCodes } = await register(authenticator, account.call);
  return { ...account, authenticator, passkeyId: passkey?.id ?? "", recoveryCodes };
}

async function logIn(authenticator: SoftwareAuthenticator, lies: Lies = {}) {
  const { options } = await auth.factors.beginPasskeyLogin({});
  return auth.factors.finishPasskeyLogin({ response: authenticator.get(options, lies) });
}

const otherOrigins = [
  "https://evil.example",
  "http://weft.example",
  "https://weft.example:444",
  "https://sub.weft.example",
  "https://weft.example.evil.example",
  "http://localhost:8000",
];
const commonLies: readonly (readonly [string, Lies])[] = [
  ...otherOrigins.map((other) => [`from ${other}`, { origin: other }] as const),
  ["in a frame of another site", { crossOrigin: true }],
  ["for another relying party", { rpId: "evil.example" }],
  ["to another challenge", { challenge: Buffer.alloc(32, 7).toString("base64url") }],
  ["without the user having been verified", { userVerified: false }],
];

describe("registering a passkey", () => {
  test("ASVS 6.3.7: asks for one that is found without a name and verifies its user, and gives ten recovery codes and a mail", async () => {
    const { call, userId, username, email, accessToken, login } = await signedUp();
    const { options } = await auth.factors.beginPasskeyRegistration({}, call);
    expect(options).toMatchObject({
      rp: { id: "weft.example" },
      user: { id: Buffer.from(userId).toString("base64url"), name: username },
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      attestation: "none",
      excludeCredentials: [],
    });
    const authenticator = createSoftwareAuthenticator(origin);
    const { passkey, recoveryCodes } = await register(authenticator, call);
    expect(passkey).toMatchObject({ name: "a phone", backedUp: false });
    expect(new Set(recoveryCodes).size).toBe(10);
    expect(await login()).toMatchObject({ accessToken: "", factors: ["passkey", "recovery_code"] });
    const told = () => mails.find((mail) => mail.to === email && mail.subject === "A second factor was added");
    expect((await until("a mail comes", told)).text).toContain("a passkey was added");
    expect(await events(accessToken)).toContain("second_factor_added");
  });

  test("names the passkeys that there are, brings no more recovery codes, and takes none twice", async () => {
    const { call, authenticator } = await withPasskey();
    const [known] = authenticator.credentials;
    await fixture.clock.advance(1);
    const { options } = await auth.factors.beginPasskeyRegistration({}, call);
    expect(options?.excludeCredentials).toMatchObject([{ id: known?.id, type: "public-key" }]);
    const response = authenticator.create(options);
    expect((await auth.factors.finishPasskeyRegistration({ name: "b", response }, call)).recoveryCodes).toEqual([]);
    const again = await auth.factors.beginPasskeyRegistration({}, call);
    const copied = withChallenge(response, again.options);
    expect(await outcome(auth.factors.finishPasskeyRegistration({ name: "c", response: copied }, call))).toBe(
      "PASSKEY_REFUSED",
    );
    expect((await auth.factors.listPasskeys({}, call)).passkeys.map(({ name }) => name)).toEqual(["a phone", "b"]);
  });

  test.each([...commonLies, ["as an assertion", { type: "webauthn.get" }] as const])(
    "%s is refused",
    async (_how, lies) => {
      const { call, accessToken } = await signedUp();
      const authenticator = createSoftwareAuthenticator(origin);
      expect(await outcome(register(authenticator, call, { lies }))).toBe("PASSKEY_REFUSED");
      expect((await auth.factors.listPasskeys({}, call)).passkeys).toEqual([]);
      expect(await events(accessToken)).toContain("passkey_refused");
    },
  );

  test("ASVS 1.3.6: with certificates is refused before they are read, since they name addresses to be visited", async () => {
    const { call, userId } = await signedUp();
    const lies = { certificates: [Buffer.from("a certificate"), Buffer.from("its issuer's")] };
    const refused = register(createSoftwareAuthenticator(origin), call, { lies });
    expect(await outcome(refused)).toBe("PASSKEY_REFUSED");
    const trail = "SELECT facts->>'why' AS why FROM security_events WHERE user_id = $1 AND event = 'passkey_refused'";
    expect(await fixture.database.query(trail, [userId])).toEqual([
      { why: 'an attestation of the form "packed" was not asked for' },
    ]);
  });

  test("ASVS 6.7.2: a challenge has 256 random bits, and is good once, for five minutes, for who asked and for this only", async () => {
    const [mine, theirs] = [await signedUp(), await signedUp()];
    const begin = async () => (await auth.factors.beginPasskeyRegistration({}, mine.call)).options;
    const seen = new Set([await begin(), await begin()].map((options) => String(options?.challenge)));
    expect([...seen].map((challenge) => Buffer.from(challenge, "base64url").length)).toEqual([32, 32]);
    const authenticator = createSoftwareAuthenticator(origin);
    const finish = (response: JsonObject, call = mine.call) =>
      outcome(auth.factors.finishPasskeyRegistration({ name: "a phone", response }, call));
    expect(await finish(authenticator.create(await begin()), theirs.call)).toBe("PASSKEY_REFUSED");
    const options = await begin();
    expect(await finish(authenticator.create(options, { userVerified: false }))).toBe("PASSKEY_REFUSED");
    expect(await finish(authenticator.create(options))).toBe("PASSKEY_REFUSED");
    const forLogin = (await auth.factors.beginPasskeyLogin({})).options?.challenge as string;
    expect(await finish(authenticator.create(await begin(), { challenge: forLogin }))).toBe("PASSKEY_REFUSED");
    const late = authenticator.create(await begin());
    await fixture.clock.advance(5 * minuteMs);
    expect(await finish(late)).toBe("PASSKEY_REFUSED");
    const inTime = authenticator.create(await begin());
    await fixture.clock.advance(5 * minuteMs - 1);
    expect(await finish(inTime)).toBe("done");
  });

  test("ASVS 7.5.1: takes a recent login, and twenty are enough", async () => {
    const { call, password } = await signedUp();
    const authenticator = createSoftwareAuthenticator(origin);
    await fixture.clock.advance(10 * minuteMs + 1);
    expect(await outcome(auth.factors.beginPasskeyRegistration({}, call))).toBe("REAUTHENTICATION_NEEDED");
    expect(await outcome(auth.factors.beginPasskeyRegistration({ password: "wrong" }, call))).toBe("PASSWORD_WRONG");
    const { options } = await auth.factors.beginPasskeyRegistration({ password }, call);
    await auth.factors.finishPasskeyRegistration({ name: "1", response: authenticator.create(options) }, call);
    for (let count = 2; count <= 20; count += 1) await register(authenticator, call, { name: String(count) });
    expect(await outcome(register(authenticator, call))).toBe("TOO_MANY_PASSKEYS");
  });

  test("answers malformed responses by a refusal", async () => {
    const { call } = await signedUp();
    const { options } = await auth.factors.beginPasskeyRegistration({}, call);
    const good = createSoftwareAuthenticator(origin).create(options);
    const inner = good.response as JsonObject;
    const malformed: JsonObject[] = [
      {},
      { ...good, response: {} },
      { ...good, response: "text" },
      { ...good, response: { ...inner, clientDataJSON: "bm90IGpzb24" } },
      { ...good, response: { ...inner, clientDataJSON: Buffer.from("null").toString("base64url") } },
      { ...good, response: { ...inner, attestationObject: "AA" } },
      { ...good, response: { ...inner, attestationObject: 7 } },
    ];
    for (const response of malformed) {
      expect(await outcome(auth.factors.finishPasskeyRegistration({ name: "a", response }, call))).toBe(
        "PASSKEY_REFUSED",
      );
      expect(await outcome(auth.factors.finishPasskeyLogin({ response }))).toBe("PASSKEY_REFUSED");
    }
  });
});

describe("login with a passkey", () => {
  test("takes no name and no password, counts as both factors, and gives what a login gives", async () => {
    const { authenticator, user, call } = await withPasskey();
    const { options } = await auth.factors.beginPasskeyLogin({});
    expect(options).toMatchObject({ rpId: "weft.example", userVerification: "required" });
    expect(options).not.toHaveProperty("allowCredentials");
    const done = await auth.factors.finishPasskeyLogin({ response: authenticator.get(options) });
    expect(done.user?.id).toBe(user?.id);
    expect(done.deviceToken).not.toBe("");
    expect(await stateOf(done.accessToken)).toBe("valid");
    expect(await outcome(auth.factors.newRecoveryCodes({}, bearer(done.accessToken)))).toBe("done");
    expect((await auth.factors.listPasskeys({}, call)).passkeys[0]?.lastUsedAt).toBeDefined();
  });

  test.each([
    ...commonLies,
    ["as a registration", { type: "webauthn.create" }] as const,
    ["with another key", { otherKey: true }] as const,
    ["in the name of somebody else", { userHandle: Buffer.from("somebody").toString("base64url") }] as const,
    ["in nobody's name", { userHandle: "" }] as const,
  ])("%s is refused", async (_how, lies) => {
    const { authenticator, accessToken } = await withPasskey();
    expect(await outcome(logIn(authenticator, lies))).toBe("PASSKEY_REFUSED");
    expect(await outcome(logIn(authenticator))).toBe("done");
    expect(await events(accessToken)).toContain("logged_in");
  });

  test("ASVS 6.3.8: fails in the same words for a passkey that nobody has, one that was removed, and a wrong one", async () => {
    const { authenticator } = await withPasskey();
    const unknown = createSoftwareAuthenticator(origin);
    const stranger = await signedUp();
    unknown.create((await auth.factors.beginPasskeyRegistration({}, stranger.call)).options);
    const removed = await withPasskey();
    await auth.factors.removePasskey({ passkeyId: removed.passkeyId }, removed.call);
    const words = (call: Promise<unknown>) => call.catch((error) => [errorReason(error), error.rawMessage].join("|"));
    const answers = [
      await words(logIn(unknown)),
      await words(logIn(removed.authenticator)),
      await words(logIn(authenticator, { otherKey: true })),
      await words(logIn(authenticator, { challenge: "none" })),
    ];
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(/^PASSKEY_REFUSED\|/);
  });

  test("a challenge is good once, for five minutes, and not one of a registration", async () => {
    const { authenticator, call } = await withPasskey();
    const { options } = await auth.factors.beginPasskeyLogin({});
    const finish = (response: JsonObject) => outcome(auth.factors.finishPasskeyLogin({ response }));
    const responses = [authenticator.get(options), authenticator.get(options), authenticator.get(options)];
    const outcomes = await Promise.all(responses.map(finish));
    expect(outcomes.sort()).toEqual(["PASSKEY_REFUSED", "PASSKEY_REFUSED", "done"]);
    const registration = (await auth.factors.beginPasskeyRegistration({}, call)).options?.challenge as string;
    expect(await outcome(logIn(authenticator, { challenge: registration }))).toBe("PASSKEY_REFUSED");
    const late = authenticator.get((await auth.factors.beginPasskeyLogin({})).options);
    await fixture.clock.advance(5 * minuteMs);
    expect(await finish(late)).toBe("PASSKEY_REFUSED");
  });

  test("a counter that does not grow is refused and recorded, also if two come at once", async () => {
    const { authenticator, accessToken } = await withPasskey({ counter: 5 });
    expect(await outcome(logIn(authenticator))).toBe("done");
    expect(await outcome(logIn(authenticator, { counter: 6 }))).toBe("PASSKEY_REFUSED");
    expect(await outcome(logIn(authenticator, { counter: 0 }))).toBe("PASSKEY_REFUSED");
    expect((await events(accessToken)).filter((event) => event === "passkey_counter_regressed")).toHaveLength(2);
    const copies = [logIn(authenticator, { counter: 20 }), logIn(authenticator, { counter: 20 })].map(outcome);
    expect((await Promise.all(copies)).sort()).toEqual(["PASSKEY_REFUSED", "done"]);
    const forged = await outcome(logIn(authenticator, { counter: 1, otherKey: true }));
    expect(forged).toBe("PASSKEY_REFUSED");
    expect((await events(accessToken)).filter((event) => event === "passkey_counter_regressed")).toHaveLength(3);
  });

  test("is over for an account that is closed", async () => {
    const { authenticator, call, password } = await withPasskey();
    await auth.account.deleteAccount({ password }, call);
    expect(await outcome(logIn(authenticator))).toBe("PASSKEY_REFUSED");
    const [known] = authenticator.credentials;
    const left = await fixture.database.query("SELECT 1 FROM passkeys WHERE credential_id = $1", [known?.id]);
    expect(left).toEqual([]);
  });
});

describe("a hostile response", () => {
  const whys = async (userId: string) => {
    const trail = "SELECT facts->>'why' AS why FROM security_events WHERE user_id = $1 AND event = 'passkey_refused'";
    return (await fixture.database.query<{ why: string }>(trail, [userId])).map(({ why }) => why);
  };

  test("ASVS 16.4.1: cannot keep its refusal out of the trail, nor write lines into it", async () => {
    const { authenticator, userId } = await withPasskey();
    expect(await outcome(logIn(authenticator, { origin: "https://a\0b\n{}.example" }))).toBe("PASSKEY_REFUSED");
    const [why, ...others] = await whys(userId);
    expect(why).toContain("https://ab{}.example");
    expect(others).toEqual([]);
  });

  test("of a passkey that cannot be is refused like others", async () => {
    const { authenticator } = await withPasskey();
    for (const id of ["a\0b", "x".repeat(5000), "", 7, null, {}]) {
      const { options } = await auth.factors.beginPasskeyLogin({});
      const response = { ...authenticator.get(options), id } as JsonObject;
      expect(await outcome(auth.factors.finishPasskeyLogin({ response }))).toBe("PASSKEY_REFUSED");
    }
  });
});

describe("a passkey as the second step of a login", () => {
  const complete = (challenge: string, response: JsonObject) =>
    outcome(auth.factors.completeLogin({ challenge, factor: { case: "passkey", value: response } }));

  test("signs the challenge of that login, and is named in its options", async () => {
    const { authenticator, login } = await withPasskey();
    const first = await login();
    const [known] = authenticator.credentials;
    expect(first.passkeyOptions?.allowCredentials).toMatchObject([{ id: known?.id }]);
    const second = await login();
    expect(await complete(second.challenge, authenticator.get(first.passkeyOptions))).toBe("PASSKEY_REFUSED");
    const anonymous = (await auth.factors.beginPasskeyLogin({})).options;
    expect(await complete(second.challenge, authenticator.get(anonymous))).toBe("PASSKEY_REFUSED");
    expect(await outcome(auth.factors.finishPasskeyLogin({ response: authenticator.get(first.passkeyOptions) }))).toBe(
      "PASSKEY_REFUSED",
    );
    expect(await complete(second.challenge, authenticator.get(second.passkeyOptions))).toBe("done");
    expect(await complete(second.challenge, authenticator.get(second.passkeyOptions))).toBe("CHALLENGE_REFUSED");
  });

  test("has to be one of the account whose password was given", async () => {
    const [mine, theirs] = [await withPasskey(), await withPasskey()];
    const { challenge } = await mine.login();
    const options = { challenge };
    expect(await complete(challenge, theirs.authenticator.get(options))).toBe("PASSKEY_REFUSED");
    const handle = Buffer.from(mine.userId).toString("base64url");
    expect(await complete(challenge, theirs.authenticator.get(options, { userHandle: handle }))).toBe(
      "PASSKEY_REFUSED",
    );
    expect(await complete(challenge, mine.authenticator.get(options, { userVerified: false }))).toBe("PASSKEY_REFUSED");
    expect(await complete(challenge, mine.authenticator.get(options))).toBe("done");
  });
});

describe("the passkeys of an account", () => {
  test("ASVS 8.2.2: are renamed and removed by their owner only, in the words for one that never was", async () => {
    const [mine, theirs] = [await withPasskey(), await withPasskey()];
    const passkeyId = theirs.passkeyId;
    const answers = [
      await outcome(auth.factors.renamePasskey({ passkeyId, name: "mine" }, mine.call)),
      await outcome(auth.factors.removePasskey({ passkeyId }, mine.call)),
      await outcome(auth.factors.removePasskey({ passkeyId: "none" }, mine.call)),
    ];
    expect(answers).toEqual(Array(3).fill("PASSKEY_UNKNOWN"));
    expect((await auth.factors.renamePasskey({ passkeyId, name: "a key" }, theirs.call)).passkey?.name).toBe("a key");
    expect((await auth.factors.listPasskeys({}, theirs.call)).passkeys).toMatchObject([{ name: "a key" }]);
  });

  test("the last one stays where nothing else lets its owner in", async () => {
    const { call, passkeyId, userId, authenticator } = await withPasskey();
    const remove = () => outcome(auth.factors.removePasskey({ passkeyId }, call));
    // As of somebody who came through a provider that is configured no longer.
    await fixture.database.query("UPDATE accounts SET password_hash = '' WHERE user_id = $1", [userId]);
    await fixture.database.query(
      "INSERT INTO provider_identities (issuer, subject, user_id, email, linked_at) VALUES ('gone', $1, $1, '', now())",
      [userId],
    );
    expect(await remove()).toBe("LAST_WAY_IN");
    await logIn(authenticator);
    const other = createSoftwareAuthenticator(origin);
    await register(other, call);
    expect(await remove()).toBe("done");
  });

  test("ASVS 6.5.6: one that is lost is removed; with the last factor the recovery codes go, with another left they stay", async () => {
    const { call, passkeyId, authenticator, login } = await withPasskey();
    const { secret } = await auth.factors.beginTotp({}, call);
    await auth.factors.confirmTotp({ code: codeOf(secret, fixture.clock.now()) }, call);
    await auth.factors.removePasskey({ passkeyId }, call);
    expect(await outcome(logIn(authenticator))).toBe("PASSKEY_REFUSED");
    expect((await login()).factors).toEqual(["totp", "recovery_code"]);
    await auth.factors.removeTotp({}, call);
    expect((await auth.factors.listFactors({}, call)).recoveryCodesLeft).toBe(0);
    expect((await login()).accessToken).not.toBe("");
  });

  test("ASVS 7.5.1: one of an account without an app is removed after a login with it, however good the password", async () => {
    const { call, passkeyId, authenticator, password } = await withPasskey();
    await fixture.clock.advance(10 * minuteMs + 1);
    const remove = (by: Call) => outcome(auth.factors.removePasskey({ passkeyId, password }, by));
    expect(await remove(call)).toBe("REAUTHENTICATION_NEEDED");
    expect(await remove(bearer((await logIn(authenticator)).accessToken))).toBe("done");
  });
});

/** The same attestation, which signs nothing, as if it had been made for other options. */
function withChallenge(response: JsonObject, options: JsonObject | undefined): JsonObject {
  const inner = response.response as JsonObject;
  const told = JSON.parse(Buffer.from(String(inner.clientDataJSON), "base64url").toString("utf8")) as JsonObject;
  const clientData = JSON.stringify({ ...told, challenge: options?.challenge });
  return { ...response, response: { ...inner, clientDataJSON: Buffer.from(clientData).toString("base64url") } };
}
