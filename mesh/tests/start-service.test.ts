import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, type ConnectRouter, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { trace } from "@opentelemetry/api";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "@weft/proto/grpc/reflection/v1/reflection_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { Redis } from "ioredis";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type CallContext, currentCall } from "../src/call-context.ts";
import { systemClock } from "../src/clock.ts";
import type { RunningService, ServiceOptions } from "../src/server/service.ts";
import { startService } from "../src/server/start-service.ts";
import { errorReason } from "../src/service-error.ts";
import { until } from "../src/testing/until.ts";
import { startTestRedis, type TestStore, testRedisKinds } from "./stores.ts";

let redis: TestStore;
let admin: Redis;
const started: RunningService[] = [];

beforeAll(async () => {
  redis = await startTestRedis(testRedisKinds[0] ?? "js");
  admin = new Redis(redis.url, { retryStrategy: () => 20 });
  admin.on("error", () => undefined);
});
afterAll(async () => {
  admin.disconnect();
  await redis.close();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.stop()));
});

const anyPorts = { GRPC_PORT: "0", HTTP_PORT: "0", METRICS_PORT: "0", HEALTH_PORT: "0" };

async function start(
  options: Partial<ServiceOptions> & Pick<ServiceOptions, "name" | "setup">,
): Promise<RunningService> {
  const service = await startService({
    version: "1.2.3",
    basePort: 50_000,
    handleSignals: false,
    logger: pino({ enabled: false }),
    ...options,
    env: { REDIS_URL: redis.url, ...anyPorts, ...options.env },
  });
  started.push(service);
  return service;
}

const users = (router: ConnectRouter): void =>
  void router.service(UserService, {
    getUserById: ({ userId }) => ({ userId, username: `user ${userId}` }),
    getUser: ({ userId }) => {
      if (userId === "nobody") {
        throw new ConnectError("there is no such user", Code.NotFound);
      }
      if (userId === "bug") {
        throw new Error("hunter2");
      }
      return { user: { id: userId, username: "ada" } };
    },
  });

const startUsers = (options: Partial<ServiceOptions> = {}): Promise<RunningService> =>
  start({ name: "user-service", setup: () => ({ routes: users }), ...options });

const at = ({ mesh }: RunningService, port: string): string => `http://127.0.0.1:${mesh.ports[port]}`;
const failure = (promise: Promise<unknown>): Promise<ConnectError> =>
  promise.then(
    () => expect.fail("it was answered"),
    (error: unknown) => error as ConnectError,
  );

/** A client of @grpc/grpc-js that knows a method from its descriptor alone. */
function grpcJsClient(service: RunningService, described: DescService): grpc.Client & Record<string, CallableFunction> {
  const definition = (method: DescMethod): grpc.MethodDefinition<Message, Message> => ({
    path: `/${described.typeName}/${method.name}`,
    requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: (message) => Buffer.from(toBinary(method.input, message)),
    requestDeserialize: (bytes) => fromBinary(method.input, bytes),
    responseSerialize: (message) => Buffer.from(toBinary(method.output, message)),
    responseDeserialize: (bytes) => fromBinary(method.output, bytes),
  });
  const methods = Object.fromEntries(described.methods.map((method) => [method.name, definition(method)]));
  const Constructor = grpc.makeGenericClientConstructor(methods, described.typeName);
  const address = `127.0.0.1:${service.mesh.ports.grpc}`;
  return new Constructor(address, grpc.credentials.createInsecure()) as grpc.Client & Record<string, CallableFunction>;
}

