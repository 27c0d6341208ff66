import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, createClient, createContextValues, createRouterTransport } from "@connectrpc/connect";
import {
  connectNodeAdapter,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { openRedis, peerAddressKey, type RedisHandles } from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeTokens } from "../src/traffic/gcra.ts";
import { createMemoryRateLimitStore, createRedisRateLimitStore } from "../src/traffic/rate-limit-store.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

describe.each(testRedisKinds)("budgets on redis (%s)", (kind) => {
  let server: TestStore;
  let redis: RedisHandles;
  beforeAll(async () => {
    server = await startTestRedis(kind);
    redis = openRedis({ url: server.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
    expect(await redis.whenReady(10_000)).toBe(true);
  });
  afterAll(async () => {
    await redis.close();
    await server.close();
  });

  // So slow that no token comes back while a test runs, however long that takes.
  const slow = { ratePerSecond: 0.001, burst: 20 };

  it("ASVS 2.4.1: give what they have, to all gateways together, whoever asks at the same time", async () => {
    const stores = [createRedisRateLimitStore(redis), createRedisRateLimitStore(redis)];
    const asked = Array.from({ length: 50 }, (_, at) =>
      stores[at % 2]?.take([{ key: "together", limit: slow, least: 1, most: 1 }]),
    );
    const granted = (await Promise.all(asked)).map((grants) => grants?.[0]?.granted ?? 0);
    expect(granted.reduce((sum, each) => sum + each, 0)).toBe(20);
  });

  it("agree with the arithmetic of this process, for several in one call", async () => {
    const store = createRedisRateLimitStore(redis);
    const requests = [
      { key: "a", limit: slow, least: 1, most: 7 },
      { key: "b", limit: slow, least: 20, most: 20 },
      { key: "b", limit: slow, least: 1, most: 1 },
      { key: "c", limit: slow, least: 21, most: 21 },
    ];
    const full = 20 * 1_000_000_000;
    expect(await store.take(requests)).toEqual([
      takeTokens(0, slow, 1, 7),
      takeTokens(0, slow, 20, 20),
      { granted: 0, aheadUs: full },
      { granted: 0, aheadUs: 0 },
    ]);
  });

  it("refill at the new pace when their limit has become another", async () => {
    const store = createRedisRateLimitStore(redis);
    const take = (limit: typeof slow) => store.take([{ key: "changed", limit, least: 1, most: 20 }]);
    await take(slow);
    const fast = { ratePerSecond: 1000, burst: 20 };
    await until("there is a token again", async () => ((await take(fast))[0]?.granted ?? 0) > 0);
  });

  it("are forgotten when they are full again", async () => {
    const store = createRedisRateLimitStore(redis);
    await store.take([{ key: "forgotten", limit: slow, least: 1, most: 1 }]);
    const leftMs = await redis.commands.pttl("weft:rate:forgotten");
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(1_000_001);
  });
});

describe("a gateway with limits", () => {
  let harness: GatewayHarness;
  let storeIsAway = false;
  const counted = createMemoryRateLimitStore(() => 0);

  beforeAll(async () => {
    harness = await startGateway({
      env: { WEFT_RATE_LIMITS: "*=10/3, weft.auth.v1.AccountService/Login=1/2", WEFT_TRUSTED_PROXIES: "127.0.0.1" },
      rateLimits: {
        take: (requests) => (storeIsAway ? Promise.reject(new Error("away")) : counted.take(requests)),
      },
      routes: (router) => {
        router.service(AccountService, { login: ({ login }) => ({ accessToken: login }) });
        router.service(ProjectService, { getProject: ({ id }) => ({ project: { id } }) });
      },
    });
  });
  afterAll(() => harness.stop());

  const read = (token: string) =>
    fetch(`${harness.url}/api/projects/p`, { headers: { authorization: `Bearer ${token}` } });
  const logIn = (address: string) =>
    fetch(`${harness.url}/api/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-forwarded-for": address },
      body: '{"login":"a","password":"b"}',
    });

  it("says with each answer what is left, in the words of the standard and of its first versions", async () => {
    const { headers } = await read("alice");
    expect(headers.get("ratelimit-policy")).toBe('"default";q=3;w=1');
    expect(headers.get("ratelimit")).toBe('"default";r=2;t=1');
    expect(headers.get("ratelimit-limit")).toBe("3");
    expect(headers.get("ratelimit-remaining")).toBe("2");
    expect(headers.get("ratelimit-reset")).toBe("1");
    expect(headers.get("retry-after")).toBeNull();
  });

  it("refuses what is too much with 429 and says when to come back; one budget for all protocols", async () => {
    await read("alice");
    await read("alice");
    const callsBefore = harness.calls.length;
    const response = await read("alice");
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("ratelimit")).toBe('"default";r=0;t=1');
    expect(await response.json()).toMatchObject({
      code: "resource_exhausted",
      details: expect.arrayContaining([expect.objectContaining({ reason: "RATE_LIMITED" })]),
    });
    const headers = { authorization: "Bearer alice.2" };
    const transports = [
      createConnectTransport({ baseUrl: harness.url, httpVersion: "1.1" }),
      createGrpcWebTransport({ baseUrl: harness.url, httpVersion: "1.1" }),
      createRouterTransport((router) => harness.gateway.routes(router)),
    ];
    for (const transport of transports) {
      await expect(createClient(ProjectService, transport).getProject({ id: "p" }, { headers })).rejects.toMatchObject({
        code: Code.ResourceExhausted,
      });
    }
    expect(harness.calls.length).toBe(callsBefore);
    expect((await read("bob")).status).toBe(200);
    expect(harness.metrics.value("weft_gateway_rate_limited_total", { policy: "default" })).toBe(4);
  });

  it("says over Connect, too, what is left", async () => {
    const transport = createConnectTransport({ baseUrl: harness.url, httpVersion: "1.1" });
    let left: string | null = null;
    await createClient(ProjectService, transport).getProject(
      { id: "p" },
      {
        headers: { authorization: "Bearer bob" },
        onHeader: (headers) => {
          left = headers.get("ratelimit-remaining");
        },
      },
    );
    expect(left).toBe("1");
  });

  it("counts who is not logged in by address, an IPv6 network as one", async () => {
    expect((await logIn("2001:db8::1")).status).toBe(200);
    expect((await logIn("2001:db8::2")).status).toBe(200);
    expect((await logIn("2001:db8::3")).status).toBe(429);
    expect((await logIn("10.0.0.1")).status).toBe(200);
  });

  it("ASVS 15.3.4: counts over native gRPC by the address of the connection, whatever the client says of it", async () => {
    const server = createServer(
      connectNodeAdapter({
        routes: (router) => harness.gateway.routes(router),
        contextValues: ({ headers }) => createContextValues().set(peerAddressKey, String(headers["x-test-peer"])),
      }),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const sessionManager = new Http2SessionManager(`http://127.0.0.1:${port}`);
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}`, sessionManager });
    const login = (address: string) =>
      createClient(AccountService, transport)
        .login({ login: "a", password: "b" }, { headers: { "x-forwarded-for": "6.6.6.6", "x-test-peer": address } })
        .catch((error: unknown) => error);
    expect(await login("10.1.0.1")).toMatchObject({ accessToken: "a" });
    expect(await login("10.1.0.1")).toMatchObject({ accessToken: "a" });
    expect(await login("10.1.0.1")).toMatchObject({ code: Code.ResourceExhausted });
    expect(await login("10.1.0.2")).toMatchObject({ accessToken: "a" });
    expect(harness.calls.at(-1)?.headers.get("x-forwarded-for")).toBe("10.1.0.2");
    sessionManager.abort();
    server.close();
  });

  it("goes on without the store, but for what must never be open", async () => {
    storeIsAway = true;
    expect((await read("alice")).status).toBe(200);
    const refused = await logIn("10.0.0.2");
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({
      details: expect.arrayContaining([expect.objectContaining({ reason: "RATE_LIMIT_UNAVAILABLE" })]),
    });
    expect(harness.metrics.value("weft_gateway_rate_limit_alone_total")).toBeGreaterThanOrEqual(2);
  });
});
