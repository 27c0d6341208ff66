import type { DescMethod } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { accessOf, bearerToken, type Principal, type TokenVerifier } from "@weft/auth/verifier";
import { serviceError } from "@weft/mesh";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";

/**
 * Lets a call through when its method is PUBLIC, or when it carries a good access token (GW-06). The service behind
 * checks the token again, since it must not rely on who calls it; here a bad one costs the mesh nothing.
 * Gives who calls, where that was looked at. Throws UNAUTHENTICATED with a challenge, or UNAVAILABLE when the token can neither be accepted nor refused.
 */
export type Authenticate = (method: DescMethod, headers: Headers) => Promise<Principal | undefined>;

export function createAuthenticate(verifier: Pick<TokenVerifier, "verify">): Authenticate {
  // Reading an option decodes it each time, which calls should not wait for.
  const known = new Map<DescMethod, boolean>();
  const isPublic = (method: DescMethod): boolean => {
    const said = known.get(method) ?? accessOf(method) === Access.PUBLIC;
    known.set(method, said);
    return said;
  };
  return async (method, headers) => {
    if (isPublic(method)) {
      return undefined;
    }
    return (await verifyBearer(verifier, headers.get("authorization"))).principal;
  };
}

/** The principal behind an Authorization header; throws as `Authenticate` does. */
export async function verifyBearer(
  verifier: Pick<TokenVerifier, "verify">,
  authorization: string | null,
): Promise<{ readonly principal: Principal; readonly token: string }> {
  const token = bearerToken(authorization);
  if (token === undefined) {
    const given = authorization === null ? "TOKEN_MISSING" : "TOKEN_INVALID";
    const error = serviceError(Code.Unauthenticated, given, "log in and send the access token as a bearer token");
    error.metadata.set("www-authenticate", authorization === null ? "Bearer" : 'Bearer error="invalid_token"');
    throw error;
  }
  return { principal: await verifier.verify(token), token };
}
