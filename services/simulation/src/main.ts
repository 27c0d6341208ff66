/** Joins the simulation service: stores, engines, peers, rules, runners and handlers, of simulations and of studies. */
import { randomInt } from "node:crypto";
import { authenticationInterceptor, createTokenVerifier } from "@weft/auth/verifier";
import { DatabaseUnavailableError, parseDurationMs, startService } from "@weft/mesh";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import packageJson from "../package.json" with { type: "json" };
import { authAccess } from "./adapters/auth-access.ts";
import { openNotifyControl } from "./adapters/notify-control.ts";
import { PostgresSimulationStore } from "./adapters/postgres-simulation-store.ts";
import { PostgresStudyStore } from "./adapters/postgres-study-store.ts";
import { projectReader } from "./adapters/project-reader.ts";
import { frameChannel, pubsubFrameFeed } from "./adapters/pubsub-frame-feed.ts";
import { repeat } from "./adapters/repeat.ts";
import { threadStudyEngine } from "./adapters/thread-study-engine.ts";
import { workerEngine } from "./adapters/worker-engine.ts";
import { callers } from "./callers.ts";
import { loadConfig } from "./config.ts";
import { Runner } from "./domain/lifecycle/runner.ts";
import { Simulations } from "./domain/lifecycle/simulations.ts";
import { stopOrphans } from "./domain/lifecycle/stop-orphans.ts";
import { cancelOrphans } from "./domain/studies/cancel-orphans.ts";
import { Studies } from "./domain/studies/studies.ts";
import { StudyRunner } from "./domain/studies/study-runner.ts";
import { simulationRpc } from "./rpc.ts";
import { studyRpc } from "./study-rpc.ts";

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
  uses: { database: true, publishes: ["simulation:*", "traces:*"], subscribes: ["auth:revocations"] },
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
    const isAway = (error: unknown) => error instanceof DatabaseUnavailableError;
    const projects = projectReader(mesh.client(ProjectService));
    const simulations = new Simulations({
      store,
      engine,
      access,
      projects,
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
      isAway,
      onError,
    });
    const studyStore = new PostgresStudyStore(database);
    const studyEngine = threadStudyEngine({
      threads: config.threadsPerStudy,
      after: (delayMs, work) => {
        const timer = clock.setTimer(work, delayMs);
        return () => timer.cancel();
      },
    });
    const studies = new Studies({
      store: studyStore,
      engine: studyEngine,
      access,
      projects,
      control,
      now,
      newId: () => random.id(),
      sleep,
    });
    const studyRunner = new StudyRunner({
      name: mesh.instanceId,
      store: studyStore,
      engine: studyEngine,
      control,
      maxStudies: config.maxStudies,
      now,
      sleep,
      every: (intervalMs, work) =>
        repeat(clock, intervalMs, work, (error) => onError("upkeep of studies failed", error)),
      isAway,
      onError,
    });
    const stopOrphanSearch = repeat(
      clock,
      orphanIntervalMs,
      async () => {
        await stopOrphans({ store, access, feed, now });
        await cancelOrphans({ store: studyStore, access, now });
      },
      (error) => onError("simulations and studies of deleted projects could not be stopped", error),
    );
    const stopRetention = repeat(
      clock,
      retentionIntervalMs,
      async () => {
        for (const kept of [store, studyStore]) {
          const expire = () => kept.removeFinishedBefore(now() - config.retentionMs, retentionBatch);
          const trim = () => kept.removeFinishedBeyond(config.keptPerProject, retentionBatch);
          while ((await expire()) === retentionBatch);
          while ((await trim()) === retentionBatch);
        }
      },
      (error) => onError("old simulations and studies could not be removed", error),
    );
    mesh.metrics.gauge({ name: "weft_simulation_runs", help: "Simulations running here now.", labels: [] }, (gauge) =>
      gauge.set(runner.active),
    );
    mesh.metrics.gauge({ name: "weft_simulation_studies", help: "Studies answered here now.", labels: [] }, (gauge) =>
      gauge.set(studyRunner.active),
    );
    const verifier = createTokenVerifier({ client: auth, pubsub, redis, clock, logger });
    return {
      routes: (router) =>
        router
          .service(SimulationService, simulationRpc(simulations, frameChannel))
          .service(StudyService, studyRpc(studies)),
      interceptors: [authenticationInterceptor(verifier)],
      checks: { postgres: () => database.ping() },
      ready: () => {
        runner.start();
        studyRunner.start();
      },
      close: async () => {
        stopOrphanSearch();
        stopRetention();
        await Promise.all([runner.close(), studyRunner.close()]);
        await verifier.close();
        await control.close();
        await database.close();
      },
    };
  },
});
