import type { CredentialLeases } from "./adapters/credential-leases.ts";
import type { WallClock } from "./domain/ports.ts";
import type { TokenCheck } from "./verifier/access-token.ts";
import { CheckedTokens, type VerifyingKeys } from "./verifier/checked-tokens.ts";
import type { Principal } from "./verifier/principal.ts";

/**
 * The full answer about a token, from the source: our own keys, then the session or the API key.
 *
 * `check` asks the database, which knows of an end even when Redis does not; it is what our own methods rest on, where
 * sessions are ended and passwords changed. `known` is for ValidateToken, which other services ask a thousand times a second:
 * it answers at once, without a promise, what is known of a credential that the database called live within the last second
 * (`adapters/credential-leases.ts`).
 */
export interface TokenValidation {
  /** The principal of a token that is known to be good; undefined says nothing of a token. */
  known(token: string): Principal | undefined;
  /** Rejects when the database cannot be asked; that is never "valid". */
  check(token: string): Promise<TokenCheck>;
}

export interface TokenValidationOptions {
  readonly keys: VerifyingKeys;
  readonly leases: Pick<CredentialLeases, "holds" | "ask">;
  readonly clock: WallClock;
}

export function createTokenValidation({ keys, leases, clock }: TokenValidationOptions): TokenValidation {
  const tokens = new CheckedTokens(keys, clock);
  return {
    known(token) {
      const principal = tokens.known(token);
      return principal !== undefined && leases.holds(principal) ? principal : undefined;
    },
    async check(token) {
      const check = await tokens.check(token);
      if (!check.valid) {
        return check;
      }
      return (await leases.ask(check.principal)) ? check : { valid: false, reason: "revoked" };
    },
  };
}
