import type { CallerPolicy } from "@weft/mesh";

/*
 * Which services may call which RPC. Tokens are checked by everybody who receives one; roles are granted where projects are
 * made; accounts are people's business, who come through the gateway. What is not named here nobody calls.
 */
export const callers: CallerPolicy = {
  "weft.auth.v1.AccountService/*": ["gateway-service"],
  "weft.auth.v1.FactorService/*": ["gateway-service"],
  "weft.auth.v1.ApiKeyService/*": ["gateway-service"],
  "weft.auth.v1.AuditService/*": ["gateway-service"],
  "weft.auth.v1.ProviderService/*": ["gateway-service"],
  "weft.auth.v1.AuthService/ValidateToken": [
    "gateway-service",
    "project-service",
    "simulation-service",
    "user-service",
  ],
  "weft.auth.v1.AuthService/ExchangeApiKey": ["gateway-service"],
  "weft.auth.v1.AuthService/ValidateUser": ["project-service"],
  "weft.auth.v1.AuthService/GetJwks": ["gateway-service", "project-service", "simulation-service", "user-service"],
  "weft.auth.v1.AuthService/CheckPermission": ["project-service", "simulation-service"],
  "weft.auth.v1.AuthService/GrantRole": ["project-service"],
  "weft.auth.v1.AuthService/RevokeRole": ["project-service"],
  "weft.auth.v1.AuthService/ListGrants": ["simulation-service"],
};
