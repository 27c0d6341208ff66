/**
 * Access tokens whose signature and claims were found good. Checking a signature takes a turn of the thread pool, behind
 * passwords that are hashed there, and a hundred times as long as this look-up; so it is done once per token. What may change
 * afterwards is looked at every time: whether the token has expired, and whether its key is still one of ours. Whether its
 * session lives is for others to say.
 *
 * The auth service and every verifier remember by this one rule, so that their answers agree.
 */
import { RecentMap } from "@weft/mesh";
import { checkAccessToken, type FindKey, type TokenCheck } from "./access-token.ts";
import type { Principal } from "./principal.ts";

export interface VerifyingKeys {
  readonly find: FindKey;
  /** Whether the key is one that verifies, as far as is known here and now. */
  has(kid: string): boolean;
}

const rememberedTokens = 10_000;

export class CheckedTokens {
  readonly #keys: VerifyingKeys;
  readonly #clock: { now(): number };
  readonly #good = new RecentMap<string, { readonly keyId: string; readonly principal: Principal }>(rememberedTokens);

  constructor(keys: VerifyingKeys, clock: { now(): number }) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** The principal of a token that was found good before and is still; undefined says nothing of a token. */
  known(token: string): Principal | undefined {
    const entry = this.#good.get(token);
    if (entry === undefined || !this.#keys.has(entry.keyId) || this.#clock.now() >= entry.principal.expiresAtMs) {
      return undefined;
    }
    return entry.principal;
  }

  /** Everything but revocation. Throws only what `find` of the keys throws. */
  async check(token: string): Promise<TokenCheck> {
    const principal = this.known(token);
    if (principal !== undefined) {
      return { valid: true, principal };
    }
    let keyId = "";
    const findKey: FindKey = (kid) => {
      keyId = kid;
      return this.#keys.find(kid);
    };
    const check = await checkAccessToken(token, findKey, this.#clock.now());
    if (check.valid) {
      this.#good.set(token, { keyId, principal: check.principal });
    } else {
      this.#good.delete(token);
    }
    return check;
  }
}
