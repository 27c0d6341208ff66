/*
 * API keys at the gateway, by every way in: two gateways with real verifiers and exchanges on one real Redis. The auth service
 * is scripted: it has a key per name and scopes ("key of alice for projects.read") and signs tokens as the real one does.
 */
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { crc32 } from "node:zlib";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, type ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { createApiKeyExchange, createTokenVerifier } from "@weft/auth/verifier";
import {
  createRedisChannelLog,
  createRedisPubSub,
  errorReason,
  type Logger,
  openRedis,
  type RedisHandles,
  systemClock,
  systemRandom,
} from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { openSocket, refusedUpgrade, type TestSocket } from "./test-socket.ts";

const [kind = "js"] = testRedisKinds;
const signing = generateKeyPairSync("ed25519");
const jwk = { ...signing.publicKey.export({ format: "jwk" }), kid: "k", alg: "EdDSA", use: "sig" };
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Well-formed keys, with what stands behind each. */
const keys = {
  reader: { id: "0000000000000000000001", scopes: "projects.read" },
  writer: { id: "0000000000000000000004", scopes: "projects.read projects.write" },
  runner: { id: "0000000000000000000002", scopes: "simulations.run" },
  listener: { id: "0000000000000000000003", scopes: "notifications.read" },
} as const;
type KeyName = keyof typeof keys;

function keyText(name: KeyName | "unknown"): string {
  const id = name === "unknown" ? "z".repeat(22) : keys[name].id;
  const body = `weft_${id}_${"A".repeat(43)}`;
  let checksum = "";
  for (let rest = crc32(body); checksum.length < 6; rest = Math.floor(rest / 62)) {
    checksum = `${digits[rest % 62]}${checksum}`;
  }
  return `${body}${checksum}`;
}

