import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { serviceError } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

let harness: GatewayHarness;
/** Aborts when the service sees that its caller has gone. */
let serviceSawAbort = false;

beforeAll(async () => {
  harness = await startGateway({
    env: { WEFT_BODY_MAX_BYTES: "65536", WEFT_MAX_TIMEOUT: "20s", WEFT_TRUSTED_PROXIES: "" },
    routes: (router) => {
      router.service(AccountService, {
        login: ({ login }) => ({ accessToken: login, refreshToken: "r", expiresInSeconds: 900 }),
        getProfile: () => ({ user: { id: "user-alice", username: "alice" } }),
      });
      router.service(AuthService, { getJwks: () => ({ keys: [] }) });
      router.service(ProjectService, {
        getProject: async ({ id }, context) => {
          switch (id) {
            case "missing":
              throw serviceError(Code.NotFound, "PROJECT_NOT_FOUND", "there is no such project", {
                metadata: { id },
              });
            case "broken":
              throw new Error("password of the database: hunter2");
            case "busy":
              throw serviceError(Code.Unavailable, "BUSY", "try later", { retryAfterMs: 2500 });
            case "slow":
              await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
              serviceSawAbort = true;
              throw new ConnectError("gone", Code.Canceled);
            case "large":
              return { project: { id, description: "x".repeat(3_000_000) } };
            default:
              return { project: { id, name: "n" } };
          }
        },
        createProject: ({ name }) => {
          if (name === "unwelcome") {
            throw serviceError(Code.InvalidArgument, "INVALID_FIELDS", "name: is not welcome", {
              violations: [{ field: "name", description: "is not welcome" }],
            });
          }
          return { project: { id: "p", name } };
        },
      });
    },
  });
});
afterAll(() => harness.stop());
beforeEach(() => {
  harness.calls.length = 0;
  for (const peer of harness.instances.keys()) {
    harness.instances.set(peer, 1);
  }
});

const alice = { authorization: "Bearer alice" };
const call = (path: string, init: RequestInit = {}) => fetch(`${harness.url}${path}`, init);
const json = { "content-type": "application/json" };

describe("REST", () => {
  it("answers a call that carries a good token", async () => {
    const response = await call("/api/projects/p1", { headers: alice });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: "p1", name: "n" });
  });

  it("serves the aliases without /api", async () => {
    const body = JSON.stringify({ login: "alice", password: "x" });
    for (const path of ["/api/auth/login", "/auth/login"]) {
      const response = await call(path, { method: "POST", headers: json, body });
      expect(await response.json()).toMatchObject({ accessToken: "alice" });
    }
  });

  it("lets a public method be called with a token that is no longer good", async () => {
    const headers = { ...json, authorization: "Bearer nonsense" };
    const response = await call("/api/auth/login", { method: "POST", headers, body: '{"login":"a","password":"b"}' });
    expect(response.status).toBe(200);
  });

  it.each([
    [{}, "TOKEN_MISSING", "Bearer"],
    [{ authorization: "Basic YTpi" }, "TOKEN_INVALID", 'Bearer error="invalid_token"'],
    [{ authorization: "Bearer" }, "TOKEN_INVALID", 'Bearer error="invalid_token"'],
    [{ authorization: "Bearer nonsense" }, "TOKEN_INVALID", 'Bearer error="invalid_token"'],
  ])("refuses %j with 401 and the reason %s", async (headers, reason, challenge) => {
    const response = await call("/api/projects/p1", { headers });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe(challenge);
    expect(await response.json()).toMatchObject({
      code: "unauthenticated",
      details: expect.arrayContaining([expect.objectContaining({ reason })]),
    });
    expect(harness.calls).toEqual([]);
  });

  it.each([
    ["/api/projects/missing", 404, "not_found", "PROJECT_NOT_FOUND"],
    ["/api/projects/broken", 500, "internal", "INTERNAL"],
    ["/api/projects/busy", 503, "unavailable", "BUSY"],
  ])("passes the error of GET %s on", async (path, status, code, reason) => {
    const response = await call(path, { headers: alice });
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(JSON.parse(text)).toMatchObject({
      code,
      details: expect.arrayContaining([expect.objectContaining({ reason })]),
    });
    expect(text).not.toContain("hunter2");
    expect(response.headers.get("retry-after")).toBe(status === 503 ? "3" : null);
  });

  it("asks for a token before it looks at the body", async () => {
    const response = await call("/api/projects", { method: "POST", headers: json, body: "{" });
    expect(response.status).toBe(401);
  });

  it("passes field violations on", async () => {
    const init = { method: "POST", headers: { ...alice, ...json }, body: '{"name":"unwelcome"}' };
    const response = await call("/api/projects", init);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "invalid_argument",
      details: expect.arrayContaining([
        expect.objectContaining({ fieldViolations: [{ field: "name", description: "is not welcome" }] }),
      ]),
    });
  });

  it("sends a large answer whole", async () => {
    const response = await call("/api/projects/large", { headers: alice });
    expect(((await response.json()) as { description: string }).description).toHaveLength(3_000_000);
  });

  it.each([
    ["GET", "/nothing", {}, 404, "not_found"],
    ["GET", "/weft.auth.v1.AuthService/ValidateToken", {}, 404, "not_found"],
    ["POST", "/auth/verify", {}, 404, "not_found"],
    ["DELETE", "/api/auth/login", {}, 405, "unimplemented"],
    ["POST", "/healthz", {}, 405, "unimplemented"],
    ["PROPFIND", "/api/projects", {}, 405, "unimplemented"],
    ["GET", "/ws", {}, 426, "failed_precondition"],
    ["POST", "/api/projects", { headers: { ...alice, ...json }, body: "{" }, 400, "invalid_argument"],
    ["POST", "/api/projects", { headers: { ...alice, ...json }, body: '{"nome":"x"}' }, 400, "invalid_argument"],
    [
      "POST",
      "/api/projects",
      { headers: { ...alice, "content-type": "text/plain" }, body: "{}" },
      415,
      "invalid_argument",
    ],
    ["GET", "/api/projects/p1", { headers: { ...alice, "x-request-timeout": "5" } }, 400, "invalid_argument"],
    ["GET", "/api/projects/p1", { headers: { ...alice, "connect-timeout-ms": "soon" } }, 400, "invalid_argument"],
    [
      "POST",
      "/api/projects",
      { headers: { ...alice, ...json }, body: JSON.stringify({ name: "x".repeat(70_000) }) },
      413,
      "resource_exhausted",
    ],
  ])("refuses %s %s", async (method, path, init, status, code) => {
    const response = await call(path, { method, ...init } as RequestInit);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code, message: expect.any(String), details: expect.any(Array) });
    expect(response.headers.get("allow") !== null).toBe(status === 405);
  });

  it("answers HEAD like GET, without a body", async () => {
    const response = await call("/api/projects/p1", { method: "HEAD", headers: alice });
    expect(Number(response.headers.get("content-length") ?? 0)).toBeLessThan(1e6);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });
});

