import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { LoginResponseSchema } from "@weft/proto/weft/auth/v1/account_pb.ts";
import type { UserSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import type { Entered } from "./domain/entry.ts";
import type { Admission } from "./domain/logins.ts";
import type { DirectoryUser } from "./domain/ports.ts";
import type { LoggedIn } from "./domain/sessions.ts";

export function loggedInMessage(loggedIn: LoggedIn) {
  const { user, accessToken, refreshToken, expiresInSeconds } = loggedIn;
  return { user: userMessage(user), accessToken, refreshToken, expiresInSeconds };
}

/** What a login gives beyond a refresh: the token of the device. */
export function firstLoggedInMessage(loggedIn: Entered) {
  return { ...loggedInMessage(loggedIn), deviceToken: loggedIn.deviceToken };
}

/** Tokens, or the challenge of a second step. */
export function admissionMessage(admission: Admission): MessageInitShape<typeof LoginResponseSchema> {
  if (!("challenge" in admission)) {
    return firstLoggedInMessage(admission);
  }
  const { challenge, factors, passkeyOptions } = admission;
  return { challenge, factors: [...factors], ...(passkeyOptions === undefined ? {} : { passkeyOptions }) };
}

export function userMessage(user: DirectoryUser): MessageInitShape<typeof UserSchema> {
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
