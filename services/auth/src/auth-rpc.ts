/** AuthService on the wire: what the mesh asks about identity and permission. No decisions are taken here. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { GrantSchema, ValidateTokenResponseSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import type { ApiKeys } from "./domain/api-keys.ts";
import type { Authorization } from "./domain/authorization.ts";
import type { Grant } from "./domain/permissions.ts";
import { answered } from "./rpc-errors.ts";
import type { TokenValidation } from "./token-validation.ts";
import type { PublicJwk } from "./verifier/jwks-cache.ts";
import { currentPrincipal, type Principal } from "./verifier/principal.ts";

export interface AuthRpcOptions {
  readonly authorization: Authorization;
  readonly apiKeys: Pick<ApiKeys, "exchange">;
  /** The full answer about a token, revocation included. */
  readonly tokens: TokenValidation;
  readonly publicKeys: () => readonly PublicJwk[];
}

/** Handlers of weft.auth.v1.AuthService. */
export function authRpc({
  authorization,
  apiKeys,
  tokens,
  publicKeys,
}: AuthRpcOptions): ServiceImpl<typeof AuthService> {
  return {
    validateToken: ({ token }) => {
      const known = tokens.known(token);
      if (known !== undefined) {
        return validToken(known);
      }
      return answered(async () => {
        const check = await tokens.check(token);
        return check.valid ? validToken(check.principal) : { valid: false, reason: check.reason };
      });
    },
    exchangeApiKey: (request, context) =>
      answered(async () => {
        const exchange = await apiKeys.exchange(request.apiKey, clientFacts(context.requestHeader));
        if ("reason" in exchange) {
          return { reason: exchange.reason };
        }
        return { accessToken: exchange.accessToken, expiresAt: timestampFromMs(exchange.expiresAtMs) };
      }),
    getUserContext: (request) =>
      answered(async () => {
        const { user, roles, permissions, grants } = await authorization.context(request.userId);
        const { userId, username, email } = user;
        const granted = grants.map(grantMessage);
        return { userId, username, email, roles: [...roles], permissions: [...permissions], grants: granted };
      }),
    checkPermission: (request) =>
      answered(() => authorization.check(request.userId, request.permission, request.resource)),
    validateUser: (request) =>
      answered(async () => {
        const user = await authorization.validate(request.userId);
        if (user === undefined) {
          return { valid: false };
        }
        const { userId, username, email } = user;
        return { valid: true, user: { userId, username, email } };
      }),
    grantRole: (request, context) =>
      answered(async () => {
        const { userId, role, resource } = request;
        return { grant: grantMessage(await authorization.grant(userId, role, resource, actorOf(context))) };
      }),
    revokeRole: (request, context) =>
      answered(async () => ({
        revoked: await authorization.revoke(request.userId, request.resource, actorOf(context)),
      })),
    listGrants: (request) =>
      answered(async () => {
        const grants = await authorization.list({
          ...(request.userId === "" ? {} : { userId: request.userId }),
          ...(request.resource === "" ? {} : { resource: request.resource }),
        });
        return { grants: grants.map(grantMessage) };
      }),
    getJwks: async () => ({
      keys: publicKeys().map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: "EdDSA", use: "sig" })),
    }),
  };
}

function validToken(principal: Principal): MessageInitShape<typeof ValidateTokenResponseSchema> {
  const { userId, username, sessionId, roles, scopes = [], expiresAtMs } = principal;
  const expiresAt = timestampFromMs(expiresAtMs);
  return { valid: true, principal: { userId, username, sessionId, roles: [...roles], scopes: [...scopes], expiresAt } };
}

function grantMessage(grant: Grant): MessageInitShape<typeof GrantSchema> {
  const { userId, role, resource, grantedAtMs } = grant;
  return { userId, role, resource, grantedAt: timestampFromMs(grantedAtMs) };
}

/** The user on whose behalf the mesh calls; empty when there is none. */
function actorOf(context: Pick<HandlerContext, "values">): string {
  return currentPrincipal(context)?.userId ?? "";
}
