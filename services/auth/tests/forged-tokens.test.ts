/**
 * One corpus of bad tokens, put to both who answer about tokens: the auth service itself and the local verifier. Each must
 * refuse, and for the same reason. The forger knows everything public, and in some rows even the private key, to show
 * that the rules about form hold beyond the signature.
 */
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { errorReason } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { type CryptoKey, exportJWK, importJWK, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createKeySealing } from "../src/adapters/key-sealing.ts";
import { createTokenVerifier, type TokenVerifier } from "../src/verifier/index.ts";
import { type AuthFixture, type AuthInstance, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let verifier: TokenVerifier;
/** A good token in its parts, and the key that signed it. */
let genuine: { token: string; header: Record<string, unknown>; claims: Record<string, unknown> };
let signingJwk: JWK;

const keySecret = "known to this test";

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance({ keySecret });
  const { accessToken } = await auth.account.signup(freshSignup());
  const [header, claims] = accessToken.split(".").map((part) => Buffer.from(part, "base64url").toString());
  genuine = { token: accessToken, header: JSON.parse(header ?? ""), claims: JSON.parse(claims ?? "") };
  const [row] = await fixture.database.query<{ kid: string; sealed_private_jwk: Buffer }>(
    "SELECT kid, sealed_private_jwk FROM signing_keys",
  );
  signingJwk = JSON.parse(
    createKeySealing(keySecret).open(row?.kid ?? "", row?.sealed_private_jwk ?? new Uint8Array()),
  );
  const { pubsub, redis } = auth;
  verifier = createTokenVerifier({ client: auth.service, pubsub, redis, clock: fixture.clock, logger: silentLogger });
  await verifier.started;
  await auth.auth.revocations.beat();
  await vi.waitUntil(() => verifier.live);
});
afterAll(async () => {
  await verifier?.close();
  await fixture?.close();
});

