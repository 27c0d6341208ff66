import { createHmac } from "node:crypto";
import { inspect } from "node:util";
import { Code } from "@connectrpc/connect";
import { errorReason, type Logger } from "@weft/mesh";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type AuthFixture, type AuthInstance, startAuthFixture } from "./auth-fixture.ts";
import {
  clientSecret,
  redirectUri,
  type ScriptedProvider,
  settingsOf,
  startScriptedProvider,
  type TokenScript,
} from "./openid-server.ts";

/*
 * What comes back from a provider, or seems to, and must not log anybody in.
 */

let fixture: AuthFixture;
let auth: AuthInstance;
let acme: ScriptedProvider;
let corp: ScriptedProvider;
let logged = "";
const remember = (...said: unknown[]): void => {
  // Causes, too, and whatever a logger might dig out of an error.
  logged += inspect(said, { depth: 10, showHidden: true });
};
const levels = { trace: remember, debug: remember, info: remember, warn: remember, error: remember, fatal: remember };
const logger = { ...levels, child: () => logger } as unknown as Logger;

const env = () => ({
  WEFT_OIDC_PROVIDERS: "acme,corp",
  WEFT_OIDC_REDIRECT_URIS: `${redirectUri},https://weft.example.org/other`,
  ...settingsOf("acme", acme.issuer),
  ...settingsOf("corp", corp.issuer),
});

beforeAll(async () => {
  [fixture, acme, corp] = await Promise.all([startAuthFixture(), startScriptedProvider(), startScriptedProvider()]);
  auth = await fixture.instance({ env: env(), logger });
});
afterAll(async () => {
  await fixture.close();
  await Promise.all([acme.close(), corp.close()]);
});
beforeEach(() => {
  acme.requests.length = 0;
  corp.requests.length = 0;
});

const begin = (provider = "acme") => auth.providers.beginProviderLogin({ provider, redirectUri });
const finish = (loginState: string, answer: object) => auth.providers.finishProviderLogin({ loginState, answer });
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => "logged in",
    (error: unknown) => `${Code[(error as { code: Code }).code]} ${errorReason(error)}`,
  );
const stateRefused = "PermissionDenied LOGIN_STATE_REFUSED";
const refused = "PermissionDenied PROVIDER_REFUSED";
let subjects = 0;
const somebody = (): TokenScript => {
  subjects += 1;
  return { claims: { sub: `s${subjects}`, email: `s${process.pid}x${subjects}@example.org` } };
};
const reasons = async () => {
  const text =
    "SELECT facts->>'reason' AS reason FROM security_events WHERE event = 'provider_login_failed' ORDER BY id";
  return (await fixture.database.query<{ reason: string }>(text)).map(({ reason }) => reason);
};

