/** FactorService on the wire: second steps of logins and authenticator apps. No decisions are taken here. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { CompleteLoginRequest } from "@weft/proto/weft/auth/v1/factor_pb.ts";
import type { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import { AuthError } from "./domain/errors.ts";
import type { LoginCompletion, PresentedFactor } from "./domain/login-completion.ts";
import type { PasskeyLogins } from "./domain/passkey-logins.ts";
import type { Passkeys } from "./domain/passkeys.ts";
import type { SecondFactors } from "./domain/second-factors.ts";
import type { TotpEnrolment } from "./domain/totp-enrolment.ts";
import { shownIn, times } from "./factor-messages.ts";
import { firstLoggedInMessage } from "./logged-in-message.ts";
import { passkeyRpc } from "./passkey-rpc.ts";
import { answered } from "./rpc-errors.ts";
import { sessionCaller } from "./session-rpc.ts";

export interface FactorRpcOptions {
  readonly factors: SecondFactors;
  readonly completion: LoginCompletion;
  readonly enrolment: TotpEnrolment;
  readonly passkeys: Passkeys;
  readonly passkeyLogins: PasskeyLogins;
}

/** Handlers of weft.auth.v1.FactorService. */
export function factorRpc(options: FactorRpcOptions): ServiceImpl<typeof FactorService> {
  const { factors, completion, enrolment, passkeys, passkeyLogins } = options;
  return {
    completeLogin: (request, context) =>
      answered(async () => {
        const { challenge, deviceToken } = request;
        const client = clientFacts(context.requestHeader);
        const step = { challenge, deviceToken, client, factor: presentedFactor(request) };
        return firstLoggedInMessage(await completion.complete(step));
      }),
    listFactors: (_request, context) =>
      answered(async () => {
        const { totp, recoveryCodes, passkeys: count } = await factors.summary(sessionCaller(context).userId);
        return {
          recoveryCodesLeft: recoveryCodes,
          passkeys: count,
          ...(totp === undefined ? {} : { totp: times(totp) }),
        };
      }),
    beginTotp: (request, context) => answered(() => enrolment.begin(sessionCaller(context), shownIn(request, context))),
    confirmTotp: (request, context) =>
      answered(async () => {
        const client = clientFacts(context.requestHeader);
        return { recoveryCodes: [...(await enrolment.confirm(sessionCaller(context), request.code, client))] };
      }),
    removeTotp: (request, context) =>
      answered(async () => {
        await enrolment.remove(sessionCaller(context), shownIn(request, context));
        return {};
      }),
    newRecoveryCodes: (request, context) =>
      answered(async () => {
        const codes = await enrolment.renewRecoveryCodes(sessionCaller(context), shownIn(request, context));
        return { recoveryCodes: [...codes] };
      }),
    ...passkeyRpc(passkeys, passkeyLogins),
  };
}

function presentedFactor({ factor }: CompleteLoginRequest): PresentedFactor {
  switch (factor.case) {
    case "totpCode":
      return { name: "totp", code: factor.value };
    case "recoveryCode":
      return { name: "recovery_code", code: factor.value };
    case "passkey":
      return { name: "passkey", response: factor.value };
    case undefined:
      throw new AuthError("field_invalid", "a factor is needed", {
        fields: [{ field: "factor", description: "is needed: totpCode, recoveryCode or passkey" }],
      });
  }
}
