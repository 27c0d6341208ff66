import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client, ConnectError } from "@connectrpc/connect";
import { errorMetadata, errorReason, type Logger } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import type { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Mail } from "../src/domain/mails.ts";
import { apiKeyFrom } from "../src/verifier/api-key-format.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { away } from "./scripted-user-service.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let keys: Client<typeof ApiKeyService>;
const mails: Mail[] = [];
/** Every line the service logs. */
const lines: string[] = [];
const write = (...said: readonly unknown[]) => void lines.push(JSON.stringify(said));
const logger = { debug: write, info: write, warn: write, error: write } as unknown as Logger;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance({ mailer: { send: async (mail) => void mails.push(mail) }, logger });
  keys = auth.apiKeys;
  await auth.auth.startMail();
});
afterAll(() => fixture?.close());

const dayMs = 24 * 3_600_000;
const outcome = (call: Promise<unknown>) =>
  call.then(
    () => "done",
    (error: unknown) => errorReason(error),
  );
const exchange = (apiKey: string, address = "192.0.2.1") =>
  auth.service.exchangeApiKey({ apiKey }, { headers: { "x-forwarded-for": address } });
const stateOf = async (token: string) => (await auth.service.validateToken({ token })).reason || "valid";
const eventsOf = async (accessToken: string) =>
  (await auth.account.listSecurityEvents({}, bearer(accessToken))).events.map(({ event }) => event);

async function signedUp() {
  const signup = freshSignup();
  const { accessToken, user } = await auth.account.signup(signup);
  const as = bearer(accessToken);
  const make = async (wanted: { scopes?: string[]; expiresInDays?: number; serviceAccountId?: string } = {}) =>
    keys.createApiKey({ name: "ci", scopes: ["projects.read"], ...wanted }, as);
  return { ...signup, accessToken, userId: user?.id ?? "", as, make };
}

