import type { DescMethod } from "@bufbuild/protobuf";
import { accessOf, assertMethodScope, bearerToken, isApiKey, type Principal } from "@weft/auth/verifier";
import { RecentMap } from "@weft/mesh";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { type VerifyCredential, verifyBearer } from "./credentials.ts";

/**
 * Lets a call through when its method is PUBLIC, or when it carries a good access token, or an API key with the method's
 * scope (GW-06, AUTH-11). The service behind checks all that again, since it must not rely on who calls it; here a bad one
 * costs the mesh nothing. A key gives way in `headers` to the access token it was exchanged for, and to nothing where
 * nobody asks who calls: whatever is forwarded from there never is the key. `address` is the client's.
 * Gives who calls, where that was looked at. Throws what `VerifyCredential` does, and PERMISSION_DENIED (SCOPE_MISSING).
 */
export type Authenticate = (
  method: DescMethod,
  headers: Headers,
  address: string | undefined,
) => Promise<Principal | undefined> | Principal | undefined;

/** Some 10 MB. */
const mostTokens = 5_000;

/** `known` gives who a token is known to be of, at once; what it does not know is verified. */
export function createAuthenticate(
  verify: VerifyCredential,
  known: (token: string) => Principal | undefined = () => undefined,
): Authenticate {
  // Reading an option decodes it each time, which calls should not wait for.
  const stated = new Map<DescMethod, boolean>();
  const isPublic = (method: DescMethod): boolean => {
    const said = stated.get(method) ?? accessOf(method) === Access.PUBLIC;
    stated.set(method, said);
    return said;
  };
  const verified: Authenticate = async (method, headers, address) => {
    const userAgent = headers.get("user-agent") ?? undefined;
    const { principal, token } = await verifyBearer(verify, headers.get("authorization"), { address, userAgent });
    assertMethodScope(principal, method);
    if (principal.scopes !== undefined) {
      headers.set("authorization", `Bearer ${token}`);
    }
    return principal;
  };
  // The tokens of headers that were good: taking one out of its header anew costs more than finding it here.
  const tokens = new RecentMap<string, string>(mostTokens);
  return (method, headers, address) => {
    const authorization = headers.get("authorization");
    if (isPublic(method)) {
      if (isApiKey(bearerToken(authorization) ?? "")) {
        // Not removed: the call at hand still has the key, and would lend it to a call without an authorization.
        headers.set("authorization", "");
      }
      return undefined;
    }
    const found = authorization === null ? undefined : tokens.get(authorization);
    const token = found ?? bearerToken(authorization) ?? "";
    const principal = known(token);
    if (principal === undefined) {
      return verified(method, headers, address);
    }
    if (found === undefined && authorization !== null) {
      tokens.set(authorization, token);
    }
    assertMethodScope(principal, method);
    return principal;
  };
}