describe("a login through a provider", () => {
  test("ASVS 10.2.3: asks for a code with a proof key, a state and a nonce, for the redirect address given", async () => {
    const { searchParams } = new URL((await begin()).authorizationUrl);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: "code",
      client_id: "weft",
      scope: "openid email profile",
      redirect_uri: redirectUri,
      code_challenge_method: "S256",
    });
    for (const name of ["state", "nonce", "code_challenge"]) expect(searchParams.get(name)).toHaveLength(43);
    const other = new URL((await begin()).authorizationUrl).searchParams;
    for (const name of ["state", "nonce", "code_challenge"]) expect(other.get(name)).not.toBe(searchParams.get(name));
  });

  test("ASVS 10.2.1: works once, and with its own state only", async () => {
    const { authorizationUrl, loginState } = await begin();
    const answer = acme.answer(authorizationUrl, somebody());
    expect(await outcome(finish(loginState, { ...answer, state: "another" }))).toBe(stateRefused);
    expect(await outcome(finish("another", answer))).toBe(stateRefused);
    expect(acme.requests.filter((request) => request.includes("token"))).toEqual([]);
    expect(await outcome(finish(loginState, answer))).toBe("logged in");
    expect(await outcome(finish(loginState, answer))).toBe(stateRefused);
  });

  test("of two that finish at once, one gets in", async () => {
    const { authorizationUrl, loginState } = await begin();
    const answer = acme.answer(authorizationUrl, somebody());
    const both = [outcome(finish(loginState, answer)), outcome(finish(loginState, answer))];
    expect((await Promise.all(both)).sort()).toEqual([stateRefused, "logged in"]);
  });

  test("ASVS 10.1.2: is not finished in another browser, whatever that is sent", async () => {
    const [victim, attacker] = [await begin(), await begin()];
    const attackers = acme.answer(attacker.authorizationUrl, somebody());
    expect(await outcome(finish(victim.loginState, attackers))).toBe(stateRefused);
  });

  test("ASVS 10.1.2, 10.5.1: with the code of another login is refused by its nonce", async () => {
    const [mine, other] = [await begin(), await begin()];
    const answer = acme.answer(other.authorizationUrl, somebody());
    const { state } = acme.answer(mine.authorizationUrl);
    expect(await outcome(finish(mine.loginState, { ...answer, state }))).toBe(refused);
  });

  test("is too old after ten minutes, and what is left of it is removed", async () => {
    const { authorizationUrl, loginState } = await begin();
    await fixture.clock.advance(10 * 60_000 + 1);
    expect(await outcome(finish(loginState, acme.answer(authorizationUrl, somebody())))).toBe(stateRefused);
    await auth.auth.upkeep.find(({ name }) => name === "old-provider-logins")?.run();
    expect(await fixture.database.query("SELECT 1 FROM provider_logins")).toEqual([]);
  });

  test("ASVS 10.2.2: gives no code to the provider whose name it does not carry", async () => {
    const { authorizationUrl, loginState } = await begin("acme");
    const answer = acme.answer(authorizationUrl, somebody());
    expect(await outcome(finish(loginState, { ...answer, iss: corp.issuer }))).toBe(refused);
    const requests = [...acme.requests, ...corp.requests].filter((request) => request.includes("token"));
    expect(requests).toEqual([]);
  });

  test("ASVS 10.2.2: misses the name of a provider that promised it", async () => {
    corp.metadata = { authorization_response_iss_parameter_supported: true };
    const { authorizationUrl, loginState } = await begin("corp");
    const answer = corp.answer(authorizationUrl, somebody());
    expect(await outcome(finish(loginState, { ...answer, iss: "" }))).toBe(refused);
    corp.metadata = {};
  });

  test("ASVS 6.8.1, 10.5.2: of one subject at two providers is of two people", async () => {
    const userAt = async (provider: "acme" | "corp", email: string) => {
      const { authorizationUrl, loginState } = await begin(provider);
      const at = provider === "acme" ? acme : corp;
      const answer = at.answer(authorizationUrl, { claims: { sub: "the same", email } });
      return (await finish(loginState, answer)).login?.user?.id;
    };
    const ada = await userAt("acme", `ada${process.pid}@example.org`);
    expect(await userAt("corp", `eve${process.pid}@example.org`)).not.toBe(ada);
    expect(await userAt("acme", `eve${process.pid}@example.org`)).toBe(ada);
  });

  test("that the provider refuses is over", async () => {
    const { authorizationUrl, loginState } = await begin();
    const answer = acme.answer(authorizationUrl, somebody());
    expect(await outcome(finish(loginState, { ...answer, code: "", error: "access_denied" }))).toBe(refused);
    expect(await outcome(finish(loginState, answer))).toBe(stateRefused);
  });

  const now = Math.floor(Date.now() / 1000);
  const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  test.each<[string, () => TokenScript]>([
    ["for another client", () => ({ claims: { aud: "another" } })],
    [
      "for another client, too, and made for that one",
      () => ({ claims: { aud: ["weft", "another"], azp: "another" } }),
    ],
    ["of another issuer", () => ({ claims: { iss: corp.issuer } })],
    ["with another nonce", () => ({ claims: { nonce: "another" } })],
    ["without a nonce", () => ({ claims: { nonce: undefined } })],
    ["that has expired", () => ({ claims: { exp: now - 3600, iat: now - 7200 } })],
    ["without an end", () => ({ claims: { exp: "never" as unknown as number } })],
    ["with a key that is not the provider's", () => ({ foreignKey: true })],
    ["without a subject", () => ({ claims: { sub: "" } })],
    ["that is none", () => ({ idToken: "nothing" })],
  ])("ASVS 6.8.2, 10.5.1, 10.5.4: is refused with an ID token %s", async (_what, script) => {
    const { authorizationUrl, loginState } = await begin();
    expect(await outcome(finish(loginState, acme.answer(authorizationUrl, script())))).toBe(refused);
  });

  test.each(["none", "HS256"])(
    "ASVS 6.8.2: is refused with an ID token of the algorithm %s, even if that is announced",
    async (alg) => {
      acme.metadata = { id_token_signing_alg_values_supported: ["ES256", alg] };
      const fresh = await fixture.instance({ env: env(), logger });
      const begun = await fresh.providers.beginProviderLogin({ provider: "acme", redirectUri });
      const nonce = new URL(begun.authorizationUrl).searchParams.get("nonce");
      const claims = {
        iss: acme.issuer,
        sub: "x",
        aud: "weft",
        nonce,
        iat: now,
        exp: now + 600,
        email: "x@example.org",
      };
      const body = `${base64url({ alg })}.${base64url(claims)}`;
      const mac = createHmac("sha256", clientSecret).update(body).digest("base64url");
      const idToken = `${body}.${alg === "none" ? "" : mac}`;
      const answer = acme.answer(begun.authorizationUrl, { idToken });
      expect(await outcome(fresh.providers.finishProviderLogin({ loginState: begun.loginState, answer }))).toBe(
        refused,
      );
      acme.metadata = {};
    },
  );

  test("ASVS 10.5.3: does not take a description that names plain addresses elsewhere, or another issuer, or is endless", async () => {
    for (const metadata of [
      { token_endpoint: "http://192.0.2.1/token" },
      { jwks_uri: "file:///etc/passwd" },
      { issuer: corp.issuer },
      { authorization_endpoint: "javascript:alert(1)" },
      { padding: "x".repeat(1 << 20) },
    ]) {
      acme.metadata = metadata;
      const fresh = await fixture.instance({ env: env(), logger });
      const call = fresh.providers.beginProviderLogin({ provider: "acme", redirectUri });
      expect(await outcome(call)).toBe("Unavailable PROVIDER_UNAVAILABLE");
    }
    acme.metadata = {};
  });

  test("is unavailable with a provider that is away, with that one only, and comes back with it", async () => {
    const gone = await startScriptedProvider();
    await gone.close();
    const fresh = await fixture.instance({ env: { ...env(), ...settingsOf("acme", gone.issuer) }, logger });
    const call = (provider: string) => fresh.providers.beginProviderLogin({ provider, redirectUri });
    expect(await outcome(call("acme"))).toBe("Unavailable PROVIDER_UNAVAILABLE");
    expect(await outcome(call("corp"))).toBe("logged in");
    const { authorizationUrl, loginState } = await begin();
    expect(await outcome(finish(loginState, acme.answer(authorizationUrl, { status: 503 })))).toBe(
      "Unavailable PROVIDER_UNAVAILABLE",
    );
    expect(await outcome(begin())).toBe("logged in");
  });

  test("asks nothing at a plain address that is not this machine's own, whatever the description says", async () => {
    // The same machine, by a name that is not one of those that are let through.
    const elsewhere = acme.issuer.replace("127.0.0.1", "[::ffff:7f00:1]");
    acme.metadata = { userinfo_endpoint: `${elsewhere}/userinfo` };
    const fresh = await fixture.instance({ env: env(), logger });
    const { authorizationUrl, loginState } = await fresh.providers.beginProviderLogin({
      provider: "acme",
      redirectUri,
    });
    const answer = acme.answer(authorizationUrl, { claims: { sub: "no address", email: undefined } });
    const finished = fresh.providers.finishProviderLogin({ loginState, answer });
    expect(await outcome(finished)).toBe("Unavailable PROVIDER_UNAVAILABLE");
    expect(acme.requests.filter((request) => request.includes("userinfo"))).toEqual([]);
    acme.metadata = {};
  });

  test("goes on with an old description while there is no new one", async () => {
    const fresh = await fixture.instance({ env: env(), logger });
    const asked = () => acme.requests.filter((request) => request.includes("well-known")).length;
    const call = () => outcome(fresh.providers.beginProviderLogin({ provider: "acme", redirectUri }));
    expect(await call()).toBe("logged in");
    await fixture.clock.advance(3_600_000);
    acme.metadata = { issuer: corp.issuer };
    expect([await call(), await call(), asked()]).toEqual(["logged in", "logged in", 2]);
    acme.metadata = {};
    await fixture.clock.advance(60_000);
    expect([await call(), await call(), asked()]).toEqual(["logged in", "logged in", 3]);
  });

  test("asks for the description once, however many begin", async () => {
    const fresh = await fixture.instance({ env: env(), logger });
    await Promise.all([1, 2, 3].map(() => fresh.providers.beginProviderLogin({ provider: "acme", redirectUri })));
    expect(acme.requests.filter((request) => request.includes("well-known"))).toHaveLength(1);
  });

  test("ASVS 16.2.5: leaves why it failed in the trail, and no secret in the log or in the database", async () => {
    const { authorizationUrl, loginState } = await begin();
    const answer = acme.answer(authorizationUrl, { foreignKey: true });
    const verifierless = await fixture.database.query<{ row: string }>("SELECT l::text AS row FROM provider_logins l");
    expect(await outcome(finish(loginState, answer))).toBe(refused);
    expect((await reasons()).at(-1)).not.toBe("");
    expect(logged).toContain("provider_login_failed");
    const { searchParams } = new URL(authorizationUrl);
    const secrets = [
      clientSecret,
      loginState,
      answer.code,
      answer.state,
      searchParams.get("nonce") ?? "",
      "an access token",
    ];
    for (const secret of secrets) {
      expect(logged).not.toContain(secret);
      for (const { row } of verifierless) expect(row).not.toContain(secret);
    }
    expect(logged).not.toMatch(/eyJ[\w-]+\.eyJ/);
  });
});
