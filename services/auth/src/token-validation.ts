import type { ApiKeys } from "./domain/api-keys.ts";
import type { WallClock } from "./domain/ports.ts";
import type { Sessions } from "./domain/sessions.ts";
import { checkAccessToken, type FindKey, type TokenCheck } from "./verifier/access-token.ts";
import type { Principal } from "./verifier/principal.ts";
import { RecentMap } from "./verifier/recent-map.ts";

export interface TokenValidationOptions {
  readonly keyRing: { find: FindKey };
  readonly sessions: Pick<Sessions, "isLive">;
  readonly apiKeys: Pick<ApiKeys, "isLive">;
  readonly clock: WallClock;
}

const rememberedTokens = 10_000;

/**
 * The full answer about a token, from the source: our own keys, then the session or the API key in the database, which
 * knows of its end even when Redis does not. Rejects when the database cannot be asked; that is never "valid".
 *
 * A signature that was good is not checked again while its key is there: that takes a turn of the thread pool, behind
 * passwords that are hashed. Whether the session lives is asked every time.
 */
export function createTokenValidation(options: TokenValidationOptions): (token: string) => Promise<TokenCheck> {
  const { keyRing, sessions, apiKeys, clock } = options;
  const signed = new RecentMap<string, { readonly keyId: string; readonly principal: Principal }>(rememberedTokens);

  async function checkSignature(token: string): Promise<TokenCheck> {
    const known = signed.get(token);
    if (known !== undefined && (await keyRing.find(known.keyId)) !== undefined) {
      const { principal } = known;
      return clock.now() < principal.expiresAtMs ? { valid: true, principal } : { valid: false, reason: "expired" };
    }
    let keyId = "";
    const findKey: FindKey = (kid) => {
      keyId = kid;
      return keyRing.find(kid);
    };
    const check = await checkAccessToken(token, findKey, clock.now());
    if (check.valid) {
      signed.set(token, { keyId, principal: check.principal });
    }
    return check;
  }

  return async (token) => {
    const check = await checkSignature(token);
    if (!check.valid) {
      return check;
    }
    const { sessionId, scopes } = check.principal;
    const live = await (scopes === undefined ? sessions : apiKeys).isLive(sessionId);
    return live ? check : { valid: false, reason: "revoked" };
  };
}
