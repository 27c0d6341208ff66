import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import { tokenMissing } from "./token-errors.ts";

/** Who is calling, as a verified access token says it. `roles` hold everywhere ("user", "admin"). */
export interface Principal {
  readonly userId: string;
  readonly username: string;
  /** The login or the API key that the token belongs to; its end voids the token. */
  readonly sessionId: string;
  readonly roles: readonly string[];
  /** What an API key may do of what its user may; undefined for a person's session, which is not narrowed. */
  readonly scopes: readonly string[] | undefined;
  readonly expiresAtMs: number;
}

/** Where the authentication interceptor leaves the principal in a call's context values. */
export const principalKey = createContextKey<Principal | undefined>(undefined, {
  description: "principal of the verified access token",
});

/** The caller of the handler that runs, or undefined when the call carried no valid token. */
export function currentPrincipal(context: Pick<HandlerContext, "values">): Principal | undefined {
  return context.values.get(principalKey);
}

/** The caller of the handler that runs; throws UNAUTHENTICATED (TOKEN_MISSING) when the call carried no valid token. */
export function requirePrincipal(context: Pick<HandlerContext, "values">): Principal {
  const principal = currentPrincipal(context);
  if (principal === undefined) {
    throw tokenMissing();
  }
  return principal;
}

export function isAdmin(principal: Principal): boolean {
  return principal.roles.includes("admin");
}
