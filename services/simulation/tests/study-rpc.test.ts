import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { authenticationInterceptor, type Principal } from "@weft/auth/verifier";
import {
  type Database,
  DatabaseUnavailableError,
  errorReason,
  errorViolations,
  openDatabase,
  systemClock,
  validateMessage,
} from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import type { StartStudyRequestSchema } from "@weft/proto/weft/simulation/v1/study_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authAccess } from "../src/adapters/auth-access.ts";
import { type NotifyControl, openNotifyControl } from "../src/adapters/notify-control.ts";
import { PostgresStudyStore } from "../src/adapters/postgres-study-store.ts";
import { projectReader } from "../src/adapters/project-reader.ts";
import { repeat } from "../src/adapters/repeat.ts";
import { threadStudyEngine } from "../src/adapters/thread-study-engine.ts";
import { Studies } from "../src/domain/studies/studies.ts";
import { StudyRunner } from "../src/domain/studies/study-runner.ts";
import { studyRpc } from "../src/study-rpc.ts";

/* Studies from the wire to the threads and back, with a real database and the real simulator; peers are scripted. */

let postgres: TestPostgres;
let database: Database;
let control: NotifyControl;
let runner: StudyRunner;
let client: Client<typeof StudyService>;

const auth = createRouterTransport(({ service }) =>
  service(AuthService, {
    checkPermission: ({ userId, permission, resource }) => {
      const role = resource.startsWith("project:p") && userId !== "eve" ? userId : "";
      return { allowed: role === "owner" || (role === "viewer" && permission === "simulation.read"), role };
    },
  }),
);
const constant = { kind: "constant", meanMs: 0, cv: 0 };
const common = { instances: 1, concurrency: 1, queueCapacity: 1000, errorRatio: 0, hitRatio: 0, fanOut: "sequential" };
const architecture = (meanMs: number, instances = 1) => ({
  components: [
    { ...common, id: "users", name: "Users", kind: "client", serviceTime: constant },
    {
      ...common,
      id: "api",
      name: "API",
      kind: "service",
      instances,
      serviceTime: { kind: "exponential", meanMs, cv: 1 },
    },
  ],
  links: [
    { id: "l", from: "users", to: "api", latency: constant, timeoutMs: 0, retries: 0, callsPerRequest: 1, weight: 1 },
  ],
  workloads: [{ id: "w", component: "users", kind: "poisson", ratePerSecond: 50, users: 1, thinkTimeMs: 0 }],
});
const projects = createRouterTransport(({ service }) =>
  service(ProjectService, {
    getProject: ({ id }) => {
      if (id === "p-gone") throw new ConnectError("unknown", Code.NotFound);
      return {
        project: {
          name: `Shop ${id}`,
          version: 3,
          architecture: architecture(id === "p-fast" ? 2 : 10, id === "p-bad" ? 0 : 1),
        },
      };
    },
  }),
);

/** The token is the user's id. */
const verifier = {
  verify: async (userId: string): Promise<Principal> => ({
    userId,
    username: userId,
    sessionId: "",
    roles: ["user"],
    scopes: undefined,
    expiresAtMs: 0,
  }),
};
const as = (userId: string) => ({ headers: { authorization: `Bearer ${userId}` } });
const owner = as("owner");

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("studies"),
    schema: "simulation_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "study-test",
    logger: silentLogger,
  });
  control = await openNotifyControl(database, silentLogger);
  let ids = 0;
  const shared = {
    store: new PostgresStudyStore(database),
    engine: threadStudyEngine({
      threads: 1,
      // Longer than any check takes: what is refused here is refused at the start.
      after: (_delayMs, work) => {
        const timer = systemClock.setTimer(work, 60_000);
        return () => timer.cancel();
      },
    }),
    control,
    now: () => systemClock.now(),
    sleep: (ms: number) => systemClock.sleep(ms),
  };
  const studies = new Studies({
    ...shared,
    access: authAccess(createClient(AuthService, auth)),
    projects: projectReader(createClient(ProjectService, projects)),
    newId: () => `s${++ids}`,
  });
  runner = new StudyRunner({
    ...shared,
    name: "r1",
    maxStudies: 1,
    every: (intervalMs, work) => repeat(systemClock, intervalMs, work, () => undefined),
    isAway: (error) => error instanceof DatabaseUnavailableError,
    onError: () => undefined,
  });
  runner.start();
  const transport = createRouterTransport((router) => router.service(StudyService, studyRpc(studies)), {
    router: {
      interceptors: [
        authenticationInterceptor(verifier),
        (next) => (request) => {
          if (!request.stream) validateMessage(request.method.input, request.message);
          return next(request);
        },
      ],
    },
  });
  client = createClient(StudyService, transport);
});
afterAll(async () => {
  await runner?.close();
  await control?.close();
  await database?.close();
  await postgres?.close();
});

