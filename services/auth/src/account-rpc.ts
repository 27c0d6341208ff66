/** AccountService on the wire: what clients ask. No decisions are taken here. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import type { Accounts } from "./domain/accounts.ts";
import type { EmailVerification } from "./domain/email-verification.ts";
import type { Logins } from "./domain/logins.ts";
import type { PasswordRecovery } from "./domain/password-recovery.ts";
import type { Passwords } from "./domain/passwords.ts";
import type { Reauthentication } from "./domain/reauthentication.ts";
import type { SecurityEvents } from "./domain/security-events.ts";
import type { Sessions } from "./domain/sessions.ts";
import { emailRpc } from "./email-rpc.ts";
import { admissionMessage, firstLoggedInMessage, loggedInMessage, userMessage } from "./logged-in-message.ts";
import { passwordRpc } from "./password-rpc.ts";
import { answered } from "./rpc-errors.ts";
import { securityEventRpc } from "./security-event-rpc.ts";
import { sessionCaller, sessionRpc } from "./session-rpc.ts";
import { requirePrincipal } from "./verifier/principal.ts";

export interface AccountRpcOptions {
  readonly accounts: Accounts;
  readonly logins: Logins;
  readonly passwords: Passwords;
  readonly recovery: PasswordRecovery;
  readonly verification: EmailVerification;
  readonly sessions: Sessions;
  readonly reauthentication: Reauthentication;
  readonly trail: SecurityEvents;
}

/** Handlers of weft.auth.v1.AccountService. */
export function accountRpc({
  accounts,
  logins,
  passwords,
  recovery,
  verification,
  sessions,
  reauthentication,
  trail,
}: AccountRpcOptions): ServiceImpl<typeof AccountService> {
  return {
    signup: (request, context) =>
      answered(async () => {
        const { username, email, password, firstName, lastName } = request;
        const client = clientFacts(context.requestHeader);
        const signup = { username, email, password, firstName, lastName, client };
        return firstLoggedInMessage(await accounts.signUp(signup));
      }),
    login: (request, context) =>
      answered(async () => {
        const { login, password, deviceToken } = request;
        const client = clientFacts(context.requestHeader);
        return admissionMessage(await logins.logIn({ login, password, deviceToken, client }));
      }),
    refresh: (request, context) =>
      answered(async () => {
        const client = clientFacts(context.requestHeader);
        return loggedInMessage(await sessions.refresh(request.refreshToken, client));
      }),
    logout: (request) =>
      answered(async () => {
        await sessions.logout(request.refreshToken);
        return {};
      }),
    getProfile: (_request, context) =>
      answered(async () => ({ user: userMessage(await accounts.profile(requirePrincipal(context).userId)) })),
    updateProfile: (request, context) =>
      answered(async () => {
        const { username, email, firstName, lastName } = request;
        const changes = {
          ...(username === undefined ? {} : { username }),
          ...(email === undefined ? {} : { email }),
          ...(firstName === undefined ? {} : { firstName }),
          ...(lastName === undefined ? {} : { lastName }),
        };
        const shown = { password: request.password, code: "", client: clientFacts(context.requestHeader) };
        const user = await accounts.updateProfile(sessionCaller(context), changes, shown);
        return { user: userMessage(user) };
      }),
    deleteAccount: (request, context) =>
      answered(async () => {
        await accounts.deleteAccount(sessionCaller(context), request.password);
        return {};
      }),
    ...passwordRpc(passwords, recovery),
    ...emailRpc(verification),
    ...securityEventRpc(trail),
    ...sessionRpc(sessions, reauthentication),
  };
}
