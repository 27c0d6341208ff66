import { type Client, ConnectError } from "@connectrpc/connect";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { SimulationError } from "../domain/lifecycle/errors.ts";
import type { Access } from "../domain/lifecycle/ports.ts";

/** The auth service, seen from the simulation domain. Without its answer there is no permission: try again. */
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
        throw new SimulationError("unavailable", "permissions cannot be checked at the moment; try again", {
          cause: ConnectError.from(error),
        });
      }
    },
  };
}
