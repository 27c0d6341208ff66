/**
 * Users, seen from the project domain: people, whom the user service knows, and service accounts, of which only the auth
 * service knows. It is asked about whom the first one does not know.
 */
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import type { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { ProjectError } from "../domain/errors.ts";
import type { Directory } from "../domain/ports.ts";

/** A project has a few service accounts; those who left their name nowhere (deleted users) must not make a list slow. */
const mostAskedByName = 20;

export function userDirectory(users: Client<typeof UserService>, auth: Client<typeof AuthService>): Directory {
  const serviceAccount = async (userId: string): Promise<{ userId: string; username: string } | undefined> => {
    const { valid, user } = await auth.validateUser({ userId });
    return valid && user !== undefined ? { userId: user.userId, username: user.username } : undefined;
  };
  return {
    find: async (who) => {
      try {
        if ("email" in who) {
          const { user } = await users.getUserByLogin({ login: who.email });
          return user === undefined ? undefined : { userId: user.id, username: user.username };
        }
        const { userId, username } =
          "userId" in who
            ? await users.getUserById({ userId: who.userId })
            : await users.getUserByUsername({ username: who.username });
        return { userId, username };
      } catch (error) {
        const answer = ConnectError.from(error);
        if (answer.code !== Code.NotFound && answer.code !== Code.InvalidArgument) {
          throw unavailable(answer);
        }
      }
      return "userId" in who
        ? serviceAccount(who.userId).catch((error: unknown) => {
            throw unavailable(ConnectError.from(error));
          })
        : undefined;
    },
    usernames: async (userIds) => {
      try {
        const found = await users.getUsersByIds({ userIds: [...userIds] });
        const names = new Map(found.users.map((user) => [user.userId, user.username]));
        const others = userIds.filter((userId) => !names.has(userId)).slice(0, mostAskedByName);
        for (const account of await Promise.all(others.map(serviceAccount))) {
          if (account !== undefined) {
            names.set(account.userId, account.username);
          }
        }
        return names;
      } catch {
        // Names are for people to read; ids say who it is all the same.
        return new Map();
      }
    },
  };
}

function unavailable(cause: ConnectError): ProjectError {
  return new ProjectError("unavailable", "users cannot be looked up at the moment; try again", { cause });
}
