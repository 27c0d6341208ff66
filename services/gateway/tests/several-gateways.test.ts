import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { createTokenVerifier } from "@weft/auth/verifier";
import {
  createRedisChannelLog,
  createRedisPubSub,
  openRedis,
  type RedisHandles,
  systemClock,
  systemRandom,
} from "@weft/mesh";
import { silentLogger, until } from "@weft/mesh/testing";
import { startTestRedis, type TestStore, testRedisKinds } from "@weft/mesh/testing/stores";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { presenceTimes } from "../src/ws/presence-store.ts";
import { createRedisPresenceStore } from "../src/ws/redis-presence-store.ts";
import { createRedisTicketStore } from "../src/ws/ticket-store.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { openSocket, refusedUpgrade, type TestSocket } from "./test-socket.ts";

/*
 * What gateways know together: who is present, which tickets are out, and which logins have ended. Real gateways with real
 * verifiers on one real Redis. Permissions and tokens are not asked again within an hour, so that whatever ends a
 * connection is the news.
 */

const [kind = "js"] = testRedisKinds;
const channel = "project:p";
const times = { ...presenceTimes, heartbeatMs: 300, graceMs: 50, tellEveryMs: 10 };
const keys = generateKeyPairSync("ed25519");
const jwk = { ...keys.publicKey.export({ format: "jwk" }), kid: "k", alg: "EdDSA", use: "sig" };

