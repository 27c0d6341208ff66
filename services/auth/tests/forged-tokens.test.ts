/**
 * The corpus of bad tokens put to both who answer about tokens here: the auth service itself and the local verifier. Each
 * must refuse, and for the same reason. What a gateway and a service of a whole system say of it is looked at in
 * services/tests/fuzz.test.ts.
 */
import { errorReason } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createKeySealing } from "../src/adapters/key-sealing.ts";
import { createTokenVerifier, type TokenVerifier } from "../src/verifier/index.ts";
import { type AuthFixture, type AuthInstance, freshSignup, startAuthFixture } from "./auth-fixture.ts";
import { type Forger, forgerOf, tokenForgeries, withClaims } from "./token-forgeries.ts";

let fixture: AuthFixture;
let auth: AuthInstance;
let verifier: TokenVerifier;
let forger: Forger;

const keySecret = "known to this test";

beforeAll(async () => {
  fixture = await startAuthFixture();
  auth = await fixture.instance({ keySecret });
  const { accessToken } = await auth.account.signup(freshSignup());
  const [row] = await fixture.database.query<{ kid: string; sealed_private_jwk: Buffer }>(
    "SELECT kid, sealed_private_jwk FROM signing_keys",
  );
  const key = createKeySealing(keySecret).open(row?.kid ?? "", row?.sealed_private_jwk ?? new Uint8Array());
  forger = forgerOf(accessToken, JSON.parse(key), () => Math.floor(fixture.clock.now() / 1000));
  const { pubsub, redis } = auth;
  verifier = createTokenVerifier({ client: auth.service, pubsub, redis, clock: fixture.clock, logger: silentLogger });
  await verifier.started;
  await auth.auth.revocations.beat();
  await until("the feed is live", () => verifier.live);
});
afterAll(async () => {
  await verifier?.close();
  await fixture?.close();
});

const publicReasons: Record<string, string> = { expired: "TOKEN_EXPIRED", revoked: "TOKEN_REVOKED" };

describe("a token", () => {
  test("that is genuine is accepted by both, with the same principal", async () => {
    const { valid, principal } = await auth.service.validateToken({ token: forger.token });
    const local = await verifier.verify(forger.token);
    expect(valid).toBe(true);
    expect(local).toMatchObject({
      userId: principal?.userId,
      sessionId: principal?.sessionId,
      roles: principal?.roles,
    });
    expect(await withClaims({})(forger)).toBe(forger.token);
  });

  test("ASVS 9.2.4: says for which audience it was made, and that it is an access token", () => {
    expect(forger.claims).toMatchObject({ iss: "weft-auth", aud: "weft" });
    expect(forger.header.typ).toBe("at+jwt");
  });

  test("ASVS 7.2.1: of a session that nobody opened is refused by the service, which alone can know it", async () => {
    const token = await withClaims({ sid: "00000000-0000-4000-8000-000000000000" })(forger);
    expect(await auth.service.validateToken({ token })).toMatchObject({ valid: false, reason: "revoked" });
  });
});

describe("forgeries", () => {
  test.each(tokenForgeries.map(({ what, reason, make }) => [what, reason, make] as const))(
    "%s: refused by both as %s",
    async (_what, reason, make) => {
      const token = await make(forger);
      expect(await auth.service.validateToken({ token })).toMatchObject({ valid: false, reason });
      const local = await verifier.verify(token).then(
        () => "accepted",
        (error: unknown) => errorReason(error),
      );
      expect(local).toBe(publicReasons[reason] ?? "TOKEN_INVALID");
    },
  );
});
