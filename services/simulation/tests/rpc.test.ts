import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { authenticationInterceptor, type Principal } from "@weft/auth/verifier";
import {
  type Database,
  DatabaseUnavailableError,
  errorReason,
  errorViolations,
  openDatabase,
  serviceError,
  systemClock,
  validateMessage,
} from "@weft/mesh";
import { createMemoryPubSub, silentLogger, until } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import type { PlannedChange } from "@weft/proto/weft/simulation/v1/change_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { decodeFrame } from "@weft/simulator/frames";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { authAccess } from "../src/adapters/auth-access.ts";
import { type NotifyControl, openNotifyControl } from "../src/adapters/notify-control.ts";
import { PostgresSimulationStore } from "../src/adapters/postgres-simulation-store.ts";
import { projectReader } from "../src/adapters/project-reader.ts";
import { frameChannel, pubsubFrameFeed } from "../src/adapters/pubsub-frame-feed.ts";
import { repeat } from "../src/adapters/repeat.ts";
import { workerEngine } from "../src/adapters/worker-engine.ts";
import { Runner } from "../src/domain/lifecycle/runner.ts";
import { Simulations } from "../src/domain/lifecycle/simulations.ts";
import { simulationRpc } from "../src/rpc.ts";

let postgres: TestPostgres;
let database: Database;
let control: NotifyControl;
let runner: Runner;
let client: Client<typeof SimulationService>;
const frames: { simulationId: string; status: string; sequence: number }[] = [];
const traces: {
  channel: string;
  simulationId: string;
  requests: { component: string; answeredMs: number | null }[][];
}[] = [];
/** What a peer answers to everything, when it is not to answer. */
const broken: { auth?: ConnectError; project?: ConnectError } = {};

const auth = createRouterTransport(({ service }) =>
  service(AuthService, {
    checkPermission: ({ userId, permission, resource }) => {
      if (broken.auth !== undefined) throw broken.auth;
      if (!/^project:[\w.-]+$/.test(resource)) throw new ConnectError("resource", Code.InvalidArgument);
      const role = userId === "eve" || !resource.startsWith("project:p") ? "" : userId;
      return { allowed: role === "owner" || (role === "viewer" && permission === "simulation.read"), role };
    },
  }),
);
const exponential = (meanMs: number) => ({ kind: "exponential", meanMs, cv: 1 });
const constant = { kind: "constant", meanMs: 0, cv: 0 };
const common = { instances: 1, concurrency: 1, queueCapacity: 1000, errorRatio: 0, hitRatio: 0, fanOut: "sequential" };
const architecture = (ratePerSecond: number) => ({
  components: [
    { ...common, id: "users", name: "Users", kind: "client", serviceTime: constant },
    { ...common, id: "api", name: "API", kind: "service", serviceTime: exponential(5), concurrency: 4 },
  ],
  links: [
    { id: "l", from: "users", to: "api", latency: constant, timeoutMs: 0, retries: 0, callsPerRequest: 1, weight: 1 },
  ],
  workloads: [{ id: "w", component: "users", kind: "poisson", ratePerSecond, users: 1, thinkTimeMs: 0 }],
});
const projects = createRouterTransport(({ service }) =>
  service(ProjectService, {
    getProject: ({ id }) => {
      if (broken.project !== undefined) throw broken.project;
      if (id === "p-gone") throw new ConnectError("unknown", Code.NotFound);
      const empty = { components: [], links: [], workloads: [] };
      return {
        project: { version: 3, architecture: id === "p-empty" ? empty : architecture(id === "p-fast" ? 10_000 : 200) },
      };
    },
  }),
);

function heardFrame(payload: Uint8Array): (typeof frames)[number] {
  const { simulationId, status, frame } = decodeFrame(payload);
  return { simulationId, status, sequence: frame.sequence };
}

