/** The user service on the wire: protobuf to domain and back, error kinds to codes. No decisions are taken here. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, type ServiceImpl } from "@connectrpc/connect";
import { isAdmin, type Principal, requirePrincipal } from "@weft/auth/verifier";
import { serviceError } from "@weft/mesh";
import {
  type ChangeProfileRequest,
  type UpdateUserRequest,
  type UserResponse,
  UserResponseSchema,
  type UserSchema,
} from "@weft/proto/weft/user/v1/user_pb.ts";
import type { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { UserError, type UserErrorKind } from "./domain/errors.ts";
import type { User, UserChanges } from "./domain/ports.ts";
import type { Caller, Users } from "./domain/users.ts";

/** Handlers of weft.user.v1.UserService. */
export function userRpc(users: Users): ServiceImpl<typeof UserService> {
  return {
    getUserById: (request) => answered(async () => userResponse(await users.byId(request.userId))),
    getUserByUsername: (request) => answered(async () => userResponse(await users.byUsername(request.username))),
    validateUserExists: (request) =>
      answered(async () => {
        const user = await users.find(request.userId);
        return { exists: user !== undefined, username: user?.username ?? "" };
      }),
    getUsersByIds: (request) =>
      answered(async () => ({ users: (await users.byIds(request.userIds)).map(userResponse) })),
    getUserByLogin: (request) => answered(async () => ({ user: userMessage(await users.byLogin(request.login)) })),
    createUser: (request) =>
      answered(async () => {
        const { userId, username, email, firstName, lastName } = request;
        return { user: userMessage(await users.create({ id: userId, username, email, firstName, lastName })) };
      }),
    deleteUser: (request) =>
      answered(async () => {
        await users.remove(request.userId);
        return {};
      }),
    getUser: (request, context) =>
      answered(async () => {
        const caller = callerFrom(requirePrincipal(context));
        return { user: userMessage(await users.read(caller, request.userId)) };
      }),
    changeProfile: (request) =>
      answered(async () => ({ user: userMessage(await users.change(request.userId, changesFrom(request))) })),
    updateUser: (request, context) =>
      answered(async () => {
        const caller = callerFrom(requirePrincipal(context));
        return { user: userMessage(await users.update(caller, request.userId, changesFrom(request))) };
      }),
  };
}

const codes = {
  user_unknown: { code: Code.NotFound, reason: "USER_UNKNOWN" },
  field_taken: { code: Code.AlreadyExists, reason: "FIELD_TAKEN" },
  not_allowed: { code: Code.PermissionDenied, reason: "NOT_OWN_USER" },
  proof_needed: { code: Code.FailedPrecondition, reason: "PROOF_NEEDED" },
} satisfies Record<UserErrorKind, { code: Code; reason: string }>;

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UserError) {
      const { code, reason } = codes[error.kind];
      throw serviceError(code, reason, error.message, { violations: error.fields, cause: error });
    }
    throw error;
  }
}

function callerFrom(principal: Principal): Caller {
  return { userId: principal.userId, admin: isAdmin(principal) };
}

function changesFrom(request: ChangeProfileRequest | UpdateUserRequest): UserChanges {
  const { username, email, firstName, lastName } = request;
  return {
    ...(username === undefined ? {} : { username }),
    ...(email === undefined ? {} : { email }),
    ...(firstName === undefined ? {} : { firstName }),
    ...(lastName === undefined ? {} : { lastName }),
  };
}

function userMessage(user: User): MessageInitShape<typeof UserSchema> {
  const { id, username, email, firstName, lastName, createdAtMs, updatedAtMs } = user;
  const createdAt = timestampFromMs(createdAtMs);
  return { id, username, email, firstName, lastName, createdAt, updatedAt: timestampFromMs(updatedAtMs) };
}

function userResponse(user: User): UserResponse {
  const { id, username, email, firstName, lastName, createdAtMs } = user;
  const createdAt = BigInt(createdAtMs);
  return create(UserResponseSchema, { userId: id, username, email, firstName, lastName, createdAt });
}