describe("one call of startService", () => {
  const transports: Record<string, (url: string) => Transport> = {
    "gRPC over HTTP/2": (baseUrl) => createGrpcTransport({ baseUrl }),
    "Connect over HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" }),
    "Connect over HTTP/1.1": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" }),
    "gRPC-Web over HTTP/2": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    "gRPC-Web over HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  };

  test.each(Object.keys(transports))("serves %s on the gRPC port", async (kind) => {
    const service = await startUsers();
    const client = createClient(UserService, transports[kind]?.(at(service, "grpc")) ?? expect.fail());
    expect(await client.getUserById({ userId: "u1" })).toMatchObject({ username: "user u1" });
    const error = await failure(client.getUser({ userId: "nobody" }));
    expect(error).toMatchObject({ code: Code.NotFound, rawMessage: "there is no such user" });
    expect(error.metadata.get("x-correlation-id")).not.toBeNull();
    expect(await failure(client.getUser({ userId: "bug" }))).toMatchObject({
      code: Code.Internal,
      rawMessage: "internal error",
    });
    expect(errorReason(await failure(client.getUserById({ userId: "" })))).toBe("INVALID_FIELDS");
  });

  test("serves a plain @grpc/grpc-js client, reflection included", async () => {
    const service = await startUsers();
    const client = grpcJsClient(service, UserService);
    const answer = await new Promise((resolve, reject) => {
      client.GetUserById?.(
        { $typeName: "weft.user.v1.GetUserByIdRequest", userId: "u1" },
        (error: unknown, value: unknown) => (error === null ? resolve(value) : reject(error)),
      );
    });
    expect(answer).toMatchObject({ username: "user u1" });
    client.close();

    const reflection = grpcJsClient(service, ServerReflection);
    const call = reflection.ServerReflectionInfo?.() as grpc.ClientDuplexStream<
      unknown,
      { messageResponse: { case: string; value: unknown } }
    >;
    const answers: { case: string; value: unknown }[] = [];
    call.on("data", ({ messageResponse }) => answers.push(messageResponse));
    const ended = once(call, "end");
    const questions = [
      { case: "listServices", value: "" },
      { case: "fileContainingSymbol", value: "weft.user.v1.UserService.GetUser" },
      { case: "fileContainingSymbol", value: "weft.user.v1.Nothing" },
      { case: "fileByFilename", value: "weft/user/v1/user.proto" },
      {
        case: "fileContainingExtension",
        value: {
          $typeName: "grpc.reflection.v1.ExtensionRequest",
          containingType: "google.protobuf.MethodOptions",
          extensionNumber: 72_295_728,
        },
      },
      { case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" },
    ];
    for (const messageRequest of questions) {
      call.write({ $typeName: "grpc.reflection.v1.ServerReflectionRequest", host: "", messageRequest });
    }
    call.end();
    await ended;
    reflection.close();
    expect(answers.map((one) => one.case)).toEqual([
      "listServicesResponse",
      "fileDescriptorResponse",
      "errorResponse",
      "fileDescriptorResponse",
      "fileDescriptorResponse",
      "allExtensionNumbersResponse",
    ]);
    expect(answers[0]?.value).toMatchObject({ service: [{ name: "weft.user.v1.UserService" }] });
    expect(answers[2]?.value).toMatchObject({ errorCode: Code.NotFound });
    expect(answers[5]?.value).toMatchObject({ extensionNumber: expect.arrayContaining([72_295_728]) as unknown });
  });

  test("serves `buf curl`, which learns all methods by reflection", async () => {
    const service = await startUsers();
    const buf = async (...args: string[]) =>
      (await promisify(execFile)("buf", ["curl", "--http2-prior-knowledge", ...args])).stdout;
    const methods = (await buf("--list-methods", at(service, "grpc"))).trim().split("\n");
    expect(methods.sort()).toEqual(UserService.methods.map(({ name }) => `weft.user.v1.UserService/${name}`).sort());
    const answer = await buf(
      "--protocol",
      "grpc",
      "-d",
      '{"userId":"u1"}',
      `${at(service, "grpc")}/weft.user.v1.UserService/GetUserById`,
    );
    expect(JSON.parse(answer)).toMatchObject({ username: "user u1" });
  });

  test("serves REST on the HTTP port, with one error model", async () => {
    const service = await startUsers();
    const ask = async (path: string, init = {}) => {
      const response = await fetch(at(service, "http") + path, init);
      return {
        status: response.status,
        body: (await response.json()) as Record<string, unknown>,
        headers: response.headers,
      };
    };
    const good = await ask("/api/users/u1", { headers: { "x-correlation-id": "c-1" } });
    expect(good).toMatchObject({ status: 200, body: { id: "u1", username: "ada" } });
    expect(good.headers.get("x-correlation-id")).toBe("c-1");
    expect(await ask("/api/users/nobody")).toMatchObject({ status: 404, body: { code: "not_found" } });
    expect(JSON.stringify((await ask("/api/users/bug")).body)).not.toContain("hunter2");
    expect(await ask("/nowhere")).toMatchObject({ status: 404, body: { code: "not_found" } });
  });

  test("answers 500 and lives on when the service's own HTTP handler fails", async () => {
    const service = await startUsers({
      setup: () => ({ routes: users, http: () => Promise.reject(new Error("hunter2")) }),
    });
    const response = await fetch(`${at(service, "http")}/own`);
    expect([response.status, (await response.text()).includes("hunter2")]).toEqual([500, false]);
    expect((await fetch(`${at(service, "http")}/livez`)).status).toBe(200);
  });

  test("serves metrics of process, calls and registry on their port", async () => {
    const service = await startUsers();
    await createClient(UserService, createGrpcTransport({ baseUrl: at(service, "grpc") })).getUserById({
      userId: "u1",
    });
    const response = await fetch(`${at(service, "metrics")}/metrics`);
    expect(response.headers.get("content-type")).toContain("text/plain");
    const text = await response.text();
    for (const name of [
      "process_resident_memory_bytes",
      "nodejs_eventloop_lag_seconds",
      "nodejs_gc_duration_seconds",
      "weft_registry_up",
    ]) {
      expect(text).toContain(name);
    }
    expect(text).toMatch(
      /weft_server_calls_total\{code="ok",method="weft.user.v1.UserService\/GetUserById",service="user-service",.*\} 1/,
    );
    expect((await fetch(`${at(service, "metrics")}/`)).status).toBe(404);
  });

  test("tells its health over HTTP and gRPC, on the health port and beside the service", async () => {
    let broken = false;
    const service = await startUsers({
      setup: () => ({
        routes: users,
        checks: { store: () => (broken ? Promise.reject(new Error("away")) : Promise.resolve()) },
      }),
    });
    const status = async (path: string) => (await fetch(at(service, "health") + path)).status;
    expect([await status("/livez"), await status("/readyz"), await status("/healthz")]).toEqual([200, 200, 200]);
    const clients = ["health", "grpc"].map((port) =>
      createClient(Health, createGrpcTransport({ baseUrl: at(service, port) })),
    );
    const servings = () => Promise.all(clients.map(async (client) => (await client.check({})).status));
    expect(await servings()).toEqual([Serving.SERVING, Serving.SERVING]);
    broken = true;
    await until("it is not ready", async () => (await status("/readyz")) === 503);
    expect([await status("/livez"), await status("/healthz")]).toEqual([200, 200]);
    expect(await servings()).toEqual([Serving.NOT_SERVING, Serving.NOT_SERVING]);
    await until("the registry knows", async () => (await record(service))?.health === "unhealthy");
  });
});

