import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { ProjectError } from "../domain/errors.ts";
import type { Directory } from "../domain/ports.ts";

/** The user service, seen from the project domain. */
export function userDirectory(client: Client<typeof UserService>): Directory {
  return {
    find: async (who) => {
      try {
        if ("email" in who) {
          const { user } = await client.getUserByLogin({ login: who.email });
          return user === undefined ? undefined : { userId: user.id, username: user.username };
        }
        const { userId, username } =
          "userId" in who
            ? await client.getUserById({ userId: who.userId })
            : await client.getUserByUsername({ username: who.username });
        return { userId, username };
      } catch (error) {
        const answer = ConnectError.from(error);
        if (answer.code === Code.NotFound || answer.code === Code.InvalidArgument) {
          return undefined;
        }
        throw new ProjectError("unavailable", "users cannot be looked up at the moment; try again", { cause: answer });
      }
    },
    usernames: async (userIds) => {
      try {
        const { users } = await client.getUsersByIds({ userIds: [...userIds] });
        return new Map(users.map((user) => [user.userId, user.username]));
      } catch {
        // Names are for people to read; ids say who it is all the same.
        return new Map();
      }
    },
  };
}
