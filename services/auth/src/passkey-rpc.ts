import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { PasskeySchema } from "@weft/proto/weft/auth/v1/factor_pb.ts";
import type { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import { AuthError } from "./domain/errors.ts";
import type { JsonObject, Passkey } from "./domain/factor-ports.ts";
import type { PasskeyLogins } from "./domain/passkey-logins.ts";
import type { Passkeys } from "./domain/passkeys.ts";
import { shownIn, times } from "./factor-messages.ts";
import { firstLoggedInMessage } from "./logged-in-message.ts";
import { answered } from "./rpc-errors.ts";
import { sessionCaller } from "./session-rpc.ts";

type Handlers = Pick<
  ServiceImpl<typeof FactorService>,
  | "beginPasskeyLogin"
  | "finishPasskeyLogin"
  | "beginPasskeyRegistration"
  | "finishPasskeyRegistration"
  | "listPasskeys"
  | "renamePasskey"
  | "removePasskey"
>;

/** The handlers of FactorService that are about passkeys. */
export function passkeyRpc(passkeys: Passkeys, logins: PasskeyLogins): Handlers {
  return {
    beginPasskeyLogin: () => answered(async () => ({ options: await logins.begin() })),
    finishPasskeyLogin: (request, context) =>
      answered(async () => {
        const { deviceToken } = request;
        const client = clientFacts(context.requestHeader);
        const response = responseIn(request);
        return firstLoggedInMessage(await logins.finish({ response, deviceToken, client }));
      }),
    beginPasskeyRegistration: (request, context) =>
      answered(async () => ({ options: await passkeys.begin(sessionCaller(context), shownIn(request, context)) })),
    finishPasskeyRegistration: (request, context) =>
      answered(async () => {
        const client = clientFacts(context.requestHeader);
        const made = { name: request.name, response: responseIn(request), client };
        const { passkey, recoveryCodes } = await passkeys.finish(sessionCaller(context), made);
        return { passkey: passkeyMessage(passkey), recoveryCodes: [...recoveryCodes] };
      }),
    listPasskeys: (_request, context) =>
      answered(async () => {
        const found = await passkeys.list(sessionCaller(context).userId);
        return { passkeys: found.map(passkeyMessage) };
      }),
    renamePasskey: (request, context) =>
      answered(async () => {
        const { passkeyId, name } = request;
        return { passkey: passkeyMessage(await passkeys.rename(sessionCaller(context), passkeyId, name)) };
      }),
    removePasskey: (request, context) =>
      answered(async () => {
        await passkeys.remove(sessionCaller(context), request.passkeyId, shownIn(request, context));
        return {};
      }),
  };
}

function responseIn({ response }: { readonly response?: JsonObject | undefined }): JsonObject {
  if (response === undefined) {
    const fields = [{ field: "response", description: "is needed" }];
    throw new AuthError("field_invalid", "the response of the authenticator is needed", { fields });
  }
  return response;
}

function passkeyMessage(passkey: Passkey): MessageInitShape<typeof PasskeySchema> {
  const { id, name, backedUp } = passkey;
  return { id, name, backedUp, ...times(passkey) };
}
