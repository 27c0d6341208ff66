import type { ApiKeys } from "./domain/api-keys.ts";
import type { WallClock } from "./domain/ports.ts";
import type { Sessions } from "./domain/sessions.ts";
import { checkAccessToken, type FindKey, type TokenCheck } from "./verifier/access-token.ts";

export interface TokenValidationOptions {
  readonly keyRing: { find: FindKey };
  readonly sessions: Pick<Sessions, "isLive">;
  readonly apiKeys: Pick<ApiKeys, "isLive">;
  readonly clock: WallClock;
}

/**
 * The full answer about a token, from the source: our own keys, then the session or the API key in the database, which
 * knows of its end even when Redis does not. Rejects when the database cannot be asked; that is never "valid".
 */
export function createTokenValidation(options: TokenValidationOptions): (token: string) => Promise<TokenCheck> {
  const { keyRing, sessions, apiKeys, clock } = options;
  return async (token) => {
    const check = await checkAccessToken(token, (kid) => keyRing.find(kid), clock.now());
    if (!check.valid) {
      return check;
    }
    const { sessionId, scopes } = check.principal;
    const live = await (scopes === undefined ? sessions : apiKeys).isLive(sessionId);
    return live ? check : { valid: false, reason: "revoked" };
  };
}