function tokenOf({ id, scopes: scope }: { id: string; scopes: string }, expiresAtMs: number): string {
  const seconds = Math.floor(systemClock.now() / 1000);
  const parts = [
    { alg: "EdDSA", kid: "k", typ: "at+jwt" },
    {
      iss: "weft-auth",
      aud: "weft",
      sub: "user-alice",
      sid: id,
      jti: randomUUID(),
      username: "alice",
      roles: ["user"],
      scope,
      iat: seconds,
      nbf: seconds - 30,
      exp: Math.floor(expiresAtMs / 1000),
    },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign(null, Buffer.from(text), signing.privateKey).toString("base64url")}`;
}

let store: TestStore;
let redis: RedisHandles;
const gateways: { readonly harness: GatewayHarness; stop(): Promise<void> }[] = [];
const sockets: TestSocket[] = [];
/** Every line the gateways log. */
const lines: string[] = [];
const write = (...said: readonly unknown[]) => void lines.push(JSON.stringify(said));
const levels = { trace: write, debug: write, info: write, warn: write, error: write };
const logger = { ...levels, isLevelEnabled: () => true } as unknown as Logger;

const authService = createRouterTransport(({ service }) =>
  service(AuthService, {
    getJwks: () => ({ keys: [jwk] }),
    validateToken: ({ token }) => {
      const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
      const { sub: userId, sid: sessionId, username, roles, scope, exp } = claims;
      const expiresAt = timestampFromMs(exp * 1000);
      return { valid: true, principal: { userId, sessionId, username, roles, scopes: scope.split(" "), expiresAt } };
    },
    exchangeApiKey: ({ apiKey }) => {
      const key = Object.values(keys).find(({ id }) => apiKey.includes(id));
      const expiresAtMs = systemClock.now() + 300_000;
      return key === undefined
        ? { reason: "bad_signature" }
        : { accessToken: tokenOf(key, expiresAtMs), expiresAt: timestampFromMs(expiresAtMs) };
    },
  }),
);

async function openReady(): Promise<RedisHandles> {
  const opened = openRedis({ url: store.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
  expect(await opened.whenReady(15_000)).toBe(true);
  return opened;
}

async function openGateway(): Promise<GatewayHarness> {
  const own = await openReady();
  const pubsub = createRedisPubSub({ redis: own, logger: silentLogger });
  const client = createClient(AuthService, authService);
  const tokens = createTokenVerifier({ client, pubsub, redis: own, clock: systemClock, logger: silentLogger });
  await tokens.started;
  const harness = await startGateway({
    // What ends a connection is the news, and nothing else.
    env: { WEFT_WS_RECHECK_INTERVAL: "1h" },
    live: { pubsub, channels: createRedisChannelLog({ redis: own, random: systemRandom }) },
    tokens,
    apiKeys: createApiKeyExchange({ client, clock: systemClock }),
    logger,
    routes: (router) => {
      router.service(ProjectService, {
        getProject: ({ id }) => ({ project: { id, role: "owner" } }),
        createProject: ({ name }) => ({ project: { name } }),
      });
      router.service(AccountService, { logout: () => ({}), listSessions: () => ({}) });
    },
  });
  const stop = async () => {
    await harness.stop();
    await tokens.close();
    await own.close();
  };
  gateways.push({ harness, stop });
  return harness;
}

beforeAll(async () => {
  store = await startTestRedis(kind);
  redis = await openReady();
});
afterAll(async () => {
  await redis.close();
  await store.close();
});
let gateway: GatewayHarness;
beforeEach(async () => {
  await redis.commands.flushall();
  gateway = await openGateway();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  await Promise.all(gateways.splice(0).map(({ stop }) => stop()));
});

const bearer = (name: KeyName | "unknown") => ({ authorization: `Bearer ${keyText(name)}` });
const get = (name: KeyName | "unknown", path = "/api/projects/p", method = "GET") =>
  fetch(`${gateway.url}${path}`, {
    method,
    headers: { ...bearer(name), "content-type": "application/json" },
    ...(method === "POST" ? { body: "{}" } : {}),
  });
const reasonOf = async (answer: Response) => /"reason":"(\w+)"/.exec(await answer.text())?.[1];

async function open(options: Parameters<typeof openSocket>[1], at = gateway): Promise<TestSocket> {
  const socket = await openSocket(at.port, options);
  sockets.push(socket);
  return socket;
}

/** What services were sent as the caller's authorization. */
const forwarded = () => gateway.calls.map(({ headers }) => headers.get("authorization") ?? "");

describe("an API key at the gateway", () => {
  it("is exchanged for a token, by every protocol; no service and no log ever gets the key", async () => {
    const transports = [
      createConnectTransport({ baseUrl: gateway.url, httpVersion: "1.1" }),
      createGrpcWebTransport({ baseUrl: gateway.url, httpVersion: "1.1" }),
      createRouterTransport((router) => gateway.gateway.routes(router)),
    ];
    expect((await get("reader")).status).toBe(200);
    for (const transport of transports) {
      const client: Client<typeof ProjectService> = createClient(ProjectService, transport);
      expect((await client.getProject({ id: "p" }, { headers: bearer("reader") })).project?.id).toBe("p");
    }
    expect(forwarded()).toHaveLength(4);
    expect(new Set(forwarded()).size).toBe(1);
    expect(forwarded()[0]).toMatch(/^Bearer ey/);
    // A method that asks nobody who they are is not told, either.
    expect((await get("reader", "/api/auth/logout", "POST")).status).toBe(400);
    for (const transport of transports) {
      await createClient(AccountService, transport).logout({ refreshToken: "x" }, { headers: bearer("reader") });
      expect(forwarded().at(-1)).toBe("");
    }
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => line.includes("A".repeat(43)))).toEqual([]);
  });

  it("ASVS 8.2.1: without the scope is refused before any service is asked, and told which scope it lacks", async () => {
    const answer = await get("runner");
    expect(answer.status).toBe(403);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="projects.read"');
    expect(await reasonOf(answer)).toBe("SCOPE_MISSING");
    expect(await reasonOf(await get("reader", "/api/auth/sessions"))).toBe("SESSION_NEEDED");
    expect(await reasonOf(await get("unknown"))).toBe("TOKEN_INVALID");
    const native = createClient(
      ProjectService,
      createRouterTransport((router) => gateway.gateway.routes(router)),
    );
    const refused = (await native
      .getProject({ id: "p" }, { headers: bearer("runner") })
      .catch((error: unknown) => error)) as ConnectError;
    expect([refused.code, errorReason(refused)]).toEqual([Code.PermissionDenied, "SCOPE_MISSING"]);
    expect(gateway.calls).toEqual([]);
  });

  it("opens a WebSocket by its upgrade, by a connect frame and by a ticket, within its scopes", async () => {
    const asked = await fetch(`${gateway.url}/api/realtime/tickets`, { method: "POST", headers: bearer("reader") });
    const { ticket } = (await asked.json()) as { ticket: string };
    const framed = await open({});
    framed.send({ id: 9, connect: { token: keyText("reader") } });
    expect(await framed.next()).toMatchObject({ id: 9, connected: { userId: "user-alice" } });
    for (const socket of [
      framed,
      await open({ token: keyText("reader") }),
      await open({ query: `ticket=${ticket}` }),
    ]) {
      socket.send({ id: 1, subscribe: { channel: "project:p" } });
      expect(await socket.next()).toMatchObject({ id: 1, subscribed: { channel: "project:p" } });
      socket.send({ id: 2, subscribe: { channel: "notifications:user-alice" } });
      expect(await socket.next()).toMatchObject({ id: 2, error: { reason: "SCOPE_MISSING" } });
    }
    for (const [name, answer] of [
      ["reader", { error: { reason: "READ_ONLY" } }],
      ["writer", { published: {} }],
    ] as const) {
      const socket = await open({ token: keyText(name) });
      socket.send({ id: 1, subscribe: { channel: "room:p" } });
      expect(await socket.next()).toMatchObject({ id: 1, subscribed: {} });
      socket.send({ id: 2, publish: { channel: "room:p", data: 1 } });
      const told = [await socket.next(), ...(name === "writer" ? [await socket.next()] : [])];
      expect(told.find((frame) => (frame as { id?: number }).id === 2)).toMatchObject(answer);
    }
    const listener = await open({ token: keyText("listener") });
    listener.send({ id: 1, subscribe: { channel: "notifications:user-alice" } });
    expect(await listener.next()).toMatchObject({ id: 1, subscribed: {} });
    listener.send({ id: 2, subscribe: { channel: "project:p" } });
    expect(await listener.next()).toMatchObject({ id: 2, error: { reason: "SCOPE_MISSING" } });
    const stranger = await open({});
    stranger.send({ id: 1, connect: { token: keyText("unknown") } });
    expect(await stranger.closed()).toMatchObject({ reason: "token_invalid" });
    expect((await refusedUpgrade(gateway.port, { token: keyText("unknown") })).status).toBe(401);
  });

  it("is refused by every gateway as soon as its end is told, and its connections are closed", async () => {
    const other = await openGateway();
    const mine = [await open({ token: keyText("reader") }), await open({ token: keyText("reader") }, other)];
    const others = await open({ token: keyText("listener") }, other);
    expect((await get("reader")).status).toBe(200);
    const revoked = [{ sessionId: keys.reader.id, untilMs: systemClock.now() + 360_000 }];
    await redis.commands.publish("auth:revocations", JSON.stringify({ epoch: "e", sequence: 1, revoked }));
    for (const socket of mine) {
      expect(await socket.closed()).toEqual({ code: 4401, reason: "token_revoked" });
    }
    for (const { port } of [gateway, other]) {
      expect((await refusedUpgrade(port, { token: keyText("reader") })).status).toBe(401);
    }
    expect(await reasonOf(await get("reader"))).toBe("TOKEN_REVOKED");
    others.send({ id: 1, ping: {} });
    expect(await others.next()).toEqual({ id: 1, pong: {} });
  });
});