interface RecordInRedis {
  readonly health: string;
  readonly ports: Record<string, number>;
  readonly services: string[];
}

async function record({ instance }: RunningService): Promise<RecordInRedis | undefined> {
  const text = await admin.get(`services:${instance.name}:${instance.instanceId}`);
  return text === null ? undefined : (JSON.parse(text) as RecordInRedis);
}

interface Seen {
  readonly context: CallContext | undefined;
  readonly traceId: string | undefined;
  readonly leftMs: number;
}

/** auth → user → project, each a service of its own; every handler notes what it sees and asks the next. */
async function chain(last: () => Promise<unknown>) {
  const seen: Seen[] = [];
  const note = (): void => {
    const context = currentCall();
    const leftMs = (context?.deadlineMs ?? Number.POSITIVE_INFINITY) - systemClock.monotonicMs();
    seen.push({ context, traceId: trace.getActiveSpan()?.spanContext().traceId, leftMs });
  };
  const projects = await start({
    name: "project-service",
    setup: () => ({
      routes: (router) =>
        void router.service(ProjectService, {
          getProject: async () => {
            note();
            await last();
            return {};
          },
        }),
    }),
  });
  const middle = await start({
    name: "user-service",
    peers: { "project-service": { services: [ProjectService], pool: { minConnections: 1 } } },
    setup: (mesh) => ({
      routes: (router) =>
        void router.service(UserService, {
          getUserById: async () => {
            note();
            await mesh.client(ProjectService).getProject({ id: "11111111-1111-4111-8111-111111111111" });
            return {};
          },
        }),
    }),
  });
  const front = await start({
    name: "auth-service",
    peers: { "user-service": { services: [UserService], pool: { minConnections: 1 } } },
    setup: (mesh) => ({
      routes: (router) =>
        void router.service(AuthService, {
          validateToken: async () => {
            note();
            await mesh.client(UserService).getUserById({ userId: "u1" });
            return {};
          },
        }),
    }),
  });
  await until("each knows the next", () => {
    const ready = [front.mesh.peerState("user-service"), middle.mesh.peerState("project-service")];
    return ready.every(({ available }) => available === 1);
  });
  const client: Client<typeof AuthService> = createClient(
    AuthService,
    createGrpcTransport({ baseUrl: at(front, "grpc") }),
  );
  return { seen, client, services: { projects, middle, front } };
}

