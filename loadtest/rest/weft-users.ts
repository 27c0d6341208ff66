import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { startService } from "@weft/mesh";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { serviceEnvironment } from "../contenders/weft.ts";
import type { PartSettings } from "./parts.ts";
import { userOf } from "./user.ts";

/**
 * The user service of a system whose other services are the real ones: users are made up instead of stored, so that what
 * is measured is the way to a service and back. Nobody's account is kept, which is all that signing up needs.
 */
export async function serveWeftUsers({ redisUrl }: PartSettings): Promise<number> {
  const service = await startService({
    name: "user-service",
    version: "1.0.0",
    basePort: 0,
    handleSignals: false,
    env: serviceEnvironment(redisUrl),
    setup: () => ({
      routes: (router) =>
        router.service(UserService, {
          createUser: ({ userId }) => ({ user: messageOf(userId) }),
          getUser: ({ userId }) => ({ user: messageOf(userId) }),
        }),
    }),
  });
  return service.mesh.ports.grpc ?? 0;
}

function messageOf(id: string) {
  const { createdAtMs, updatedAtMs, ...texts } = userOf(id);
  return { ...texts, createdAt: timestampFromMs(createdAtMs), updatedAt: timestampFromMs(updatedAtMs) };
}
