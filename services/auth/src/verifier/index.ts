/** How other services and the gateway learn who is calling. */
export type { TokenCheck, TokenRefusal } from "./access-token.ts";
export { type ApiKeyExchange, createApiKeyExchange, type KeySender } from "./api-key-exchange.ts";
export { isApiKey } from "./api-key-format.ts";
export { accessOf, authenticationInterceptor, bearerToken } from "./authentication-interceptor.ts";
export { currentPrincipal, isAdmin, type Principal, principalKey, requirePrincipal } from "./principal.ts";
export { assertMethodScope, assertScope, hasScope, scopeOf } from "./scopes.ts";
export { createTokenVerifier, type TokenVerifier, type TokenVerifierOptions } from "./token-verifier.ts";
