/**
 * Reads who is calling from the bearer token, as the method's (weft.options.v1.access) demands: USER needs a valid token;
 * PUBLIC and INTERNAL do not, but a valid one that comes along still names the caller. A method that states nothing is
 * treated as INTERNAL: the gateway does not expose it. A caller with an API key also needs the method's scope (`scopes.ts`).
 * Whether the caller may do what they ask is the handler's decision.
 */

import type { DescMethod } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { Access, access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { principalKey } from "./principal.ts";
import { assertMethodScope } from "./scopes.ts";
import { tokenMissing } from "./token-errors.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** Connect server interceptor; the principal is then had by `currentPrincipal(context)` and `requirePrincipal(context)`. */
export function authenticationInterceptor(verifier: Pick<TokenVerifier, "verify">): Interceptor {
  return (next) => async (request) => {
    const token = bearerToken(request.header.get("authorization"));
    if (accessOf(request.method) === Access.USER) {
      if (token === undefined) {
        throw tokenMissing();
      }
      const principal = await verifier.verify(token);
      assertMethodScope(principal, request.method);
      request.contextValues.set(principalKey, principal);
    } else if (token !== undefined) {
      // A bad token is as good as none here: logging in again must work with an expired one in the header.
      request.contextValues.set(principalKey, await verifier.verify(token).catch(() => undefined));
    }
    return next(request);
  };
}

/** Who may call the method; INTERNAL when it does not say. */
export function accessOf(method: DescMethod): Access {
  const stated = hasOption(method, access) ? getOption(method, access) : Access.UNSPECIFIED;
  return stated === Access.UNSPECIFIED ? Access.INTERNAL : stated;
}

/** The token of an `Authorization: Bearer …` header; undefined for any other header. */
export function bearerToken(header: string | null): string | undefined {
  const match = /^Bearer +([^\s]+) *$/i.exec(header ?? "");
  return match?.[1];
}
