/**
 * The user service, seen from the auth domain. Codes become the domain's kinds here: what the caller can act on (taken
 * and refused fields, an unknown user) keeps its meaning, and anything else is "unavailable", with the cause kept for
 * the log. Calls run inside a handler, so the mesh forwards the caller's own token with them.
 */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { errorViolations } from "@weft/mesh";
import type { User, UserResponse } from "@weft/proto/weft/user/v1/user_pb.ts";
import type { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { AuthError } from "../domain/errors.ts";
import type { DirectoryUser, UserDirectory } from "../domain/ports.ts";

/** Far below the age at which an unfinished signup is swept. */
const callTimeoutMs = 5_000;

export function createUserDirectory(client: Client<typeof UserService>): UserDirectory {
  const options = { timeoutMs: callTimeoutMs };
  return {
    create: (user) => translated(async () => fromUser((await client.createUser({ ...user }, options)).user)),
    async remove(userId) {
      await translated(() => client.deleteUser({ userId }, options));
    },
    findByLogin: (login) =>
      translated(() => found(async () => fromUser((await client.getUserByLogin({ login }, options)).user))),
    findById: (userId) =>
      translated(() => found(async () => fromResponse(await client.getUserById({ userId }, options)))),
    ownProfile: (userId) => translated(async () => fromUser((await client.getUser({ userId }, options)).user)),
    updateOwnProfile: (userId, changes) =>
      translated(async () => fromUser((await client.changeProfile({ userId, ...changes }, options)).user)),
  };
}

async function found<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) {
      return undefined;
    }
    throw error;
  }
}

async function translated<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof ConnectError ? authErrorFrom(error) : error;
  }
}

function authErrorFrom(error: ConnectError): AuthError | ConnectError {
  const options = { fields: errorViolations(error), cause: error };
  switch (error.code) {
    case Code.AlreadyExists:
      return new AuthError("field_taken", error.rawMessage, options);
    case Code.InvalidArgument:
      return new AuthError("field_invalid", error.rawMessage, options);
    case Code.NotFound:
      return new AuthError("user_unknown", error.rawMessage, options);
    case Code.PermissionDenied:
      return new AuthError("not_allowed", error.rawMessage, options);
    case Code.Unauthenticated:
      // The caller's token ended between our look at it and theirs: their refusal already says so.
      return error;
    default:
      return new AuthError("unavailable", "the user service cannot be reached at the moment; try again", options);
  }
}

function fromUser(user: User | undefined): DirectoryUser {
  if (user === undefined) {
    throw new AuthError("unavailable", "the user service answered without a user");
  }
  const { id, username, email, firstName, lastName, createdAt, updatedAt } = user;
  const createdAtMs = createdAt === undefined ? 0 : timestampMs(createdAt);
  const updatedAtMs = updatedAt === undefined ? createdAtMs : timestampMs(updatedAt);
  return { userId: id, username, email, firstName, lastName, createdAtMs, updatedAtMs };
}

function fromResponse(user: UserResponse): DirectoryUser {
  const { userId, username, email, firstName, lastName, createdAt } = user;
  return { userId, username, email, firstName, lastName, createdAtMs: Number(createdAt) };
}
