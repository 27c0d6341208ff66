import type { ServiceImpl } from "@connectrpc/connect";
import type { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import type { EmailVerification } from "./domain/email-verification.ts";
import { answered } from "./rpc-errors.ts";
import { sessionCaller } from "./session-rpc.ts";

/** The handlers of AccountService that prove addresses. */
export function emailRpc(
  verification: EmailVerification,
): Pick<ServiceImpl<typeof AccountService>, "requestEmailVerification" | "verifyEmail"> {
  return {
    requestEmailVerification: (request, context) =>
      answered(async () => {
        const client = clientFacts(context.requestHeader);
        return { alreadyVerified: await verification.request(sessionCaller(context), request.password, client) };
      }),
    verifyEmail: (request, context) =>
      answered(async () => {
        await verification.verify(request.token, clientFacts(context.requestHeader));
        return {};
      }),
  };
}
