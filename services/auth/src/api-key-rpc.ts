/** ApiKeyService on the wire. No decisions are taken here. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ApiKeySchema, ServiceAccountSchema } from "@weft/proto/weft/auth/v1/api_key_pb.ts";
import type { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import type { ApiKey, ServiceAccount } from "./domain/api-key-ports.ts";
import type { ApiKeys } from "./domain/api-keys.ts";
import type { ServiceAccounts } from "./domain/service-accounts.ts";
import { answered } from "./rpc-errors.ts";
import { sessionCaller } from "./session-rpc.ts";
import { requirePrincipal } from "./verifier/principal.ts";

/** Handlers of weft.auth.v1.ApiKeyService. */
export function apiKeyRpc(apiKeys: ApiKeys, serviceAccounts: ServiceAccounts): ServiceImpl<typeof ApiKeyService> {
  return {
    createApiKey: (request, context) =>
      answered(async () => {
        const { name, scopes, expiresInDays, serviceAccountId, password, code } = request;
        const client = clientFacts(context.requestHeader);
        const wanted = { name, scopes, expiresInDays, serviceAccountId, shown: { password, code, client } };
        const { apiKey, key } = await apiKeys.create(sessionCaller(context), wanted);
        return { apiKey: apiKeyMessage(apiKey), secret: key };
      }),
    listApiKeys: (_request, context) =>
      answered(async () => {
        const keys = await apiKeys.list(requirePrincipal(context).userId);
        return { apiKeys: keys.map(apiKeyMessage) };
      }),
    revokeApiKey: (request, context) =>
      answered(async () => {
        await apiKeys.revoke(sessionCaller(context), request.keyId);
        return {};
      }),
    createServiceAccount: (request, context) =>
      answered(async () => {
        const account = await serviceAccounts.create(sessionCaller(context), request.name, request.password);
        return { serviceAccount: serviceAccountMessage(account) };
      }),
    listServiceAccounts: (_request, context) =>
      answered(async () => {
        const accounts = await serviceAccounts.list(requirePrincipal(context).userId);
        return { serviceAccounts: accounts.map(serviceAccountMessage) };
      }),
    deleteServiceAccount: (request, context) =>
      answered(async () => {
        await serviceAccounts.remove(sessionCaller(context), request.serviceAccountId, request.password);
        return {};
      }),
  };
}

function apiKeyMessage(apiKey: ApiKey): MessageInitShape<typeof ApiKeySchema> {
  const { id, name, scopes, ownerId, subjectId, createdAtMs, expiresAtMs, lastUsedAtMs } = apiKey;
  return {
    id,
    name,
    scopes: [...scopes],
    serviceAccountId: subjectId === ownerId ? "" : subjectId,
    createdAt: timestampFromMs(createdAtMs),
    expiresAt: timestampFromMs(expiresAtMs),
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAt: timestampFromMs(lastUsedAtMs) }),
  };
}

function serviceAccountMessage(account: ServiceAccount): MessageInitShape<typeof ServiceAccountSchema> {
  const { userId: id, name, createdAtMs } = account;
  return { id, name, createdAt: timestampFromMs(createdAtMs) };
}
