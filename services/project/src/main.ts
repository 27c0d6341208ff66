/** Joins the project service: stores, peers, rules and handlers. */
import { authenticationInterceptor, createTokenVerifier } from "@weft/auth/verifier";
import { ensureOutboxTables, OutboxRelay, startService } from "@weft/mesh";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import packageJson from "../package.json" with { type: "json" };
import { authAccess } from "./adapters/auth-access.ts";
import { cachedProjectStore } from "./adapters/cached-project-store.ts";
import { createChannelPublish, createOutboxAppend } from "./adapters/change-outbox.ts";
import { livePresenceFeed } from "./adapters/live-presence-feed.ts";
import { PostgresProjectStore } from "./adapters/postgres-project-store.ts";
import { PostgresTemplateStore } from "./adapters/postgres-template-store.ts";
import { userDirectory } from "./adapters/user-directory.ts";
import { WorkerImporter } from "./adapters/worker-importer.ts";
import { callers } from "./callers.ts";
import { systemTemplates } from "./domain/architecture/templates/index.ts";
import { Projects } from "./domain/projects.ts";
import { Templates } from "./domain/templates.ts";
import { projectRpc } from "./rpc.ts";

await startService({
  name: packageJson.weft.service,
  version: packageJson.version,
  basePort: packageJson.weft.basePort,
  peers: {
    "auth-service": { services: [AuthService], basePort: 9000 },
    "simulation-service": { services: [SimulationService], basePort: 11_000 },
    "user-service": { services: [UserService], basePort: 12_000 },
  },
  callers,
  uses: { database: true, publishes: ["project:*"], subscribes: ["auth:revocations"] },
  async setup(mesh) {
    const { clock, random, logger, redis, pubsub, channels, metrics } = mesh;
    const database = await mesh.openDatabase({
      schema: packageJson.weft.database,
      migrationsDir: new URL("../migrations/", import.meta.url),
    });
    const auth = mesh.client(AuthService);
    const now = () => clock.now();
    const newId = () => random.id();
    const templates = new Templates({
      system: systemTemplates,
      store: new PostgresTemplateStore(database),
      now,
      newId,
    });
    const importer = new WorkerImporter({ clock });
    await ensureOutboxTables(database);
    const publish = createChannelPublish(channels);
    const relay = new OutboxRelay({ database, publish, clock, random, logger, metrics });
    await relay.start();
    const store = new PostgresProjectStore(database, createOutboxAppend(clock, random));
    const projects = new Projects({
      store: cachedProjectStore({ store, redis, logger }),
      templates,
      importer,
      access: authAccess(auth),
      directory: userDirectory(mesh.client(UserService), auth),
      feed: livePresenceFeed(pubsub, logger),
      now,
      newId,
    });
    const verifier = createTokenVerifier({ client: auth, pubsub, redis, clock, logger });
    return {
      routes: (router) => router.service(ProjectService, projectRpc(projects, templates)),
      interceptors: [authenticationInterceptor(verifier)],
      checks: { postgres: () => database.ping() },
      close: async () => {
        await relay.close();
        await importer.close();
        await verifier.close();
        await database.close();
      },
    };
  },
});
