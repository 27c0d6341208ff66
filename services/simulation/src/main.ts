/** Joins the simulation service: store, engine, peers, rules, runner and handlers. */
import { randomInt } from "node:crypto";
import { authenticationInterceptor, createTokenVerifier } from "@weft/auth/verifier";
import { DatabaseUnavailableError, parseDurationMs, startService } from "@weft/mesh";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import packageJson from "../package.json" with { type: "json" };
import { authAccess } from "./adapters/auth-access.ts";
import { openNotifyControl } from "./adapters/notify-control.ts";
import { PostgresSimulationStore } from "./adapters/postgres-simulation-store.ts";
import { projectReader } from "./adapters/project-reader.ts";
import { frameChannel, pubsubFrameFeed } from "./adapters/pubsub-frame-feed.ts";
import { repeat } from "./adapters/repeat.ts";
import { workerEngine } from "./adapters/worker-engine.ts";
import { callers } from "./callers.ts";
import { loadConfig } from "./config.ts";
import { Runner } from "./domain/lifecycle/runner.ts";
import { Simulations } from "./domain/lifecycle/simulations.ts";
import { stopOrphans } from "./domain/lifecycle/stop-orphans.ts";
import { simulationRpc } from "./rpc.ts";

const retentionIntervalMs = 3_600_000;
/** One of them may have 150 000 points: a statement has to end in seconds. */
const retentionBatch = 20;
const orphanIntervalMs = 60_000;

await startService({
  name: packageJson.weft.service,
  version: packageJson.version,
  basePort: packageJson.weft.basePort,
  peers: {
    "auth-service": { services: [AuthService], basePort: 9000 },
    "project-service": { services: [ProjectService], basePort: 10_000 },
  },
  callers,
  uses: { database: true, publishes: ["simulation:*"], subscribes: ["auth:revocations"] },
  async setup(mesh) {
    const { clock, random, logger, redis, pubsub } = mesh;
    const config = loadConfig(mesh.env, parseDurationMs);
    const database = await mesh.openDatabase({
      schema: packageJson.weft.database,
      migrationsDir: new URL("../migrations/", import.meta.url),
    });
    const control = await openNotifyControl(database, logger);
    const store = new PostgresSimulationStore(database);
    const engine = workerEngine({ frameRateHz: config.frameRateHz });
    const auth = mesh.client(AuthService);
    const access = authAccess(auth);
    const feed = pubsubFrameFeed(pubsub, logger);
    const now = () => clock.now();
    const sleep = (ms: number) => clock.sleep(ms);
    const onError = (message: string, error: unknown) => logger.error({ err: error }, message);
    const simulations = new Simulations({
      store,
      engine,
      access,
      projects: projectReader(mesh.client(ProjectService)),
      control,
      feed,
      now,
      newId: () => random.id(),
      newSeed: () => randomInt(2 ** 32),
      sleep,
    });
    const runner = new Runner({
      name: mesh.instanceId,
      store,
      engine,
      control,
      feed,
      maxRuns: config.maxRuns,
      now,
      sleep,
      every: (intervalMs, work) =>
        repeat(clock, intervalMs, work, (error) => onError("upkeep of simulations failed", error)),
      isAway: (error) => error instanceof DatabaseUnavailableError,
      onError,
    });
    const stopOrphanSearch = repeat(
      clock,
      orphanIntervalMs,
      () => stopOrphans({ store, access, feed, now }),
      (error) => onError("simulations of deleted projects could not be stopped", error),
    );
    const stopRetention = repeat(
      clock,
      retentionIntervalMs,
      async () => {
        const expire = () => store.removeFinishedBefore(now() - config.retentionMs, retentionBatch);
        const trim = () => store.removeFinishedBeyond(config.keptPerProject, retentionBatch);
        while ((await expire()) === retentionBatch);
        while ((await trim()) === retentionBatch);
      },
      (error) => onError("old simulations could not be removed", error),
    );
    mesh.metrics.gauge({ name: "weft_simulation_runs", help: "Simulations running here now.", labels: [] }, (gauge) =>
      gauge.set(runner.active),
    );
    const verifier = createTokenVerifier({ client: auth, pubsub, redis, clock, logger });
    return {
      routes: (router) => router.service(SimulationService, simulationRpc(simulations, frameChannel)),
      interceptors: [authenticationInterceptor(verifier)],
      checks: { postgres: () => database.ping() },
      ready: () => runner.start(),
      close: async () => {
        stopOrphanSearch();
        stopRetention();
        await runner.close();
        await verifier.close();
        await control.close();
        await database.close();
      },
    };
  },
});