/** The token is the user's id. */
const verifier = {
  async verify(userId: string): Promise<Principal> {
    if (userId === "nobody") throw serviceError(Code.Unauthenticated, "TOKEN_INVALID", "not a token");
    return { userId, username: userId, sessionId: "", roles: ["user"], scopes: undefined, expiresAtMs: 0 };
  },
};
const as = (userId: string) => ({ headers: { authorization: `Bearer ${userId}` } });
const owner = as("owner");

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("simulations"),
    schema: "simulation_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "simulation-test",
    logger: silentLogger,
  });
  control = await openNotifyControl(database, silentLogger);
  const pubsub = createMemoryPubSub({ logger: silentLogger });
  await pubsub.subscribe("simulation:*", (_channel, payload) => void frames.push(heardFrame(payload)));
  await pubsub.subscribe(
    "traces:*",
    (channel, payload) => void traces.push({ channel, ...JSON.parse(String(payload)) }),
  );
  let ids = 0;
  const shared = {
    store: new PostgresSimulationStore(database),
    engine: workerEngine(),
    control,
    feed: pubsubFrameFeed(pubsub, silentLogger),
    now: () => systemClock.now(),
    sleep: (ms: number) => systemClock.sleep(ms),
  };
  const simulations = new Simulations({
    ...shared,
    access: authAccess(createClient(AuthService, auth)),
    projects: projectReader(createClient(ProjectService, projects)),
    newId: () => `s${++ids}`,
    newSeed: () => 4_294_967_295,
    // A starved machine is no lost instance.
    patienceMs: 60_000,
  });
  runner = new Runner({
    ...shared,
    name: "r1",
    maxRuns: 2,
    every: (intervalMs, work) => repeat(systemClock, intervalMs, work, () => undefined),
    isAway: (error) => error instanceof DatabaseUnavailableError,
    onError: () => undefined,
  });
  runner.start();
  const transport = createRouterTransport(
    (router) => router.service(SimulationService, simulationRpc(simulations, frameChannel)),
    {
      router: {
        interceptors: [
          authenticationInterceptor(verifier),
          (next) => (request) => {
            if (!request.stream) validateMessage(request.method.input, request.message);
            return next(request);
          },
        ],
      },
    },
  );
  client = createClient(SimulationService, transport);
});
afterAll(async () => {
  await runner?.close();
  await control?.close();
  await database?.close();
  await postgres?.close();
});
beforeEach(() => {
  delete broken.auth;
  delete broken.project;
});

const start = async (more: object = {}, projectId = "p1") => {
  const { simulation } = await client.startSimulation({ projectId, durationSeconds: 20, ...more }, owner);
  return simulation ?? expect.fail("no simulation");
};
const statusOf = async (id: string) => (await client.getSimulation({ id }, as("viewer"))).simulation?.status;
const reaches = (id: string, status: string) => until(`it is ${status}`, async () => (await statusOf(id)) === status);
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail("was accepted"),
    (error: unknown) => ({
      code: ConnectError.from(error).code,
      reason: errorReason(error),
      fields: errorViolations(error).map(({ field }) => field),
    }),
  );

const errors = (ratio: number) => ({ case: "errors" as const, value: { component: "api", ratio } });
const resultsOf = async (id: string) => (await client.getResults({ id }, owner)).results ?? expect.fail("no results");
/** Waits until the run's last heartbeat told that it is past that simulated time. */
const passes = (id: string, seconds: number) =>
  until(`it is past ${seconds} simulated seconds`, async () => {
    const { simulation } = await client.getSimulation({ id }, owner);
    return (simulation?.simulatedSeconds ?? 0) > seconds;
  });

