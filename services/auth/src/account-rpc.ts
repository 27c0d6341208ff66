/** AccountService on the wire: what clients ask. No decisions are taken here. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import type { UserSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import type { Accounts } from "./domain/accounts.ts";
import type { DirectoryUser } from "./domain/ports.ts";
import type { LoggedIn, Sessions } from "./domain/sessions.ts";
import { answered } from "./rpc-errors.ts";
import { requirePrincipal } from "./verifier/principal.ts";

/** Handlers of weft.auth.v1.AccountService. */
export function accountRpc(accounts: Accounts, sessions: Sessions): ServiceImpl<typeof AccountService> {
  return {
    signup: (request) =>
      answered(async () => {
        const { username, email, password, firstName, lastName } = request;
        return loggedInMessage(await accounts.signUp({ username, email, password, firstName, lastName }));
      }),
    login: (request) => answered(async () => loggedInMessage(await accounts.logIn(request.login, request.password))),
    refresh: (request) => answered(async () => loggedInMessage(await sessions.refresh(request.refreshToken))),
    logout: (request) =>
      answered(async () => {
        await sessions.logout(request.refreshToken);
        return {};
      }),
    getProfile: (_request, context) =>
      answered(async () => ({ user: userMessage(await accounts.profile(requirePrincipal(context).userId)) })),
    updateProfile: (request, context) =>
      answered(async () => {
        const { userId } = requirePrincipal(context);
        const { username, email, firstName, lastName } = request;
        const user = await accounts.updateProfile(userId, {
          ...(username === undefined ? {} : { username }),
          ...(email === undefined ? {} : { email }),
          ...(firstName === undefined ? {} : { firstName }),
          ...(lastName === undefined ? {} : { lastName }),
        });
        return { user: userMessage(user) };
      }),
    deleteAccount: (request, context) =>
      answered(async () => {
        await accounts.deleteAccount(requirePrincipal(context).userId, request.password);
        return {};
      }),
  };
}

function loggedInMessage(loggedIn: LoggedIn) {
  const { user, accessToken, refreshToken, expiresInSeconds } = loggedIn;
  return { user: userMessage(user), accessToken, refreshToken, expiresInSeconds };
}

function userMessage(user: DirectoryUser): MessageInitShape<typeof UserSchema> {
  const { userId: id, username, email, firstName, lastName, createdAtMs, updatedAtMs } = user;
  return {
    id,
    username,
    email,
    firstName,
    lastName,
    createdAt: timestampFromMs(createdAtMs),
    ...(updatedAtMs === undefined ? {} : { updatedAt: timestampFromMs(updatedAtMs) }),
  };
}
