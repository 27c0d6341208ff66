import type { ServiceImpl } from "@connectrpc/connect";
import type { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import type { PasswordRecovery } from "./domain/password-recovery.ts";
import type { Passwords } from "./domain/passwords.ts";
import { answered } from "./rpc-errors.ts";
import { sessionCaller } from "./session-rpc.ts";

type Handlers = Pick<ServiceImpl<typeof AccountService>, "changePassword" | "requestPasswordReset" | "resetPassword">;

/** The handlers of AccountService that set passwords. */
export function passwordRpc(passwords: Passwords, recovery: PasswordRecovery): Handlers {
  return {
    requestPasswordReset: (request, context) =>
      answered(async () => {
        await recovery.request(request.login, clientFacts(context.requestHeader));
        return {};
      }),
    resetPassword: (request, context) =>
      answered(async () => {
        await recovery.reset(request.token, request.newPassword, clientFacts(context.requestHeader));
        return {};
      }),
    changePassword: (request, context) =>
      answered(async () => {
        const { oldPassword, newPassword } = request;
        const client = clientFacts(context.requestHeader);
        const changed = await passwords.change(sessionCaller(context), { oldPassword, newPassword, client });
        const { accessToken, refreshToken, expiresInSeconds } = changed;
        return { accessToken, refreshToken, expiresInSeconds };
      }),
  };
}