describe("a call through three services", () => {
  test("carries correlation id, trace, authorization and an ever shorter deadline", async () => {
    const { seen, client } = await chain(() => Promise.resolve());
    await client.validateToken(
      { token: "t" },
      {
        timeoutMs: 20_000,
        headers: {
          "x-correlation-id": "c-1",
          authorization: "Bearer t",
          traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
      },
    );
    expect(seen.map(({ context }) => context?.correlationId)).toEqual(["c-1", "c-1", "c-1"]);
    expect(seen.map(({ context }) => context?.authorization)).toEqual(Array(3).fill("Bearer t"));
    expect(new Set(seen.map(({ traceId }) => traceId))).toEqual(new Set(["0af7651916cd43dd8448eb211c80319c"]));
    const [first = 0, second = 0, third = 0] = seen.map(({ leftMs }) => leftMs);
    // Five are kept back on each hop; the wire counts whole milliseconds, rounded up.
    expect(first).toBeLessThan(20_001);
    expect(first - second).toBeGreaterThan(4);
    expect(second - third).toBeGreaterThan(4);
    expect(third).toBeGreaterThan(0);
  });

  test("that is cancelled at the top is cancelled at the bottom", async () => {
    const { seen, client } = await chain(() => new Promise(() => undefined));
    const leaving = new AbortController();
    const pending = failure(client.validateToken({ token: "t" }, { signal: leaving.signal }));
    await until("it has reached the bottom", () => seen.length === 3);
    expect(seen.map(({ context }) => context?.signal?.aborted)).toEqual([false, false, false]);
    leaving.abort();
    expect((await pending).code).toBe(Code.Canceled);
    await until("all three know", () => seen.every(({ context }) => context?.signal?.aborted));
  });

  test("that runs out of time fails with DEADLINE_EXCEEDED at the bottom first", async () => {
    const { seen, client } = await chain(() => new Promise(() => undefined));
    expect((await failure(client.validateToken({ token: "t" }, { timeoutMs: 1000 }))).code).toBe(Code.DeadlineExceeded);
    await until("the bottom knows", () => seen.length === 3 && seen.every(({ context }) => context?.signal?.aborted));
  });

  test("brings a refusal of the bottom to the top, in every protocol", async () => {
    const { services } = await chain(() => Promise.reject(new ConnectError("not yours", Code.PermissionDenied)));
    for (const transport of [createGrpcTransport, createConnectTransport, createGrpcWebTransport]) {
      const client = createClient(
        AuthService,
        transport({ baseUrl: at(services.front, "grpc"), httpVersion: "2" } as never),
      );
      const error = await failure(client.validateToken({ token: "t" }));
      expect(error).toMatchObject({ code: Code.PermissionDenied, rawMessage: "not yours" });
      expect(error.metadata.get("x-correlation-id")).not.toBeNull();
    }
  });
});

describe("a service whose Redis goes away", () => {
  test("goes on calling and being called, and is registered again when Redis is back, empty", async () => {
    const target = await startUsers();
    const front = await start({
      name: "auth-service",
      peers: { "user-service": { services: [UserService], pool: { minConnections: 1 } } },
      setup: () => ({ routes: () => undefined }),
    });
    const client = front.mesh.client(UserService);
    await until("they know each other", () => front.mesh.peerState("user-service").available === 1);
    await redis.stop();
    await until("the loss is noticed", () => front.mesh.redis.state() === "away");
    for (let call = 0; call < 20; call += 1) {
      expect(await client.getUserById({ userId: "u1" })).toMatchObject({ username: "user u1" });
    }
    await redis.start();
    await until("it is registered again", async () => (await record(target).catch(() => undefined)) !== undefined);
    expect(await client.getUserById({ userId: "u1" })).toMatchObject({ username: "user u1" });
  });
});

describe("a service that stops", () => {
  test("leaves the registry first, then refuses, while the call in flight ends well", async () => {
    const gate = Promise.withResolvers<void>();
    const order: string[] = [];
    let arrived = false;
    const service = await startUsers({
      setup: () => ({
        routes: (router) =>
          void router.service(UserService, {
            getUserById: async ({ userId }) => {
              arrived = true;
              await gate.promise;
              order.push("call ended");
              return { userId };
            },
          }),
        stopAccepting: async () => {
          order.push((await record(service)) === undefined ? "record gone" : "record there");
          order.push((await dialled(service.mesh.ports.grpc ?? 0)) ? "accepting" : "refusing");
        },
        close: () => {
          order.push("closed");
          return Promise.resolve();
        },
      }),
    });
    expect((await record(service))?.ports).toEqual(service.mesh.ports);
    const pending = createClient(UserService, createGrpcTransport({ baseUrl: at(service, "grpc") })).getUserById({
      userId: "u1",
    });
    await until("the call is in flight", () => arrived);
    const stopped = service.stop();
    await until("it refuses", async () => !(await dialled(service.mesh.ports.grpc ?? 0)));
    expect((await fetch(`${at(service, "health")}/readyz`)).status).toBe(503);
    gate.resolve();
    expect(await pending).toMatchObject({ userId: "u1" });
    await stopped;
    expect(order).toEqual(["record gone", "accepting", "call ended", "closed"]);
    await service.stop();
  });

  test("cuts what does not end in time, and goes on when a step of the service's own fails", async () => {
    let closed = false;
    let arrived = false;
    const service = await startUsers({
      env: { WEFT_DRAIN_TIMEOUT: "50ms" },
      setup: () => ({
        routes: (router) =>
          void router.service(UserService, {
            getUserById: () => {
              arrived = true;
              return new Promise(() => undefined);
            },
          }),
        stopAccepting: () => Promise.reject(new Error("a bug")),
        close: () => {
          closed = true;
          return Promise.reject(new Error("another"));
        },
      }),
    });
    const pending = failure(
      createClient(UserService, createGrpcTransport({ baseUrl: at(service, "grpc") })).getUserById({ userId: "u" }),
    );
    await until("the call is in flight", () => arrived);
    await service.stop();
    expect(closed).toBe(true);
    expect(await pending).toBeInstanceOf(ConnectError);
  });

  test("is not held up by a watcher of its health or by an idle connection", async () => {
    const service = await startUsers();
    const statuses: Serving[] = [];
    const watching = (async () => {
      const client = createClient(Health, createGrpcTransport({ baseUrl: at(service, "grpc") }));
      for await (const { status } of client.watch({})) {
        statuses.push(status);
      }
    })();
    await until("it is watched", () => statuses.length === 1);
    const idle = connect(service.mesh.ports.grpc ?? 0, "127.0.0.1");
    idle.on("error", () => undefined);
    await once(idle, "connect");
    await service.stop();
    await watching;
    expect(statuses).toEqual([Serving.SERVING, Serving.NOT_SERVING]);
  });

  test("leaves nothing that keeps its process alive, and ends with 0 on SIGTERM", async () => {
    const script = (handleSignals: boolean, then: string) => `
      const { startService } = await import(${JSON.stringify(new URL("../src/server/start-service.ts", import.meta.url).href)});
      const service = await startService({ name: "user-service", version: "1", basePort: 50000, handleSignals: ${handleSignals},
        peers: { "user-service": { services: [] } }, setup: () => ({ routes: () => {} }) });
      ${then}`;
    const run = (source: string) =>
      spawn(process.execPath, ["--input-type=module", "-e", source], {
        env: { ...process.env, REDIS_URL: redis.url, LOG_LEVEL: "info", ...anyPorts },
        stdio: ["ignore", "pipe", "inherit"],
      });
    const stopping = run(script(false, "await service.stop();"));
    stopping.stdout.resume();
    const signalled = run(script(true, ""));
    let output = "";
    signalled.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const codes = Promise.all([once(stopping, "exit"), once(signalled, "exit")]);
    await until("the service is ready", () => output.includes("service is ready"));
    signalled.kill("SIGTERM");
    expect(await codes).toEqual([
      [0, null],
      [0, null],
    ]);
    expect(output).toContain("service has stopped");
    expect(await admin.keys("services:user-service:*")).toEqual([]);
  });
});

describe("a service that cannot start", () => {
  test.each<[what: string, parts: object]>([
    ["its set-up fails", { setup: () => Promise.reject(new Error("no")) }],
    ["it fails when it is ready", { setup: () => ({ routes: users, ready: () => Promise.reject(new Error("no")) }) }],
  ])("says why and leaves neither a record nor a port when %s", async (_what, parts) => {
    const ports: number[] = [];
    const { setup } = parts as Pick<ServiceOptions, "setup">;
    await expect(
      start({
        name: "broken-service",
        setup: async (mesh) => {
          const made = await setup(mesh);
          return {
            ...made,
            ready: async () => {
              ports.push(...Object.values(mesh.ports));
              await made.ready?.();
            },
          };
        },
      }),
    ).rejects.toThrow("no");
    expect(await admin.keys("services:broken-service:*")).toEqual([]);
    expect(await Promise.all(ports.map(dialled))).toEqual(ports.map(() => false));
  });

  test.each([
    [{ REDIS_URL: "" }, "REDIS_URL is required"],
    [{ LOG_LEVEL: "loud" }, "LOG_LEVEL"],
    [{ GRPC_PORT: "x" }, "GRPC_PORT"],
  ])("names the variable: %j", async (env, complaint) => {
    await expect(startUsers({ env })).rejects.toThrow(complaint);
  });

  test("names the port and its holder", async () => {
    const first = await startUsers();
    const taken = String(first.mesh.ports.http);
    await expect(startUsers({ env: { HTTP_PORT: taken } })).rejects.toThrow(
      new RegExp(
        `http port ${taken} on 127\\.0\\.0\\.1 is held by process ${process.pid} \\(.+\\); stop it, or give HTTP_PORT another value`,
      ),
    );
  });
});

/** Whether somebody accepts connections there. */
function dialled(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
