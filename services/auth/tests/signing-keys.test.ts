import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AuthFixture, type AuthInstance, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;

beforeAll(async () => {
  fixture = await startAuthFixture();
});
afterAll(() => fixture.close());

const minuteMs = 60_000;
const kids = async (auth: AuthInstance) => (await auth.service.getJwks({})).keys.map((key) => key.kid);
const kidOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid as string;
const login = async (auth: AuthInstance) => (await auth.account.signup(freshSignup())).accessToken;

describe("signing keys", () => {
  test("instances that start together agree on one key, and a later start keeps it", async () => {
    const instances = await Promise.all(Array.from({ length: 4 }, () => fixture.instance()));
    const sets = await Promise.all(instances.map(kids));
    expect(new Set(sets.map(String)).size).toBe(1);
    expect(sets[0]).toHaveLength(1);
    expect(await kids(await fixture.instance())).toEqual(sets[0]);
  });

  test("the key set is what a verifier expects, and nothing private", async () => {
    const { keys } = await (await fixture.instance()).service.getJwks({});
    expect(keys).toMatchObject([{ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" }]);
    expect(Object.keys(keys[0] ?? {})).not.toContain("d");
  });

  test("are sealed in the database: another secret does not start, and says why", async () => {
    await fixture.instance();
    await expect(fixture.instance({ keySecret: "another secret" })).rejects.toThrow(/cannot be opened.*secret/);
    const [row] = await fixture.database.query<{ sealed: string }>(
      "SELECT encode(sealed_private_jwk, 'escape') AS sealed FROM signing_keys",
    );
    expect(row?.sealed).not.toContain('"d"');
  });

  test("rotate: a new key is announced, then signs, and the old one verifies until its last token has expired", async () => {
    const [first, second] = [await fixture.instance(), await fixture.instance()];
    const [old] = await kids(first);
    const early = await login(first);
    await fixture.clock.advance(30 * 24 * 60 * minuteMs);
    await Promise.all([first.auth.keyRing.maintain(), second.auth.keyRing.maintain()]);
    const announced = await kids(first);
    expect(announced).toHaveLength(2);
    expect(await kids(second)).toEqual(announced);
    const late = await login(first);
    expect(kidOf(late)).toBe(old);
    expect(kidOf(early)).toBe(old);

    await fixture.clock.advance(5 * minuteMs);
    const next = await login(second);
    expect(kidOf(next)).toBe(announced[0]);
    expect(await first.service.validateToken({ token: next })).toMatchObject({ valid: true });
    expect(await second.service.validateToken({ token: late })).toMatchObject({ valid: true });

    await fixture.clock.advance(17 * minuteMs);
    await first.auth.keyRing.maintain();
    expect(await kids(first)).toEqual([announced[0]]);
    const rows = await fixture.database.query("SELECT kid FROM signing_keys");
    expect(rows).toHaveLength(1);
  });

  test("an instance learns of a key that another one made when it meets a token of it", async () => {
    const instance = await fixture.instance();
    const stale = await fixture.instance();
    await fixture.clock.advance(30 * 24 * 60 * minuteMs);
    await instance.auth.keyRing.maintain();
    await fixture.clock.advance(5 * minuteMs);
    const token = await login(instance);
    expect(await stale.service.validateToken({ token })).toMatchObject({ valid: true });
  });

  test("ASVS 9.1.3: a key that is taken away voids its tokens, also those that were found good before", async () => {
    const instance = await fixture.instance();
    const token = await login(instance);
    expect(await instance.service.validateToken({ token })).toMatchObject({ valid: true });
    await fixture.database.query("DELETE FROM signing_keys");
    await instance.auth.keyRing.maintain();
    expect(await instance.service.validateToken({ token })).toMatchObject({ valid: false, reason: "bad_signature" });
  });
});
