import { createRequire } from "node:module";
import { startService } from "@weft/mesh";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { callers } from "./callers.ts";
import { createUser } from "./create-user.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

// It has no settings of its own: what the mesh reads (stores, ports, logging) is all it needs.
await startService({
  name: "user-service",
  version,
  basePort: 12_000,
  peers: { "auth-service": { services: [AuthService], basePort: 9000 } },
  callers,
  uses: { database: true, publishes: ["user:changes"], subscribes: ["auth:revocations"] },
  async setup(mesh) {
    const database = await mesh.openDatabase({
      schema: "user_schema",
      migrationsDir: new URL("../migrations", import.meta.url),
    });
    const { redis, pubsub, clock, random, logger, metrics } = mesh;
    const auth = mesh.client(AuthService);
    const parts = await createUser({ database, auth, redis, pubsub, clock, random, logger, metrics });
    return {
      routes: parts.routes,
      interceptors: [...parts.interceptors],
      checks: { postgres: () => database.ping() },
      async close() {
        await parts.close();
        await database.close();
      },
    };
  },
});