type Request = Omit<MessageInitShape<typeof StartStudyRequestSchema>, "$typeName">;
const small: Request = { projectId: "p1", durationSeconds: 5, warmupSeconds: 1, replications: 3 };

async function started(request: Request) {
  const { study } = await client.startStudy({ ...small, ...request }, owner);
  return study?.id ?? expect.unreachable("no study");
}

async function ended(id: string) {
  return until(
    "the study has ended",
    async () => {
      const { study } = await client.getStudy({ id }, owner);
      return study !== undefined && ["COMPLETED", "FAILED", "CANCELLED"].includes(study.status) ? study : undefined;
    },
    60_000,
  );
}

async function refused(work: Promise<unknown>) {
  const error = ConnectError.from(
    await work.then(
      () => expect.unreachable("it was taken"),
      (thrown) => thrown,
    ),
  );
  return { code: error.code, reason: errorReason(error), fields: errorViolations(error).map(({ field }) => field) };
}

describe("a study over the wire", () => {
  it("answers a run with what the command line prints, and with a page", async () => {
    const id = await started({ question: { case: "run", value: {} }, settings: ["api.instances=2"] });
    expect(await ended(id)).toMatchObject({ question: "run", status: "COMPLETED", progress: 1, projectVersion: 3 });
    const { result } = await client.getStudyResult({ id }, as("viewer"));
    expect(result).toMatchObject({ replications: 3, seed: 1, durationMs: 5000, warmupMs: 1000 });
    expect(result?.components).toMatchObject([{ id: "users" }, { id: "api", instances: 2 }]);
    expect(result?.theory).toHaveProperty("maximumLoad");
    const { html } = await client.getStudyReport({ id }, as("viewer"));
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain("Shop p1");
  });

  it("judges a run by objectives and prices", async () => {
    const value = { objectives: ["p99<1ms"], prices: { api: 0.5 } };
    const id = await started({ question: { case: "run", value }, settings: ["api.instances=2"] });
    expect(await ended(id)).toMatchObject({ status: "COMPLETED" });
    const { result } = await client.getStudyResult({ id }, as("owner"));
    expect(result).toMatchObject({
      missed: [{ objective: "p99<1ms", probability: { value: 1 } }],
      cost: { perHour: 1 },
    });
  });

  it("compares two projects under the same seeds", async () => {
    const value = { otherProjectId: "p-fast", objectives: ["p99<20ms"], prices: { api: 0.1 } };
    const id = await started({ question: { case: "compare", value } });
    expect(await ended(id)).toMatchObject({ status: "COMPLETED" });
    const { result } = await client.getStudyResult({ id }, owner);
    expect(result).toMatchObject({ before: "Shop p1", after: "Shop p-fast", replications: 3 });
    expect((await client.getStudyReport({ id }, owner)).html).toContain("Shop p1 → Shop p-fast");
  });

  it("sweeps a setting", async () => {
    const id = await started({ question: { case: "sweep", value: { vary: "api.instances=1,2" } } });
    expect(await ended(id)).toMatchObject({ status: "COMPLETED" });
    const { result } = await client.getStudyResult({ id }, owner);
    expect(result).toMatchObject({ target: "api.instances", points: [{ value: "1" }, { value: "2" }] });
  });

  it("finds a capacity", async () => {
    const value = { objectives: ["mean<500ms"], relativePrecision: 0.5, highestLoad: 1 };
    const id = await started({ question: { case: "capacity", value }, load: 1, replications: 10 });
    expect(await ended(id)).toMatchObject({ status: "COMPLETED" });
    const { result } = await client.getStudyResult({ id }, owner);
    expect(result).toMatchObject({ outcome: "always-met", sentence: expect.stringContaining("mean<500ms: met") });
  });

  it("predicts, without a page", async () => {
    const id = await started({ question: { case: "predict", value: {} } });
    expect(await ended(id)).toMatchObject({ status: "COMPLETED" });
    const { result } = await client.getStudyResult({ id }, owner);
    expect(result).toMatchObject({ isSaturated: false, busiest: "api" });
    expect(await refused(client.getStudyReport({ id }, owner))).toMatchObject({ reason: "NOT_FINISHED" });
  });

  it("explains what limits the system", async () => {
    const value = { objective: "p99", prices: { api: { instance: 0.1 } } };
    const id = await started({ question: { case: "explain", value } });
    expect(await ended(id)).toMatchObject({ question: "explain", status: "COMPLETED" });
    const { result } = await client.getStudyResult({ id }, owner);
    expect(result).toMatchObject({ insight: { limit: { component: "api" } }, study: { replications: 3 } });
  });

  it("breaks the system on purpose", async () => {
    const fault = { kind: "crash", on: "api", at: "20s", for: "5s" };
    const gameDay = { version: 1, name: "crash", faults: [fault] };
    const times = { durationSeconds: 60, warmupSeconds: 5 };
    const id = await started({ question: { case: "chaos", value: { gameDay } }, ...times });
    expect(await ended(id)).toMatchObject({ question: "chaos", status: "COMPLETED" });
    const { result } = await client.getStudyResult({ id }, owner);
    expect(result).toMatchObject({ gameDay: { name: "crash", durationMs: 60_000, replications: 3 } });
    expect((await client.getStudyReport({ id }, owner)).html).toMatch(/^<!doctype html>/);
  });

  it("shows how far it is, and is over within a second of being cancelled", async () => {
    const id = await started({ question: { case: "run", value: {} }, durationSeconds: 3000, replications: 500 });
    const seen = await until("progress is told", async () => {
      const { study } = await client.getStudy({ id }, owner);
      return study !== undefined && study.progress > 0 ? study : undefined;
    });
    expect(seen).toMatchObject({ status: "RUNNING", phase: expect.stringMatching(/^\d+ of 500 replications/) });
    expect(await refused(client.getStudyResult({ id }, owner))).toMatchObject({ code: Code.FailedPrecondition });
    const { study } = await client.cancelStudy({ id }, owner);
    expect(study?.status).toBe("CANCELLED");
    const { studies } = await client.listStudies({ projectId: "p1", pageSize: 1 }, as("viewer"));
    expect(studies).toMatchObject([{ id, status: "CANCELLED" }]);
  });

  it("is FAILED with a sentence when the system overflows", async () => {
    const overload = { load: 10_000, durationSeconds: 60, replications: 1, settings: ["api.queueCapacity=1000000"] };
    const id = await started({ question: { case: "run", value: {} }, ...overload });
    expect(await ended(id)).toMatchObject({
      status: "FAILED",
      failureReason: expect.stringMatching(
        /^the replication with seed 1 failed: .*; the system takes in more than it can do/,
      ),
    });
  });

  it("is refused with the field, or with component and field of the model", async () => {
    const run = { question: { case: "run", value: {} } } as const;
    expect(await refused(started({ ...run, settings: ["apo.instances=2"] }))).toEqual({
      code: Code.InvalidArgument,
      reason: "INVALID_FIELDS",
      fields: ["settings[0]"],
    });
    expect(await refused(started({ ...run, projectId: "p-bad" }))).toEqual({
      code: Code.FailedPrecondition,
      reason: "CANNOT_BE_SIMULATED",
      fields: ["architecture.component api instances"],
    });
    expect(await refused(started({ ...run, projectId: "p-gone" }))).toMatchObject({ reason: "PROJECT_UNKNOWN" });
    expect(await refused(client.startStudy({ projectId: "p1" }, owner))).toMatchObject({ code: Code.InvalidArgument });
    expect(await refused(client.getStudy({ id: "none" }, owner))).toMatchObject({ reason: "STUDY_UNKNOWN" });
    expect(await refused(client.startStudy({ ...small, ...run }, as("eve")))).toMatchObject({ code: Code.NotFound });
    const denied = client.startStudy({ ...small, ...run }, as("viewer"));
    expect(await refused(denied)).toMatchObject({ code: Code.PermissionDenied });
  });
});