/** An access token as the auth service makes them. */
function tokenOf(username: string, sessionId: string): string {
  const seconds = Math.floor(systemClock.now() / 1000);
  const life = { iat: seconds, nbf: seconds - 30, exp: seconds + 3600 };
  const claims = {
    iss: "weft-auth",
    aud: "weft",
    sub: `user-${username}`,
    sid: sessionId,
    jti: randomUUID(),
    username,
  };
  const parts = [
    { alg: "EdDSA", kid: "k", typ: "at+jwt" },
    { ...claims, roles: ["user"], ...life },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign(null, Buffer.from(text), keys.privateKey).toString("base64url")}`;
}

interface Running {
  readonly harness: GatewayHarness;
  readonly redis: RedisHandles;
  stop(): Promise<void>;
}

interface PresenceFrame {
  readonly presence: { readonly users: number; readonly joined?: readonly string[]; readonly left?: readonly string[] };
}

describe(`over one redis (${kind})`, () => {
  let store: TestStore;
  let redis: RedisHandles;
  let revocations: number;
  let one: Running;
  let other: Running;
  const running: Running[] = [];
  const sockets: TestSocket[] = [];
  const alice = tokenOf("alice", "session-of-alice");
  const bob = tokenOf("bob", "session-of-bob");

  beforeAll(async () => {
    store = await startTestRedis(kind);
  });
  afterAll(() => store.close());
  beforeEach(async () => {
    redis = await openReady();
    await redis.commands.flushall();
    revocations = 0;
    one = await openGateway();
    other = await openGateway();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) {
      socket.destroy();
    }
    await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
    await redis.close();
  });

  async function openReady(): Promise<RedisHandles> {
    const opened = openRedis({ url: store.url, logger: silentLogger, clientName: "test", commandTimeoutMs: 60_000 });
    expect(await opened.whenReady(15_000)).toBe(true);
    return opened;
  }

  async function openGateway(presenceTtlMs = times.ttlMs): Promise<Running> {
    const own = await openReady();
    const pubsub = createRedisPubSub({ redis: own, logger: silentLogger });
    // The auth service is there for its keys, and vouches for every token whose signature is good: what a gateway knows of ended
    // logins it has from the news alone.
    const auth = createRouterTransport((router) => {
      router.service(AuthService, {
        getJwks: () => ({ keys: [jwk] }),
        validateToken: ({ token }) => {
          const { sub, sid, username, roles } = JSON.parse(
            Buffer.from(token.split(".")[1] ?? "", "base64url").toString(),
          );
          const expiresAt = { seconds: BigInt(Math.floor(systemClock.now() / 1000) + 3600) };
          return { valid: true, principal: { userId: sub, sessionId: sid, username, roles, expiresAt } };
        },
      });
    });
    const client = createClient(AuthService, auth);
    const tokens = createTokenVerifier({ client, pubsub, redis: own, clock: systemClock, logger: silentLogger });
    await tokens.started;
    const harness = await startGateway({
      env: { WEFT_WS_RECHECK_INTERVAL: "1h" },
      live: { pubsub, channels: createRedisChannelLog({ redis: own, random: systemRandom }) },
      presence: createRedisPresenceStore(own, { ...times, ttlMs: presenceTtlMs }),
      tickets: createRedisTicketStore(own),
      tokens,
      routes: (router) => router.service(ProjectService, { getProject: ({ id }) => ({ project: { id } }) }),
    });
    const stop = async () => {
      await harness.stop();
      await tokens.close();
      await own.close();
    };
    const gateway = { harness, redis: own, stop };
    running.push(gateway);
    return gateway;
  }

  async function open({ harness }: Running, options: Parameters<typeof openSocket>[1]): Promise<TestSocket> {
    const socket = await openSocket(harness.port, options);
    sockets.push(socket);
    return socket;
  }

  async function shown(gateway: Running, token: string): Promise<TestSocket> {
    const socket = await open(gateway, { token });
    socket.send({ id: 1, subscribe: { channel, presence: true } });
    expect(await socket.next()).toMatchObject({ id: 1, subscribed: { channel } });
    return socket;
  }

  /** Reads on until the connection has been told that `check` holds of somebody. */
  async function told(socket: TestSocket, check: (presence: PresenceFrame["presence"]) => boolean | undefined) {
    for (;;) {
      const { presence } = (await socket.next()) as Partial<PresenceFrame>;
      if (presence !== undefined && check(presence) === true) {
        return;
      }
    }
  }

  async function present(gateway: Running): Promise<string[]> {
    const socket = await open(gateway, { token: alice });
    socket.send({ id: 1, subscribe: { channel } });
    await socket.next();
    socket.send({ id: 3, presence: { channel } });
    const answer = (await socket.next()) as { presence: { clients: { userId: string }[] } };
    socket.destroy();
    return answer.presence.clients.map(({ userId }) => userId).sort();
  }

  /** Ends a login, as the auth service tells it. */
  function logout(sessionId: string): Promise<number> {
    revocations += 1;
    const revoked = [{ sessionId, untilMs: systemClock.now() + 3_600_000 }];
    return redis.commands.publish("auth:revocations", JSON.stringify({ epoch: "e", sequence: revocations, revoked }));
  }

  it("ASVS 7.4.1: the end of a login closes its connections on all of them, and no others", async () => {
    const mine = [await open(one, { token: alice }), await open(other, { token: alice })];
    const other1 = await open(other, { token: bob });
    await logout("session-of-alice");
    for (const socket of mine) {
      expect(await socket.closed()).toEqual({ code: 4401, reason: "token_revoked" });
    }
    for (const { harness } of [one, other]) {
      expect((await refusedUpgrade(harness.port, { token: alice })).status).toBe(401);
    }
    other1.send({ id: 1, ping: {} });
    expect(await other1.next()).toEqual({ id: 1, pong: {} });
  });

  it("a ticket from one opens a connection on another, once, and after the logout nowhere", async () => {
    const ask = async () => {
      const headers = { authorization: `Bearer ${bob}` };
      const answer = await fetch(`${one.harness.url}/api/realtime/tickets`, { method: "POST", headers });
      return `ticket=${((await answer.json()) as { ticket: string }).ticket}`;
    };
    const [used, unused] = [await ask(), await ask()];
    const socket = await open(other, { query: used });
    expect((await refusedUpgrade(one.harness.port, { query: used })).status).toBe(401);
    await logout("session-of-bob");
    expect((await socket.closed()).code).toBe(4401);
    expect((await refusedUpgrade(other.harness.port, { query: unused })).status).toBe(401);
  });

  it("who is present is known to all of them, and told to those who watch", async () => {
    const watcher = await shown(one, alice);
    const joined = told(watcher, (presence) => presence.joined?.includes("user-bob"));
    const shownThere = await shown(other, bob);
    await joined;
    expect(await present(other)).toEqual(["user-alice", "user-bob"]);
    const left = told(watcher, (presence) => presence.left?.includes("user-bob"));
    shownThere.destroy();
    await left;
  });

  it("the users of one that dies vanish from the others", async () => {
    const dying = await openGateway(2000);
    const watcher = await shown(one, alice);
    const joined = told(watcher, (presence) => presence.joined?.includes("user-bob"));
    await shown(dying, bob);
    await joined;
    const left = told(watcher, (presence) => presence.left?.includes("user-bob"));
    // Without its Redis it cannot take leave, as if it had been killed.
    await dying.redis.close();
    await left;
  });

  it("who is present is known again after Redis has come back empty", async () => {
    await shown(one, alice);
    await shown(other, bob);
    await store.stop();
    await until("the gateways have lost Redis", () => running.every((each) => each.redis.state() === "away"));
    await store.start();
    await until("all are present again", async () => {
      const answer = await present(one).catch(() => []);
      return answer.join() === "user-alice,user-bob";
    });
  });
});
