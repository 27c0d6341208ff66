import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import { type UserResponse, UserResponseSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";

type Method = "createUser" | "deleteUser" | "getUserById" | "getUserByLogin";

/** A user service that keeps users in memory and fails on request, before or after it has done what was asked. */
export interface ScriptedUserService {
  readonly client: Client<typeof UserService>;
  readonly users: Map<string, UserResponse>;
  readonly calls: Method[];
  /** Called before the method does anything; may throw, or wait. */
  before: Partial<Record<Method, () => void | Promise<void>>>;
  /** Called when the method has done its work, instead of its answer if it throws. */
  after: Partial<Record<Method, () => void | Promise<void>>>;
}

export function createScriptedUserService(): ScriptedUserService {
  const users = new Map<string, UserResponse>();
  const calls: Method[] = [];
  const find = (matches: (user: UserResponse) => boolean): UserResponse => {
    const user = [...users.values()].find(matches);
    if (user === undefined) {
      throw serviceError(Code.NotFound, "USER_UNKNOWN", "there is no such user");
    }
    return user;
  };
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const scripted = async <T>(method: Method, work: () => T): Promise<T> => {
    calls.push(method);
    await peer.before[method]?.();
    const result = work();
    await peer.after[method]?.();
    return result;
  };
  const full = ({ userId: id, username, email, firstName, lastName, createdAt }: UserResponse) => {
    const at = timestampFromMs(Number(createdAt));
    return { id, username, email, firstName, lastName, createdAt: at, updatedAt: at };
  };
  const transport = createRouterTransport((router) => {
    router.service(UserService, {
      createUser: (request) =>
        scripted("createUser", () => {
          const fields = (["username", "email"] as const).filter((field) =>
            [...users.values()].some((user) => user.userId !== request.userId && same(user[field], request[field])),
          );
          if (fields.length > 0) {
            const violations = fields.map((field) => ({ field, description: "taken" }));
            throw serviceError(Code.AlreadyExists, "FIELD_TAKEN", "taken", { violations });
          }
          const { userId, username, email, firstName, lastName } = request;
          const stored = { userId, username, email, firstName, lastName, createdAt: 1_700_000_000_000n };
          const user = create(UserResponseSchema, stored);
          users.set(userId, user);
          return { user: full(user) };
        }),
      deleteUser: (request) =>
        scripted("deleteUser", () => {
          users.delete(request.userId);
          return {};
        }),
      getUserById: (request) => scripted("getUserById", () => find((user) => user.userId === request.userId)),
      getUserByLogin: (request) =>
        scripted("getUserByLogin", () => ({
          user: full(find((user) => same(user.username, request.login) || same(user.email, request.login))),
        })),
      getUser: (request) => ({ user: full(find((user) => user.userId === request.userId)) }),
      changeProfile: (request) => {
        const user = find((one) => one.userId === request.userId);
        user.firstName = request.firstName ?? user.firstName;
        return { user: full(user) };
      },
    });
  });
  const peer: ScriptedUserService = {
    client: createClient(UserService, transport),
    users,
    calls,
    before: {},
    after: {},
  };
  return peer;
}

/** What a client sees of a peer that cannot be reached. */
export function away(): never {
  throw serviceError(Code.Unavailable, "UNAVAILABLE", "no instance can be reached");
}
