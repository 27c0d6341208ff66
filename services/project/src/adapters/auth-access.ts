import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectError } from "../domain/errors.ts";
import type { Access } from "../domain/ports.ts";

/**
 * The auth service, seen from the project domain. It knows a project as the resource "project:<id>". An id that it
 * refuses as malformed is the id of no project, and nobody has a role there.
 */
export function authAccess(client: Client<typeof AuthService>): Access {
  const resource = (projectId: string): string => `project:${projectId}`;
  return {
    check: async (userId, permission, projectId) => {
      const { allowed, role } = await reached(() =>
        client.checkPermission({ userId, permission, resource: resource(projectId) }).catch((error: unknown) => {
          if (ConnectError.from(error).code === Code.InvalidArgument) {
            return { allowed: false, role: "" };
          }
          throw error;
        }),
      );
      return { allowed, role };
    },
    grant: async (userId, role, projectId) => {
      await reached(() => client.grantRole({ userId, role, resource: resource(projectId) }));
    },
    revoke: async (userId, projectId) => {
      await reached(() => client.revokeRole({ userId, resource: resource(projectId) }));
    },
    revokeAll: async (projectId) => {
      await reached(() => client.revokeRole({ userId: "", resource: resource(projectId) }));
    },
  };
}

/** No answer of the auth service means no permission, and that is said as what it is: try again. */
async function reached<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw new ProjectError("unavailable", "permissions cannot be checked at the moment; try again", {
      cause: ConnectError.from(error),
    });
  }
}