describe("an API key", () => {
  test("is shown once, stored as a hash, and listed without its secret", async () => {
    const { make, as } = await signedUp();
    const { apiKey, secret } = await make({ scopes: ["projects.read", "simulations.run"] });
    expect(secret).toContain(`weft_${apiKey?.id}_`);
    const listed = await keys.listApiKeys({}, as);
    expect(listed.apiKeys).toMatchObject([
      { id: apiKey?.id, name: "ci", scopes: ["projects.read", "simulations.run"] },
    ]);
    expect(listed.apiKeys[0]?.lastUsedAt).toBeUndefined();
    const random = secret.slice(secret.lastIndexOf("_") + 1);
    const rows = await fixture.database.query("SELECT k::text AS row FROM api_keys k");
    expect(JSON.stringify([rows, listed.apiKeys.map(({ name }) => name)])).not.toContain(random);
    await exchange(secret);
    expect(lines.join("\n")).not.toContain(random);
    expect(lines.join("\n")).toContain("api_key_created");
  });

  test("lives 90 days unless said, and a year at the most", async () => {
    const { make } = await signedUp();
    const lifeOf = async (expiresInDays?: number) => {
      const { apiKey } = await make(expiresInDays === undefined ? {} : { expiresInDays });
      return ((apiKey?.expiresAt && timestampMs(apiKey.expiresAt)) ?? 0) - fixture.clock.now();
    };
    expect(await Promise.all([lifeOf(), lifeOf(1), lifeOf(365), lifeOf(366)])).toEqual(
      [90, 1, 365, 365].map((days) => days * dayMs),
    );
  });

  test("is exchanged for a token that both verifiers read alike: its user, its scopes, its id as the session", async () => {
    const { make, userId, username } = await signedUp();
    const { apiKey, secret } = await make({ scopes: ["projects.read", "projects.write"] });
    const { accessToken, expiresAt, reason } = await exchange(secret);
    expect(reason).toBe("");
    expect(expiresAt && timestampMs(expiresAt)).toBe(fixture.clock.now() + 300_000);
    const { valid, principal } = await auth.service.validateToken({ token: accessToken });
    expect(valid).toBe(true);
    expect(principal).toMatchObject({
      userId,
      username,
      sessionId: apiKey?.id,
      roles: ["user"],
      scopes: ["projects.read", "projects.write"],
    });
  });

  test("ASVS 8.3.3: has what its scopes name of what its user may, and nothing without a scope", async () => {
    const { make } = await signedUp();
    const reader = await exchange((await make({ scopes: ["profile.read"] })).secret);
    expect(await outcome(auth.account.getProfile({}, bearer(reader.accessToken)))).toBe("done");
    const other = await exchange((await make({ scopes: ["projects.write"] })).secret);
    const refused = (await auth.account
      .getProfile({}, bearer(other.accessToken))
      .catch((error: unknown) => error)) as ConnectError;
    expect([errorReason(refused), errorMetadata(refused)]).toEqual(["SCOPE_MISSING", { scope: "profile.read" }]);
    const every = await make({ scopes: ["profile.read", "projects.read", "projects.write", "simulations.run"] });
    const as = bearer((await exchange(every.secret)).accessToken);
    const closed = [
      auth.account.listSessions({}, as),
      auth.account.endOtherSessions({}, as),
      auth.account.changePassword({ oldPassword: "x", newPassword: "a staple of another kind" }, as),
      auth.account.deleteAccount({ password: "x" }, as),
      keys.createApiKey({ name: "more", scopes: ["projects.read"] }, as),
      keys.listApiKeys({}, as),
      keys.createServiceAccount({ name: "robot" }, as),
    ];
    expect(new Set(await Promise.all(closed.map(outcome)))).toEqual(new Set(["SESSION_NEEDED"]));
  });

  test("that is unknown, misspelt, revoked or expired gives no token, and says which as tokens do", async () => {
    const { make, as } = await signedUp();
    const { secret } = await make();
    const { secret: short } = await make({ expiresInDays: 1 });
    const { apiKey, secret: revoked } = await make();
    await keys.revokeApiKey({ keyId: apiKey?.id ?? "" }, as);
    await fixture.clock.advance(dayMs);
    const unknown = apiKeyFrom(Buffer.alloc(16, 1), Buffer.alloc(32, 2)).key;
    const asked = [unknown, `${secret.slice(0, -1)}!`, revoked, short].map((key) => exchange(key));
    expect((await Promise.all(asked)).map(({ reason, accessToken }) => [reason, accessToken])).toEqual([
      ["bad_signature", ""],
      ["bad_signature", ""],
      ["revoked", ""],
      ["expired", ""],
    ]);
  });

  test("gives no token that outlives it", async () => {
    const { make } = await signedUp();
    const { secret, apiKey } = await make({ expiresInDays: 1 });
    await fixture.clock.advance(dayMs - 60_000);
    const { accessToken, expiresAt } = await exchange(secret);
    expect(expiresAt).toEqual(apiKey?.expiresAt);
    await fixture.clock.advance(60_000);
    expect(await stateOf(accessToken)).toBe("expired");
  });

  test("that is revoked takes its tokens along, in the index of ended sessions and without it", async () => {
    const { make, as } = await signedUp();
    const { apiKey, secret } = await make();
    const keyId = apiKey?.id ?? "";
    const { accessToken } = await exchange(secret);
    expect(await outcome(keys.revokeApiKey({ keyId }, as))).toBe("done");
    expect(await stateOf(accessToken)).toBe("revoked");
    expect(await auth.redis.commands.get(`auth:revoked:${keyId}`)).toBe("1");
    await auth.redis.commands.flushall();
    await auth.auth.revocations.beat();
    expect(await auth.redis.commands.zscore("auth:revocations:index", keyId)).not.toBeNull();
    expect(await outcome(keys.revokeApiKey({ keyId }, as))).toBe("done");
    expect((await keys.listApiKeys({}, as)).apiKeys).toEqual([]);
  });

  test("ASVS 8.2.2: of another user is not found, in the words for one that never was", async () => {
    const [mine, theirs] = [await signedUp(), await signedUp()];
    const { apiKey, secret } = await theirs.make();
    const answers = await Promise.all(
      [apiKey?.id ?? "", "0000000000000000000000"].map((keyId) =>
        keys.revokeApiKey({ keyId }, mine.as).catch((error: unknown) => String(error)),
      ),
    );
    expect(answers[0]).toBe(answers[1]);
    expect((await exchange(secret)).reason).toBe("");
  });

  test("takes the password to be made once the login is ten minutes old, and none to be revoked", async () => {
    const { make, as, password } = await signedUp();
    const { apiKey } = await make();
    await fixture.clock.advance(600_001);
    const wanted = { name: "late", scopes: ["projects.read"] };
    expect(await outcome(keys.createApiKey(wanted, as))).toBe("REAUTHENTICATION_NEEDED");
    expect(await outcome(keys.createApiKey({ ...wanted, password: "wrong" }, as))).toBe("PASSWORD_WRONG");
    expect(await outcome(keys.createApiKey({ ...wanted, password }, as))).toBe("done");
    expect(await outcome(keys.revokeApiKey({ keyId: apiKey?.id ?? "" }, as))).toBe("done");
  });

  test("is told of by mail and in the trail, as is its first use from a network", async () => {
    const { make, as, email, accessToken } = await signedUp();
    const { apiKey, secret } = await make();
    await exchange(secret, "192.0.2.7");
    await fixture.clock.advance(61_000);
    await exchange(secret, "192.0.2.7");
    await exchange(secret, "192.0.2.8");
    const { apiKeys } = await keys.listApiKeys({}, as);
    expect(apiKeys[0]?.lastUsedAt && timestampMs(apiKeys[0].lastUsedAt)).toBe(fixture.clock.now());
    await keys.revokeApiKey({ keyId: apiKey?.id ?? "" }, as);
    expect(await eventsOf(accessToken)).toEqual([
      "api_key_revoked",
      "api_key_used_from_new_network",
      "api_key_used_from_new_network",
      "api_key_created",
      "signed_up",
    ]);
    await until("the mail is there", () =>
      mails.some(({ to, subject }) => to === email && subject === "A new API key"),
    );
  });

  test("ASVS 2.3.4: is one of fifty at the most, however many are asked for at once", async () => {
    const { make, as } = await signedUp();
    const asked = await Promise.all(Array.from({ length: 55 }, () => outcome(make())));
    expect([asked.filter((one) => one === "done").length, asked.filter((one) => one === "TOO_MANY").length]).toEqual([
      50, 5,
    ]);
    const { apiKeys } = await keys.listApiKeys({}, as);
    await keys.revokeApiKey({ keyId: apiKeys[0]?.id ?? "" }, as);
    expect(await outcome(make())).toBe("done");
  });

  test("that does not exist is asked for a hundred times from a network, then has to wait; no other network does", async () => {
    const { make } = await signedUp();
    const { secret } = await make();
    let tries = 0;
    let refused: unknown;
    while (refused === undefined && tries < 200) {
      tries += 1;
      if (tries === 50) {
        // One good key must not buy its network a hundred guesses more.
        expect((await exchange(secret, "198.51.100.1")).reason).toBe("");
      }
      const { key } = apiKeyFrom(Buffer.alloc(16, tries), Buffer.alloc(32, tries));
      refused = await exchange(key, "198.51.100.1").then(
        () => undefined,
        (error: unknown) => error,
      );
    }
    expect([tries, errorReason(refused)]).toEqual([101, "TOO_MANY_ATTEMPTS"]);
    expect((refused as ConnectError).metadata.get("retry-after")).toBe("1");
    expect(await outcome(exchange(secret, "198.51.100.1"))).toBe("TOO_MANY_ATTEMPTS");
    expect((await exchange(secret, "198.51.100.2")).reason).toBe("");
    await fixture.clock.advance(1_000);
    expect((await exchange(secret, "198.51.100.1")).reason).toBe("");
  });
});

