import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { currentCall, errorReason, errorViolations, type RunningService, serviceError, startService } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

/*
 * Native gRPC as the mesh's server takes it, to a gateway whose services are scripted. That nothing was decoded on the way is
 * seen by what only a decoder could know: a rule of the contract that a message breaks is told by the service, and by the
 * gateway itself where it has read the message.
 */

const headers = { authorization: "Bearer alice" };
const [kind = "js"] = testRedisKinds;
let redis: TestStore;
let harness: GatewayHarness;
let served: RunningService;
let sessions: Http2SessionManager;
const traces: (string | null)[] = [];
let held: PromiseWithResolvers<void> | undefined;

beforeAll(async () => {
  redis = await startTestRedis(kind);
  harness = await startGateway({
    env: {
      WEFT_RATE_LIMITS:
        "*=off, weft.project.v1.ProjectService/ListMembers=0.001/2, weft.project.v1.ProjectService/ImportProject=off",
    },
    routes: (router) => {
      router.service(ProjectService, {
        getProject: async ({ id }, context) => {
          traces.push(`${context.requestHeader.get("traceparent")} ${currentCall()?.correlationId}`);
          await held?.promise;
          if (id === "missing") {
            throw serviceError(Code.NotFound, "PROJECT_NOT_FOUND", "there is no such project");
          }
          if (id === "") {
            const violations = [{ field: "id", description: "must have 1 character at least" }];
            throw serviceError(Code.InvalidArgument, "INVALID_FIELDS", "said by the service", { violations });
          }
          return { project: { id, name: "ä" } };
        },
        createProject: ({ architecture }) => ({ project: { id: String(architecture?.components.length) } }),
        listMembers: () => ({}),
      });
    },
  });
  served = await startService({
    name: "gateway-service",
    version: "1",
    basePort: 50_000,
    handleSignals: false,
    logger: silentLogger,
    env: { REDIS_URL: redis.url, GRPC_PORT: "0", HTTP_PORT: "0", METRICS_PORT: "0", HEALTH_PORT: "0" },
    setup: () => ({ routes: harness.gateway.routes }),
  });
  sessions = new Http2SessionManager(`http://127.0.0.1:${served.mesh.ports.grpc}`);
});
afterAll(async () => {
  sessions.abort();
  await served.stop();
  await harness.stop();
  await redis.close();
});
beforeEach(() => {
  harness.calls.length = 0;
  traces.length = 0;
  held = undefined;
});

const options = () => ({ baseUrl: `http://127.0.0.1:${served.mesh.ports.grpc}`, sessionManager: sessions });
const clientOn = (transport: Transport) => createClient(ProjectService, transport);
const grpc = () => clientOn(createGrpcTransport(options()));

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(await call.catch((error: unknown) => error));
}

describe("native gRPC", () => {
  it("passes messages and answers on as they come", async () => {
    expect(await grpc().getProject({ id: "p" }, { headers })).toMatchObject({ project: { id: "p", name: "ä" } });
    const components = Array.from({ length: 900 }, (_, at) => ({ id: `c${at}`, kind: "service" as never }));
    const created = await grpc().createProject({ name: "Big", architecture: { components } }, { headers });
    expect(created.project?.id).toBe("900");
  });

  it("leaves the rules of the contract to the service, and passes on what it says of them", async () => {
    const refused = await refusal(grpc().getProject({ id: "" }, { headers }));
    expect(refused).toMatchObject({ code: Code.InvalidArgument, rawMessage: "said by the service" });
    expect(errorViolations(refused)).toEqual([{ field: "id", description: "must have 1 character at least" }]);
    expect(harness.calls).toHaveLength(1);
  });

  it("passes on the errors of the service", async () => {
    const refused = await refusal(grpc().getProject({ id: "missing" }, { headers }));
    expect(refused).toMatchObject({ code: Code.NotFound, rawMessage: "there is no such project" });
    expect(errorReason(refused)).toBe("PROJECT_NOT_FOUND");
  });

  it("asks for a token before anything else", async () => {
    expect(await refusal(grpc().getProject({ id: "p" }))).toMatchObject({ code: Code.Unauthenticated });
    expect(harness.calls).toEqual([]);
  });

  it("counts calls by the budget of their method", async () => {
    const answers: string[] = [];
    for (let call = 0; call < 3; call += 1) {
      const answer = grpc().listMembers(
        { id: "p" },
        { headers, onHeader: (got) => answers.push(got.get("ratelimit-remaining") ?? "") },
      );
      if (call < 2) {
        await answer;
      } else {
        expect(errorReason(await refusal(answer))).toBe("RATE_LIMITED");
      }
    }
    expect(answers.slice(0, 2)).toEqual(["1", "0"]);
  });

  it("ASVS 15.1.3: refuses more items than any good request has, without the service", async () => {
    const paths = Array.from({ length: 6000 }, () => "x");
    const components = [{ id: "c", kind: "service" as never, zones: paths }];
    const architecture = { components, links: paths.map(() => ({ from: "c", to: "c" })) };
    const refused = await refusal(
      grpc().createProject({ name: "Huge", architecture: architecture as never }, { headers }),
    );
    expect(refused.rawMessage).toMatch(/must not have more than 5200 items/);
    expect(harness.calls).toEqual([]);
  });

  it("keeps the trace and the name of the call", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await grpc().getProject({ id: "p" }, { headers: { ...headers, traceparent, "x-correlation-id": "mine" } });
    expect(traces[0]).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01 mine$/);
  });

  it("never shares an answer with a call that reads its message", async () => {
    held = Promise.withResolvers<void>();
    const asked = [
      grpc().getProject({ id: "p" }, { headers }),
      clientOn(createConnectTransport({ ...options(), httpVersion: "2" })).getProject({ id: "p" }, { headers }),
    ];
    await expect.poll(() => harness.calls.length).toBe(2);
    held.resolve();
    const answers = await Promise.all(asked);
    expect(answers.map(({ project }) => project?.name)).toEqual(["ä", "ä"]);
  });
});

describe("the other protocols on that port", () => {
  const others = {
    "Connect in JSON": () => createConnectTransport({ ...options(), httpVersion: "2", useBinaryFormat: false }),
    "Connect in protobuf": () => createConnectTransport({ ...options(), httpVersion: "2" }),
    "gRPC-Web in JSON": () => createGrpcWebTransport({ ...options(), httpVersion: "2", useBinaryFormat: false }),
    "gRPC in JSON": () => createGrpcTransport({ ...options(), useBinaryFormat: false }),
  };

  it.each(Object.entries(others))("%s is read, checked and answered", async (_, transport) => {
    const client = clientOn(transport());
    expect((await client.getProject({ id: "p" }, { headers })).project?.name).toBe("ä");
    harness.calls.length = 0;
    const refused = await refusal(client.getProject({ id: "" }, { headers }));
    expect(refused).toMatchObject({ code: Code.InvalidArgument });
    expect(errorViolations(refused).map(({ field }) => field)).toEqual(["id"]);
    expect(harness.calls).toEqual([]);
  });
});
