import type { WallClock } from "./domain/ports.ts";
import type { Sessions } from "./domain/sessions.ts";
import { checkAccessToken, type FindKey, type TokenCheck } from "./verifier/access-token.ts";

export interface TokenValidationOptions {
  readonly keyRing: { find: FindKey };
  readonly sessions: Pick<Sessions, "isLive">;
  readonly clock: WallClock;
}

/**
 * The full answer about a token, from the source: our own keys, then the session in the database, which knows of a
 * logout even when Redis does not. Rejects when the database cannot be asked; that is never "valid".
 */
export function createTokenValidation(options: TokenValidationOptions): (token: string) => Promise<TokenCheck> {
  const { keyRing, sessions, clock } = options;
  return async (token) => {
    const check = await checkAccessToken(token, (kid) => keyRing.find(kid), clock.now());
    if (!check.valid || (await sessions.isLive(check.principal.sessionId))) {
      return check;
    }
    return { valid: false, reason: "revoked" };
  };
}