describe("a service account", () => {
  test("is a user like others to whoever asks, without the user service", async () => {
    const { as } = await signedUp();
    const { serviceAccount } = await keys.createServiceAccount({ name: "deploy" }, as);
    const userId = serviceAccount?.id ?? "";
    fixture.peer.before.getUserById = away;
    try {
      expect(await auth.service.validateUser({ userId })).toMatchObject({
        valid: true,
        user: { userId, username: "service:deploy", email: "" },
      });
      await auth.service.grantRole({ userId, role: "editor", resource: "project:p1" });
      const may = await auth.service.checkPermission({ userId, permission: "project.write", resource: "project:p1" });
      expect(may).toMatchObject({ allowed: true, role: "editor" });
    } finally {
      delete fixture.peer.before.getUserById;
    }
    expect((await keys.listServiceAccounts({}, as)).serviceAccounts).toMatchObject([{ id: userId, name: "deploy" }]);
  });

  test("acts by its keys alone, which are its owner's to see and to end", async () => {
    const { as, make } = await signedUp();
    const { serviceAccount } = await keys.createServiceAccount({ name: "reader" }, as);
    const id = serviceAccount?.id ?? "";
    const { secret, apiKey } = await make({ serviceAccountId: id, scopes: ["profile.read"] });
    const { accessToken } = await exchange(secret);
    expect((await auth.account.getProfile({}, bearer(accessToken))).user).toMatchObject({
      id,
      username: "service:reader",
    });
    expect((await keys.listApiKeys({}, as)).apiKeys).toMatchObject([{ id: apiKey?.id, serviceAccountId: id }]);
    for (const login of ["service:reader", "reader", id]) {
      expect(await outcome(auth.account.login({ login, password: "anything at all" }))).toBe("LOGIN_FAILED");
    }
  });

  test("ASVS 8.2.2: of another user is not found", async () => {
    const [mine, theirs] = [await signedUp(), await signedUp()];
    const { serviceAccount } = await keys.createServiceAccount({ name: "theirs" }, theirs.as);
    const serviceAccountId = serviceAccount?.id ?? "";
    expect(await outcome(mine.make({ serviceAccountId }))).toBe("SERVICE_ACCOUNT_UNKNOWN");
    expect(await outcome(mine.make({ serviceAccountId: theirs.userId }))).toBe("SERVICE_ACCOUNT_UNKNOWN");
    expect(await outcome(keys.deleteServiceAccount({ serviceAccountId }, mine.as))).toBe("SERVICE_ACCOUNT_UNKNOWN");
    expect(await auth.service.validateUser({ userId: serviceAccountId })).toMatchObject({ valid: true });
  });

  test("takes its keys and its roles along when it is deleted, and its name is free", async () => {
    const { as, make } = await signedUp();
    const { serviceAccount } = await keys.createServiceAccount({ name: "robot" }, as);
    const id = serviceAccount?.id ?? "";
    await auth.service.grantRole({ userId: id, role: "viewer", resource: "project:p2" });
    const { secret } = await make({ serviceAccountId: id });
    const { accessToken } = await exchange(secret);
    expect(await outcome(keys.createServiceAccount({ name: "robot" }, as))).toBe("FIELD_TAKEN");
    await keys.deleteServiceAccount({ serviceAccountId: id }, as);
    expect([await stateOf(accessToken), (await exchange(secret)).reason]).toEqual(["revoked", "revoked"]);
    expect(await auth.service.validateUser({ userId: id })).toMatchObject({ valid: false });
    expect((await auth.service.listGrants({ resource: "project:p2" })).grants).toEqual([]);
    expect(await outcome(keys.createServiceAccount({ name: "robot" }, as))).toBe("done");
  });

  test("is one of twenty at the most, however many are asked for at once", async () => {
    const { as } = await signedUp();
    const make = (_: unknown, at: number) => outcome(keys.createServiceAccount({ name: `robot-${at}` }, as));
    const asked = await Promise.all(Array.from({ length: 22 }, make));
    expect(asked.filter((one) => one === "TOO_MANY")).toHaveLength(2);
  });

  test("ASVS 7.4.2: ends with its owner's account, and so do all keys", async () => {
    const { as, make, password } = await signedUp();
    const { serviceAccount } = await keys.createServiceAccount({ name: "orphan" }, as);
    const id = serviceAccount?.id ?? "";
    const secrets = [(await make()).secret, (await make({ serviceAccountId: id })).secret];
    const tokens = await Promise.all(secrets.map(async (secret) => (await exchange(secret)).accessToken));
    await auth.account.deleteAccount({ password }, as);
    expect(await Promise.all(tokens.map(stateOf))).toEqual(["revoked", "revoked"]);
    expect((await Promise.all(secrets.map((secret) => exchange(secret)))).map(({ reason }) => reason)).toEqual([
      "revoked",
      "revoked",
    ]);
    expect(await auth.service.validateUser({ userId: id })).toMatchObject({ valid: false });
  });
});
