import { Code } from "@connectrpc/connect";
import {
  type ApiKeyExchange,
  bearerToken,
  isApiKey,
  type KeySender,
  type Principal,
  type TokenVerifier,
} from "@weft/auth/verifier";
import { currentCall, runInCall, serviceError } from "@weft/mesh";
import { clientAddressHeader } from "./forwarder.ts";

/** Who calls, and the access token that says so to the services behind: never an API key. */
export interface VerifiedCaller {
  readonly principal: Principal;
  readonly token: string;
}

/**
 * Who is behind a credential: an access token, or an API key, which is exchanged for one (AUTH-11). Throws UNAUTHENTICATED
 * with a challenge, RESOURCE_EXHAUSTED where too many bad keys came from, or UNAVAILABLE when nothing can be said.
 */
export type VerifyCredential = (credential: string, sender: KeySender) => Promise<VerifiedCaller>;

export function createVerifyCredential(
  verifier: Pick<TokenVerifier, "verify">,
  apiKeys: ApiKeyExchange,
): VerifyCredential {
  return async (credential, sender) => {
    const token = isApiKey(credential) ? await apart(() => apiKeys.accessToken(credential, sender)) : credential;
    return { principal: await verifier.verify(token), token };
  };
}

/**
 * Without what the call at hand would lend: its client's deadline and leaving, since others wait for the same exchange, and
 * its authorization, which is the key itself.
 */
function apart<T>(work: () => T): T {
  const call = currentCall();
  return call === undefined ? work() : runInCall({ correlationId: call.correlationId, trace: call.trace }, work);
}

/** The caller behind an Authorization header; throws as above, and for a header that carries no bearer token. */
export async function verifyBearer(
  verify: VerifyCredential,
  authorization: string | null,
  sender: KeySender,
): Promise<VerifiedCaller> {
  const credential = bearerToken(authorization);
  if (credential === undefined) {
    const given = authorization === null ? "TOKEN_MISSING" : "TOKEN_INVALID";
    const error = serviceError(Code.Unauthenticated, given, "log in and send the access token as a bearer token");
    error.metadata.set("www-authenticate", authorization === null ? "Bearer" : 'Bearer error="invalid_token"');
    throw error;
  }
  return await verify(credential, sender);
}

/** Who sends a request that came through the edge, which noted the client's address. */
export function senderOf(headers: Headers): KeySender {
  return {
    address: headers.get(clientAddressHeader) ?? undefined,
    userAgent: headers.get("user-agent") ?? undefined,
  };
}
