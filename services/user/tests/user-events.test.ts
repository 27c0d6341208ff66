import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import {
  createRedisPubSub,
  type Database,
  openDatabase,
  openRedis,
  type PubSub,
  type RedisHandles,
  systemClock,
  systemRandom,
} from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import {
  startTestPostgres,
  startTestRedis,
  type TestPostgres,
  type TestStore,
  testRedisKinds,
} from "@weft/mesh/testing/stores";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser, type UserParts } from "../src/create-user.ts";

describe.each(testRedisKinds)("the stream user-events on Redis kind %s", (kind) => {
  let postgres: TestPostgres;
  let redisStore: TestStore;
  let database: Database;
  let redis: RedisHandles;
  let pubsub: PubSub;
  let parts: UserParts;
  let client: Client<typeof UserService>;

  beforeAll(async () => {
    [postgres, redisStore] = await Promise.all([startTestPostgres(), startTestRedis(kind)]);
    database = await openDatabase({
      connectionString: await postgres.createDatabase("users"),
      schema: "user_schema",
      migrationsDir: new URL("../migrations", import.meta.url).pathname,
      applicationName: "user-test",
      logger: silentLogger,
    });
    redis = openRedis({ url: redisStore.url, logger: silentLogger, clientName: "user-test" });
    await redis.whenReady(10_000);
    pubsub = createRedisPubSub({ redis, logger: silentLogger });
    const auth = createClient(
      AuthService,
      createRouterTransport((router) => router.service(AuthService, {})),
    );
    const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
    parts = await createUser({ database, auth, redis, pubsub, ...shared });
    client = createClient(UserService, createRouterTransport(parts.routes));
  });
  afterAll(async () => {
    await parts?.close();
    await pubsub?.close();
    await redis?.close();
    await database?.close();
    await Promise.all([postgres?.close(), redisStore?.close()]);
  });

  const entries = async () => {
    const stream = await redis.commands.xrange("user-events", "-", "+").catch(() => []);
    return stream.map(([, fields]) => {
      const at = fields.indexOf("envelope");
      return JSON.parse(fields[at + 1] ?? "null");
    });
  };

  test("a registration arrives once, with what EVT-08 says, and so does a removal", async () => {
    const userId = systemRandom.id();
    const { user } = await client.createUser({ userId, username: "ada", email: "ada@example.org" });
    await client.createUser({ userId, username: "ada", email: "ada@example.org" });
    await client.deleteUser({ userId });
    await expect.poll(async () => (await entries()).length).toBe(2);
    const [registered, removed] = await entries();
    expect(registered).toMatchObject({
      type: "USER_REGISTERED",
      category: "user",
      version: 1,
      ownerUserId: userId,
      payload: { userId, username: "ada", email: "ada@example.org", registeredAt: expect.stringMatching(/Z$/) },
    });
    expect(Date.parse(registered.payload.registeredAt)).toBe(
      Number(user?.createdAt?.seconds ?? 0n) * 1000 + (user?.createdAt?.nanos ?? 0) / 1e6,
    );
    expect(removed).toMatchObject({ type: "USER_REMOVED", payload: { userId } });
  });

  test("a registration while Redis is away arrives when it is back", async () => {
    await redisStore.stop();
    await expect.poll(() => redis.state()).toBe("away");
    const userId = systemRandom.id();
    await client.createUser({ userId, username: "bob", email: "bob@example.org" });
    await redisStore.start();
    await expect.poll(async () => (await entries()).map((envelope) => envelope.payload.userId)).toContain(userId);
  });

  test("a change is announced to those who remember users", async () => {
    // Redis was restarted above; a subscription made before it is fully back would begin later.
    expect(await redis.whenReady(10_000)).toBe(true);
    const userId = systemRandom.id();
    await client.createUser({ userId, username: "eve", email: "eve@example.org" });
    const announced: string[] = [];
    await pubsub.subscribe("user:changes", (_channel, payload) => void announced.push(payload.toString()));
    await client.deleteUser({ userId });
    await expect.poll(() => announced).toEqual([userId]);
  });
});
