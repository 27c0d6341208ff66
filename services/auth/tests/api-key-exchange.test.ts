/** The exchange of API keys as the gateway does it, against the auth service it asks. */
import { type ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { errorReason } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { apiKeyFrom } from "../src/verifier/api-key-format.ts";
import {
  type ApiKeyExchange,
  createApiKeyExchange,
  createTokenVerifier,
  type TokenVerifier,
} from "../src/verifier/index.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { away } from "./scripted-user-service.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let exchange: ApiKeyExchange;
/** The keys the auth service was asked about, and whether it answers. */
let asked: string[] = [];
let reachable = true;
/** Of whoever makes keys. */
let owner: ReturnType<typeof bearer>;

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance();
  owner = bearer((await auth.account.signup(freshSignup())).accessToken);
});
afterAll(() => fixture?.close());

const router = createRouterTransport(({ service }) =>
  service(AuthService, {
    exchangeApiKey: (request, context) => {
      asked.push(request.apiKey);
      return reachable ? auth.service.exchangeApiKey(request, { headers: context.requestHeader }) : away();
    },
  }),
);
beforeEach(() => {
  asked = [];
  reachable = true;
  exchange = createApiKeyExchange({ client: createClient(AuthService, router), clock: fixture.clock });
});

const from = (address: string) => ({ address, userAgent: "a test" });
const tokenOf = (key: string, address = "192.0.2.1") => exchange.accessToken(key, from(address));
const outcome = (key: string, address?: string) =>
  tokenOf(key, address).then(
    () => "accepted",
    (error: unknown) => errorReason(error),
  );
async function made(expiresInDays = 0, scopes = ["projects.read"]) {
  const { secret, apiKey } = await auth.apiKeys.createApiKey({ name: "ci", scopes, expiresInDays }, owner);
  return { key: secret, keyId: apiKey?.id ?? "" };
}
let unknownKeys = 0;
const unknownKey = () => {
  unknownKeys += 1;
  return apiKeyFrom(Buffer.alloc(16, 7), Buffer.alloc(32, unknownKeys)).key;
};

describe("the exchange of API keys", () => {
  test("asks once for all who call, and again when most of the token's life is over", async () => {
    const { key } = await made();
    const tokens = await Promise.all([tokenOf(key), tokenOf(key), tokenOf(key)]);
    expect(new Set(tokens).size).toBe(1);
    await fixture.clock.advance(209_000);
    expect(await tokenOf(key)).toBe(tokens[0]);
    expect(asked).toHaveLength(1);
    await fixture.clock.advance(2_000);
    expect(await tokenOf(key)).not.toBe(tokens[0]);
    expect(asked).toHaveLength(2);
  });

  test("ASVS 16.5.3: serves the token it has to its end while the auth service is away, and then nothing", async () => {
    const { key } = await made();
    const token = await tokenOf(key);
    reachable = false;
    await fixture.clock.advance(299_000);
    expect(await tokenOf(key)).toBe(token);
    await fixture.clock.advance(1_000);
    expect(await outcome(key)).toBe("AUTH_UNAVAILABLE");
    expect(await outcome(unknownKey())).toBe("AUTH_UNAVAILABLE");
    reachable = true;
    expect(await outcome(key)).toBe("accepted");
  });

  test("refuses as tokens are refused, without asking again for five seconds, and misspelt keys without asking", async () => {
    owner = bearer((await auth.account.signup(freshSignup())).accessToken);
    const [revoked, short, unknown] = [await made(), await made(1), unknownKey()];
    await auth.apiKeys.revokeApiKey({ keyId: revoked.keyId }, owner);
    await fixture.clock.advance(24 * 3_600_000);
    const reasons = async () => [await outcome(unknown), await outcome(revoked.key), await outcome(short.key)];
    expect(await reasons()).toEqual(["TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"]);
    expect(await reasons()).toEqual(["TOKEN_INVALID", "TOKEN_REVOKED", "TOKEN_EXPIRED"]);
    expect(asked).toHaveLength(3);
    expect([await outcome(`${unknown}x`), await outcome("weft_"), asked.length]).toEqual([
      "TOKEN_INVALID",
      "TOKEN_INVALID",
      3,
    ]);
    await fixture.clock.advance(5_000);
    await reasons();
    expect(asked).toHaveLength(6);
    owner = bearer((await auth.account.signup(freshSignup())).accessToken);
  });

  test("has a network that guesses wait without asking, and no other", async () => {
    const { key } = await made();
    const guess = () => tokenOf(unknownKey(), "203.0.113.1").catch((error: unknown) => error as ConnectError);
    let answer = await guess();
    for (let tries = 0; tries < 200 && errorReason(answer) === "TOKEN_INVALID"; tries += 1) {
      answer = await guess();
    }
    expect(errorReason(answer)).toBe("TOO_MANY_ATTEMPTS");
    expect((answer as ConnectError).metadata.get("retry-after")).toBe("1");
    const before = asked.length;
    expect([await outcome(unknownKey(), "203.0.113.1"), asked.length]).toEqual(["TOO_MANY_ATTEMPTS", before]);
    expect(await outcome(key, "203.0.113.2")).toBe("accepted");
    await fixture.clock.advance(1_000);
    expect(await outcome((await made()).key, "203.0.113.1")).toBe("accepted");
  });

  test("gives tokens whose end every verifier hears of, and reads scopes from as the auth service does", async () => {
    const { pubsub, redis, service: client } = auth;
    const verifiers = [1, 2].map(() =>
      createTokenVerifier({ client, pubsub, redis, clock: fixture.clock, logger: silentLogger }),
    );
    try {
      await Promise.all(verifiers.map(({ started }) => started));
      await auth.auth.revocations.beat();
      await until("the verifiers are live", () => verifiers.every(({ live }) => live));
      const all = ["profile.read", "projects.read", "projects.write", "simulations.run", "notifications.read"];
      for (let subset = 1; subset < 2 ** all.length; subset += 3) {
        const scopes = all.filter((_, at) => (subset >> at) % 2 === 1);
        const { key, keyId } = await made(0, scopes);
        const token = await tokenOf(key);
        const { principal } = await auth.service.validateToken({ token });
        const { expiresAtMs: _, ...local } = await (verifiers[0] as TokenVerifier).verify(token);
        expect(principal).toMatchObject(local);
        expect(local).toMatchObject({ sessionId: keyId, scopes });
      }
      const { key, keyId } = await made();
      const token = await tokenOf(key);
      expect(await Promise.all(verifiers.map((verifier) => verifier.verify(token)))).toHaveLength(2);
      await auth.apiKeys.revokeApiKey({ keyId }, owner);
      for (const verifier of verifiers) {
        const refused = () => verifier.verify(token).then(() => "accepted", errorReason);
        await until("it is refused", async () => (await refused()) === "TOKEN_REVOKED");
      }
    } finally {
      await Promise.all(verifiers.map((verifier) => verifier.close()));
    }
  });
});