describe("SimulationService", () => {
  it("runs a simulation to its end, shows it live, and keeps its results and metrics", async () => {
    const { id, status, channel, seed, projectVersion } = await start();
    expect({ status, channel, seed, projectVersion }).toEqual({
      status: "PENDING",
      channel: `simulation:${id}`,
      seed: 4_294_967_295,
      projectVersion: 3,
    });
    await until("its last frame is shown", () =>
      frames.some((frame) => frame.simulationId === id && frame.status === "COMPLETED"),
    );
    // Whoever has seen the end can read what it was.
    const { results } = await client.getResults({ id }, as("viewer"));
    expect(results).toMatchObject({ status: "COMPLETED", simulatedSeconds: 20, seed, simulationId: id });
    const api = results?.components.find((component) => component.id === "api");
    expect(api?.utilization).toBeCloseTo(0.25, 1);
    // It calls nobody: all of its utilization is its own work, and by Little's law 200/s × 5 ms are in it.
    expect(api?.workUtilization).toBeCloseTo(api?.utilization ?? 0, 9);
    expect(api?.inFlightMean).toBeCloseTo(1, 0);
    const sequences = frames.filter((frame) => frame.simulationId === id).map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => index + 1));
    const [shown] = traces.filter(({ simulationId }) => simulationId === id);
    expect(shown?.channel).toBe(`traces:${id}`);
    expect(shown?.requests.length).toBeLessThanOrEqual(20);
    expect(shown?.requests[0]?.map(({ component }) => component)).toContain("api");
    const { points } = await client.getMetrics({ id, component: "api", maxPoints: 5 }, as("viewer"));
    expect(points.length).toBeGreaterThan(0);
    expect(points.length).toBeLessThanOrEqual(5);
    expect(points.at(-1)?.simulatedSeconds).toBeCloseTo(20);
    expect(points.at(-1)?.p95Ms).toBeGreaterThan(points.at(-1)?.p50Ms ?? 0);
    const { points: whole } = await client.getMetrics({ id, maxPoints: 5 }, as("viewer"));
    expect(whole.at(-1)?.goodputPerSecond).toBeGreaterThan(0);
    expect(
      (await client.listSimulations({ projectId: "p1" }, as("viewer"))).simulations.map((one) => one.id),
    ).toContain(id);
  });

  it("is the same run with the same seed", async () => {
    const hashes = [];
    for (const seed of [5, 5, 6]) {
      const { id } = await start({ seed, durationSeconds: 5 });
      await reaches(id, "COMPLETED");
      hashes.push((await client.getResults({ id }, owner)).results?.eventTraceHash);
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it("is paused, resumed, loaded and stopped, each answered when it shows", async () => {
    const { id } = await start({ speed: 1, durationSeconds: 3600 });
    await reaches(id, "RUNNING");
    expect((await client.pauseSimulation({ id }, owner)).simulation?.status).toBe("PAUSED");
    expect((await client.pauseSimulation({ id }, owner)).simulation?.status).toBe("PAUSED");
    expect((await client.setLoad({ id, load: 2 }, owner)).simulation).toMatchObject({ status: "PAUSED", load: 2 });
    expect((await client.resumeSimulation({ id }, owner)).simulation?.status).toBe("RUNNING");
    expect(await refusal(client.getResults({ id }, owner))).toMatchObject({ reason: "NOT_FINISHED" });
    expect(await refusal(client.setLoad({ id, load: 10_000 }, owner))).toMatchObject({ code: Code.InvalidArgument });
    expect((await client.stopSimulation({ id }, owner)).simulation?.status).toBe("STOPPED");
    expect((await client.stopSimulation({ id }, owner)).simulation?.status).toBe("STOPPED");
    const { results } = await client.getResults({ id }, owner);
    expect(results?.loadChanges.map(({ load }) => load)).toEqual([1, 2]);
    expect(await refusal(client.resumeSimulation({ id }, owner))).toMatchObject({ reason: "WRONG_STATUS" });
  });

  it("is broken and mended live, and the same changes at the same simulated times make the same run", async () => {
    const { id } = await start({ speed: 50, durationSeconds: 3600, seed: 9 });
    await reaches(id, "RUNNING");
    const change = (kind: ReturnType<typeof errors> | { case: "load"; value: { load: number } }) =>
      client.applyChange({ id, change: { kind } }, owner);
    const brokenAt = (await change(errors(1))).atSeconds ?? expect.fail("took no effect");
    await passes(id, brokenAt + 5);
    await client.pauseSimulation({ id }, owner);
    const mended = await change(errors(0));
    expect(mended).toMatchObject({ simulation: { status: "PAUSED" }, atSeconds: expect.any(Number) });
    await client.resumeSimulation({ id }, owner);
    expect(await change({ case: "load", value: { load: 2 } })).toMatchObject({ simulation: { load: 2 } });
    await passes(id, (mended.atSeconds ?? 0) + 5);
    await client.stopSimulation({ id }, owner);
    const made = await resultsOf(id);
    expect(made.changes.map((one) => [one.atSeconds, one.change?.kind.case])).toEqual([
      [brokenAt, "errors"],
      [mended.atSeconds, "errors"],
      [expect.any(Number), "load"],
    ]);
    // 200 a second; half a second is left for what was on its way.
    expect(made.failed).toBeGreaterThan(150 * 4.5);
    const component = made.components.find((one) => one.id === "api");
    expect(component).toMatchObject({ instancesMean: 1, waitProbability: expect.any(Number) });
    expect(made.goodputPerSecond).toBeGreaterThan(0);

    const again = async (changes: typeof made.changes) => {
      const planned = await start({ durationSeconds: made.simulatedSeconds, seed: 9, changes });
      await reaches(planned.id, "COMPLETED");
      return resultsOf(planned.id);
    };
    const { changes, failed, eventTraceHash } = await again(made.changes);
    expect({ changes, failed, eventTraceHash }).toEqual({
      changes: made.changes,
      failed: made.failed,
      eventTraceHash: made.eventTraceHash,
    });
    const load = made.changes[2] as PlannedChange;
    const later = { ...load, atSeconds: load.atSeconds + 0.01 };
    expect((await again([...made.changes.slice(0, 2), later])).eventTraceHash).not.toBe(made.eventTraceHash);
  });

  it("is broken again when it was, when it begins again on another instance", async () => {
    const { id } = await start({ speed: 50, durationSeconds: 3600, seed: 9 });
    await reaches(id, "RUNNING");
    const { atSeconds = 0 } = await client.applyChange({ id, change: { kind: errors(1) } }, owner);
    await database.query("update simulations set status = 'PENDING', runner = null where id = $1", [id]);
    await until("it was taken again", async () => {
      const [row] = await database.query<{ attempts: number }>("select attempts from simulations where id = $1", [id]);
      return row?.attempts === 2;
    });
    await passes(id, atSeconds + 2);
    await client.stopSimulation({ id }, owner);
    const { changes, failed } = await resultsOf(id);
    expect(changes).toMatchObject([{ atSeconds, change: { kind: errors(1) } }]);
    expect(failed).toBeGreaterThan(0);
  });

  it("takes changes before it runs, which are there from the start", async () => {
    const busy = [await start({ speed: 1, durationSeconds: 3600 }), await start({ speed: 1, durationSeconds: 3600 })];
    for (const { id } of busy) await reaches(id, "RUNNING");
    const { id } = await start({ durationSeconds: 2 });
    const answer = await client.applyChange({ id, change: { kind: errors(1) } }, owner);
    expect(answer.simulation?.status).toBe("PENDING");
    expect(answer.atSeconds).toBeUndefined();
    for (const one of busy) await client.stopSimulation({ id: one.id }, owner);
    await reaches(id, "COMPLETED");
    expect(await resultsOf(id)).toMatchObject({ completed: 0, changes: [{ atSeconds: 0 }] });
  });

  it("waits while all places are taken, and is stopped while it waits", async () => {
    const running = [
      await start({ speed: 1, durationSeconds: 3600 }),
      await start({ speed: 1, durationSeconds: 3600 }),
    ];
    for (const { id } of running) await reaches(id, "RUNNING");
    const waiting = await start();
    expect((await client.setLoad({ id: waiting.id, load: 3 }, owner)).simulation).toMatchObject({
      status: "PENDING",
      load: 3,
    });
    expect(await refusal(client.pauseSimulation({ id: waiting.id }, owner))).toMatchObject({ reason: "WRONG_STATUS" });
    expect((await client.stopSimulation({ id: waiting.id }, owner)).simulation?.status).toBe("STOPPED");
    expect(frames.at(-1)).toMatchObject({ simulationId: waiting.id, status: "STOPPED" });
    for (const { id } of running) await client.stopSimulation({ id }, owner);
  });

  it("stops the engine of a run whose row is taken away", async () => {
    const { id } = await start({ speed: 1, durationSeconds: 3600 });
    await reaches(id, "RUNNING");
    await database.query("delete from simulations where id = $1", [id]);
    await until("nothing runs here", () => runner.active === 0);
  });

  const NUL = "\0";
  const rows: [string, Code, string, () => Promise<unknown>, string?][] = [
    ["no token", Code.Unauthenticated, "TOKEN_MISSING", () => client.getSimulation({ id: "s1" })],
    ["a stranger", Code.NotFound, "SIMULATION_UNKNOWN", () => client.getSimulation({ id: "s1" }, as("eve"))],
    [
      "a viewer who starts one",
      Code.PermissionDenied,
      "NOT_ALLOWED",
      () => client.startSimulation({ projectId: "p1", durationSeconds: 1 }, as("viewer")),
    ],
    ["an unknown id", Code.NotFound, "SIMULATION_UNKNOWN", () => client.getSimulation({ id: "none" }, owner)],
    ["an id with NUL", Code.InvalidArgument, "INVALID_FIELDS", () => client.stopSimulation({ id: NUL }, owner)],
    ["an unknown project", Code.NotFound, "PROJECT_UNKNOWN", () => start({}, "x")],
    ["a project that auth refuses", Code.NotFound, "PROJECT_UNKNOWN", () => start({}, "a b")],
    ["a deleted project", Code.NotFound, "PROJECT_UNKNOWN", () => start({}, "p-gone")],
    [
      "an empty project",
      Code.FailedPrecondition,
      "CANNOT_BE_SIMULATED",
      () => start({}, "p-empty"),
      "architecture.workloads",
    ],
    [
      "a load beyond the engine's",
      Code.FailedPrecondition,
      "CANNOT_BE_SIMULATED",
      () => start({ load: 10_000 }, "p-fast"),
      "architecture.ratePerSecond",
    ],
    [
      "more events than anybody waits for",
      Code.InvalidArgument,
      "TOO_LARGE",
      () => start({ durationSeconds: 86_400, load: 500 }),
      "durationSeconds",
    ],
    ["a run that lasts for weeks", Code.InvalidArgument, "INVALID_FIELDS", () => start({ speed: 1e-6 }), "speed"],
    ["no duration", Code.InvalidArgument, "INVALID_FIELDS", () => start({ durationSeconds: 0 }), "durationSeconds"],
    [
      "a duration that is not a number",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () => start({ durationSeconds: Number.NaN }),
      "durationSeconds",
    ],
    [
      "an endless load",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () => start({ load: Number.POSITIVE_INFINITY }),
      "load",
    ],
    [
      "a forged page token",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () =>
        client.listSimulations({ projectId: "p1", pageToken: Buffer.from('["x","y"]').toString("base64url") }, owner),
      "pageToken",
    ],
    [
      "a change of a run that has ended",
      Code.FailedPrecondition,
      "WRONG_STATUS",
      () => client.applyChange({ id: "s1", change: { kind: errors(1) } }, owner),
    ],
    [
      "a change by a viewer",
      Code.PermissionDenied,
      "NOT_ALLOWED",
      () => client.applyChange({ id: "s1", change: { kind: errors(1) } }, as("viewer")),
    ],
    ["no change", Code.InvalidArgument, "INVALID_FIELDS", () => client.applyChange({ id: "s1" }, owner), "change"],
    [
      "a change of nothing that there is",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      async () => {
        const { id } = await start({ speed: 1, durationSeconds: 60 });
        const change = { kind: { case: "loss" as const, value: { link: "users->db", ratio: 1 } } };
        const answer = client.applyChange({ id, change }, owner);
        await answer.catch(() => undefined);
        await client.stopSimulation({ id }, owner);
        return answer;
      },
      "change.loss.link",
    ],
    [
      "a planned change of nothing that there is",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () =>
        start({
          changes: [{ atSeconds: 1, change: { kind: { case: "flush" as const, value: { component: "db" } } } }],
        }),
      "changes[0].change.flush.component",
    ],
    [
      "a change that is planned for after the end",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () => start({ changes: [{ atSeconds: 21, change: { kind: errors(1) } }] }),
      "changes[0].atSeconds",
    ],
    [
      "metrics of an unknown component",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () => client.getMetrics({ id: "s1", component: "none" }, owner),
      "component",
    ],
  ];

  it.each(rows)("refuses %s", async (_what, code, reason, call, field) => {
    const answer = await refusal(call());
    expect(answer).toMatchObject({ code, reason });
    if (field !== undefined) expect(answer.fields).toContain(field);
  });

  it("is unavailable, not forbidden, while auth or project service do not answer", async () => {
    broken.auth = new ConnectError("away", Code.DeadlineExceeded);
    expect(await refusal(client.getSimulation({ id: "s1" }, owner))).toMatchObject({ code: Code.Unavailable });
    delete broken.auth;
    broken.project = new ConnectError("away", Code.Unavailable);
    expect(await refusal(start())).toMatchObject({ code: Code.Unavailable, reason: "UNAVAILABLE" });
  });
});
