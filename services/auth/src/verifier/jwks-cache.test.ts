import { FakeClock } from "@weft/mesh/testing";
import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { JwksCache, type PublicJwk } from "./jwks-cache.ts";

async function createKey(kid: string): Promise<PublicJwk> {
  const { publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const { kty = "", crv = "", x = "" } = await exportJWK(publicKey);
  return { kty, crv, x, kid };
}

async function createCache() {
  const clock = new FakeClock();
  const published = [await createKey("first")];
  const state = { fetches: 0, failing: false };
  const cache = new JwksCache({
    clock,
    fetchKeys: async () => {
      state.fetches += 1;
      if (state.failing) throw new Error("away");
      return [...published];
    },
  });
  return { clock, cache, published, state };
}

describe("JwksCache", () => {
  test("fetches once for all who wait, and then answers from memory", async () => {
    const { cache, state } = await createCache();
    const found = await Promise.all([cache.find("first"), cache.find("first"), cache.find("first")]);
    expect(found.every((key) => key?.type === "public")).toBe(true);
    expect(state.fetches).toBe(1);
  });

  test("a flood of unknown key ids causes one fetch in five seconds", async () => {
    const { clock, cache, published, state } = await createCache();
    await cache.find("first");
    published.push(await createKey("second"));
    for (let index = 0; index < 50; index += 1) {
      expect(await cache.find(`forged-${index}`)).toBeUndefined();
    }
    expect(state.fetches).toBe(1);
    await clock.advance(5_000);
    expect(await cache.find("second")).toBeDefined();
    expect(await cache.find("forged")).toBeUndefined();
    expect(state.fetches).toBe(2);
  });

  test("fetches again after a minute without making anybody wait, so a withdrawn key goes", async () => {
    const { clock, cache, published, state } = await createCache();
    await cache.find("first");
    published[0] = await createKey("second");
    await clock.advance(60_000);
    expect(await cache.find("first")).toBeDefined();
    await expect.poll(() => cache.find("first")).toBeUndefined();
    expect(state.fetches).toBe(2);
  });

  test("keeps the keys at hand while they cannot be fetched, and rejects when it never had any", async () => {
    const { clock, cache, state } = await createCache();
    await cache.find("first");
    state.failing = true;
    await clock.advance(120_000);
    expect(await cache.find("first")).toBeDefined();
    const empty = await createCache();
    empty.state.failing = true;
    await expect(empty.cache.find("first")).rejects.toThrow("away");
    empty.state.failing = false;
    expect(await empty.cache.find("first")).toBeDefined();
  });
});