const encode = (part: string) => Buffer.from(part).toString("base64url");
const signed = async (header: string, payload: string): Promise<string> => {
  const input = `${encode(header)}.${encode(payload)}`;
  const key = (await importJWK(signingJwk, "EdDSA")) as CryptoKey;
  const signature = await crypto.subtle.sign("Ed25519", key, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString("base64url")}`;
};
const withHeader = (changes: Record<string, unknown>) =>
  signed(JSON.stringify({ ...genuine.header, ...changes }), JSON.stringify(genuine.claims));
const withClaims = (changes: Record<string, unknown>) =>
  signed(JSON.stringify(genuine.header), JSON.stringify({ ...genuine.claims, ...changes }));
const parts = () => genuine.token.split(".") as [string, string, string];
const nowSeconds = () => Math.floor(fixture.clock.now() / 1000);
const publicJwk = async () => {
  const { keys } = await auth.service.getJwks({});
  return keys[0];
};

type Forgery = readonly [what: string, reason: string, make: () => string | Promise<string>];

const corpus: readonly Forgery[] = [
  ["nothing that looks like a token", "malformed", () => "garbage"],
  ["three empty parts", "malformed", () => ".."],
  ["bytes that are no text", "malformed", () => `${Buffer.from([0xff, 0xfe]).toString("base64url")}.e30.AA`],
  ["four parts", "malformed", () => `${genuine.token}.AA`],
  ["a header that is an array", "malformed", () => signed("[]", JSON.stringify(genuine.claims))],
  [
    "no signature at all (alg none)",
    "bad_signature",
    () => `${encode(JSON.stringify({ ...genuine.header, alg: "none" }))}.${parts()[1]}.`,
  ],
  [
    "alg none in other letters",
    "bad_signature",
    () => `${encode(JSON.stringify({ ...genuine.header, alg: "nOnE" }))}.${parts()[1]}.AA`,
  ],
  [
    "HS256 with the public key as its secret",
    "bad_signature",
    async () => {
      const input = `${encode(JSON.stringify({ ...genuine.header, alg: "HS256" }))}.${parts()[1]}`;
      const secret = Buffer.from((await publicJwk())?.x ?? "", "base64url");
      return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
    },
  ],
  [
    "a key of the forger's own, embedded as jwk",
    "malformed",
    async () => {
      const { privateKey, publicKey } = generateKeyPairSync("ed25519");
      const header = { ...genuine.header, jwk: await exportJWK(publicKey) };
      const input = `${encode(JSON.stringify(header))}.${parts()[1]}`;
      return `${input}.${sign(null, Buffer.from(input), privateKey).toString("base64url")}`;
    },
  ],
  ["a jku beside a good signature", "malformed", () => withHeader({ jku: "http://127.0.0.1/keys" })],
  ["a crit extension beside a good signature", "malformed", () => withHeader({ crit: ["exp"] })],
  [
    "another key under the known id",
    "bad_signature",
    () => {
      const input = parts().slice(0, 2).join(".");
      return `${input}.${sign(null, Buffer.from(input), generateKeyPairSync("ed25519").privateKey).toString("base64url")}`;
    },
  ],
  [
    "claims that were changed",
    "bad_signature",
    () => `${parts()[0]}.${encode(JSON.stringify({ ...genuine.claims, roles: ["admin"] }))}.${parts()[2]}`,
  ],
  ["a signature that was cut", "bad_signature", () => genuine.token.slice(0, -4)],
  ["a key id that is a path", "bad_signature", () => withHeader({ kid: "../../../../dev/null" })],
  ["a key id that is SQL", "bad_signature", () => withHeader({ kid: "x' OR '1'='1" })],
  ["a key id that is a property of every object", "bad_signature", () => withHeader({ kid: "__proto__" })],
  ["a key id that is no text", "malformed", () => withHeader({ kid: { $ne: "" } })],
  ["another type of token", "wrong_type", () => withHeader({ typ: "JWT" })],
  ["another audience", "wrong_audience", () => withClaims({ aud: "elsewhere" })],
  ["several audiences", "wrong_audience", () => withClaims({ aud: ["weft", "elsewhere"] })],
  ["another issuer", "wrong_audience", () => withClaims({ iss: "elsewhere" })],
  ["an expiry one second ago", "expired", () => withClaims({ exp: nowSeconds() - 1 })],
  ["an expiry now", "expired", () => withClaims({ exp: nowSeconds() })],
  ["a start one second ahead", "not_yet_valid", () => withClaims({ nbf: nowSeconds() + 1 })],
  ["no expiry", "malformed", () => withClaims({ exp: undefined })],
  ["an expiry that is no number", "malformed", () => withClaims({ exp: "9999999999" })],
  ["no subject", "malformed", () => withClaims({ sub: undefined })],
  ["no session", "malformed", () => withClaims({ sid: undefined })],
  ["roles that are no list", "malformed", () => withClaims({ roles: "admin" })],
  [
    "the same claim twice",
    "malformed",
    () =>
      signed(JSON.stringify(genuine.header), JSON.stringify(genuine.claims).replace("{", '{"sub":"somebody-else",')),
  ],
  ["claims that are no object", "malformed", () => signed(JSON.stringify(genuine.header), '"sub"')],
  ["more characters than any token has", "malformed", () => withClaims({ username: "x".repeat(8192) })],
  ["a session that nobody opened", "revoked", () => withClaims({ sid: "00000000-0000-4000-8000-000000000000" })],
];

/** The one thing a local look cannot know; the service's own answer stands for both. */
const onlyTheServiceKnows = new Set(["a session that nobody opened"]);

const publicReasons: Record<string, string> = { expired: "TOKEN_EXPIRED", revoked: "TOKEN_REVOKED" };

describe("a token", () => {
  test("that is genuine is accepted by both, with the same principal", async () => {
    const { valid, principal } = await auth.service.validateToken({ token: genuine.token });
    const local = await verifier.verify(genuine.token);
    expect(valid).toBe(true);
    expect(local).toMatchObject({
      userId: principal?.userId,
      sessionId: principal?.sessionId,
      roles: principal?.roles,
    });
    expect(await withClaims({})).toBe(genuine.token);
  });

  test.each(corpus)("with %s is refused by both as %s", async (what, reason, make) => {
    const token = await make();
    const answer = await auth.service.validateToken({ token });
    expect(answer).toMatchObject({ valid: false, reason });
    const local = await verifier.verify(token).then(
      () => "accepted",
      (error: unknown) => errorReason(error),
    );
    expect(local).toBe(onlyTheServiceKnows.has(what) ? "accepted" : (publicReasons[reason] ?? "TOKEN_INVALID"));
  });
});