describe("deadlines", () => {
  it.each([{ "x-request-timeout": "50ms" }, { "connect-timeout-ms": "50" }])("keeps to %j", async (timeout) => {
    serviceSawAbort = false;
    const response = await call("/api/projects/slow", { headers: { ...alice, ...timeout } });
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ code: "deadline_exceeded" });
    await until("the service has seen the deadline", () => serviceSawAbort);
  });

  it("ends the call to the service when the client goes away", async () => {
    serviceSawAbort = false;
    const controller = new AbortController();
    const response = call("/api/projects/slow", { headers: alice, signal: controller.signal });
    await until("the call has arrived", () => harness.calls.length > 0);
    controller.abort();
    await expect(response).rejects.toThrow();
    await until("the service has seen the abort", () => serviceSawAbort);
  });
});

describe("headers", () => {
  it("carries the security headers and a correlation id, and does not name the server", async () => {
    const response = await call("/");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(response.headers.get("strict-transport-security")).toBeNull();
    expect(response.headers.get("server")).toBeNull();
    expect(response.headers.get("uwebsockets")).toBeNull();
    expect(response.headers.get("x-correlation-id")).toMatch(/^[0-9a-f]{32}$/);
    expect(await response.json()).toMatchObject({ version: "1.2.3" });
  });

  it("passes a sane correlation id on, and replaces one that is not", async () => {
    const sane = await call("/api/projects/p1", { headers: { ...alice, "x-correlation-id": "abc-1" } });
    expect(sane.headers.get("x-correlation-id")).toBe("abc-1");
    expect(harness.calls[0]?.correlationId).toBe("abc-1");
    const insane = await call("/api/projects/p1", { headers: { ...alice, "x-correlation-id": "a b{}" } });
    expect(insane.headers.get("x-correlation-id")).toMatch(/^[0-9a-f]{32}$/);
  });

  it("ASVS 4.1.3: passes on who calls and the trace, and nothing that the client made up about itself", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const made = {
      "x-user-id": "root",
      "x-forwarded-for": "6.6.6.6",
      "x-weft-role": "admin",
      forwarded: "for=6.6.6.6",
    };
    await call("/api/projects/p1", { headers: { ...alice, ...made, traceparent, cookie: "a=b" } });
    const seen = harness.calls[0]?.headers;
    expect(seen?.get("authorization")).toBe("Bearer alice");
    expect(seen?.get("traceparent")).toBe(traceparent);
    expect(seen?.get("x-forwarded-for")).toBe("127.0.0.1");
    for (const name of ["x-user-id", "x-weft-role", "forwarded", "cookie"]) {
      expect(seen?.get(name)).toBeNull();
    }
  });

  it("starts a trace when the client's is malformed", async () => {
    await call("/api/projects/p1", { headers: { ...alice, traceparent: "00-zz-zz-01" } });
    expect(harness.calls[0]?.headers.get("traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});

describe("CORS", () => {
  it("answers the preflight of a listed origin", async () => {
    const headers = { origin: "http://localhost:8080", "access-control-request-method": "PATCH" };
    const response = await call("/api/projects/p1", { method: "OPTIONS", headers });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("http://localhost:8080");
    expect(response.headers.get("access-control-allow-methods")).toContain("PATCH");
  });

  it("gives an origin that is not listed nothing", async () => {
    for (const method of ["OPTIONS", "GET"]) {
      const response = await call("/healthz", { method, headers: { origin: "https://evil.example" } });
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("puts its headers on errors too, so that pages can read them", async () => {
    const response = await call("/api/projects/p1", { headers: { origin: "http://127.0.0.1:8080" } });
    expect(response.status).toBe(401);
    expect(response.headers.get("access-control-allow-origin")).toBe("http://127.0.0.1:8080");
    expect(response.headers.get("vary")).toBe("Origin");
  });
});

describe("Connect and gRPC-Web", () => {
  it.each([
    [
      "Connect JSON",
      (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    ],
    ["Connect protobuf", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
    ["Connect GET", (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true })],
    ["gRPC-Web", (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ])("speaks %s", async (_, transportTo) => {
    const client = createClient(ProjectService, transportTo(harness.url));
    const { project } = await client.getProject({ id: "p1" }, { headers: alice });
    expect(project?.id).toBe("p1");
    const missing = await client.getProject({ id: "missing" }, { headers: alice }).catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: Code.NotFound, rawMessage: "there is no such project" });
    const anonymous = await client.getProject({ id: "p1" }).catch((error: unknown) => error);
    expect(anonymous).toMatchObject({ code: Code.Unauthenticated });
    expect((anonymous as ConnectError).metadata.get("www-authenticate")).toBe("Bearer");
    const slow = await client.getProject({ id: "slow" }, { headers: alice, timeoutMs: 50 }).catch((error) => error);
    expect(slow).toMatchObject({ code: Code.DeadlineExceeded });
  });

  it("does not know methods that are internal to the mesh", async () => {
    const transport = createConnectTransport({ baseUrl: harness.url, httpVersion: "1.1" });
    const client = createClient(AuthService, transport);
    await expect(client.validateToken({ token: "t" }, { headers: alice })).rejects.toMatchObject({
      code: Code.Unimplemented,
    });
    await expect(client.getJwks({})).resolves.toMatchObject({ keys: [] });
    expect(harness.calls.map(({ method }) => method)).toEqual(["weft.auth.v1.AuthService/GetJwks"]);
  });

  it.each([
    ["application/grpc", "", 415],
    ["text/plain", "", 415],
    ["application/json", `{"id":"${"x".repeat(70_000)}"}`, 413],
    ["application/json", "{", 400],
  ])("refuses %s with %d", async (contentType, body, status) => {
    const init = { method: "POST", headers: { ...alice, "content-type": contentType }, body };
    const response = await call("/weft.project.v1.ProjectService/GetProject", init);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code: expect.any(String), message: expect.any(String) });
  });

  it("asks for a token before it looks at the message", async () => {
    const init = { method: "POST", headers: json, body: "{" };
    expect((await call("/weft.project.v1.ProjectService/GetProject", init)).status).toBe(401);
  });

  it("ASVS 4.1.4: refuses methods of HTTP that the RPC does not have", async () => {
    const response = await call("/weft.project.v1.ProjectService/CreateProject", { headers: alice });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
  });
});

describe("services that are down", () => {
  it("ASVS 16.5.2: answers 503 at once for what is down, and serves the rest", async () => {
    harness.instances.set("project-service", 0);
    const response = await call("/api/projects/p1", { headers: alice });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "unavailable" });
    const rpc = { method: "POST", headers: { ...alice, ...json }, body: '{"id":"p"}' };
    const rpcResponse = await call("/weft.project.v1.ProjectService/GetProject", rpc);
    expect(rpcResponse.status).toBe(503);
    expect(rpcResponse.headers.get("retry-after")).toBe("1");
    expect((await call("/api/auth/profile", { headers: alice })).status).toBe(200);
    expect(harness.calls.map(({ method }) => method)).toEqual(["weft.auth.v1.AccountService/GetProfile"]);
  });

  it("stays alive, but is ready only with an instance of every service", async () => {
    expect((await call("/readyz")).status).toBe(200);
    harness.instances.set("project-service", 0);
    const healthz = await call("/healthz");
    expect(healthz.status).toBe(200);
    const readyz = await call("/readyz");
    expect(readyz.status).toBe(503);
    const report = {
      status: "degraded",
      services: {
        "auth-service": { status: "ready", instances: 1, available: 1 },
        "project-service": { status: "unavailable", instances: 0, available: 0 },
      },
    };
    expect(await healthz.json()).toMatchObject(report);
    expect(await readyz.json()).toMatchObject(report);
  });

  it("ASVS 16.5.3: answers 503 when tokens can be neither accepted nor refused", async () => {
    harness.verifier.available = false;
    const response = await call("/api/projects/p1", { headers: alice });
    harness.verifier.available = true;
    expect(response.status).toBe(503);
  });
});
