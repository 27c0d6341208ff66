import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { SimulationError } from "../domain/lifecycle/errors.ts";
import type { Access } from "../domain/lifecycle/ports.ts";

/**
 * The auth service, seen from the simulation domain. Without its answer there is no permission: try again. An id that it
 * refuses as malformed is the id of no project, and nobody has a role there.
 */
export function authAccess(client: Client<typeof AuthService>): Access {
  return {
    check: async (userId, permission, projectId) => {
      try {
        const { allowed, role } = await client.checkPermission({
          userId,
          permission,
          resource: `project:${projectId}`,
        });
        return { allowed, role };
      } catch (error) {
        const answer = ConnectError.from(error);
        if (answer.code === Code.InvalidArgument) {
          return { allowed: false, role: "" };
        }
        throw new SimulationError("unavailable", "permissions cannot be checked at the moment; try again", {
          cause: answer,
        });
      }
    },
    anybodyOn: async (projectId) => {
      const { grants } = await client.listGrants({ resource: `project:${projectId}` });
      return grants.length > 0;
    },
  };
}
