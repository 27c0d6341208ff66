import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasRealRedis, type Store, startPostgres, startRedis } from "../src/stores/index.ts";
import { provisionServices } from "../src/stores/provision.ts";

const directories: string[] = [];

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "weft-stores-"));
  directories.push(directory);
  return directory;
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { protocol: 2 });
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

afterAll(async () => {
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
});

describe("startPostgres", () => {
  let dataDir: string;
  let store: Store | undefined;

  beforeAll(async () => {
    dataDir = await makeDirectory();
  });

  afterEach(async () => {
    await store?.stop();
    store = undefined;
  });

  test("keeps data, port and password between starts, and its secret to its owner", async () => {
    store = await startPostgres({ dataDir });
    const { url } = store;
    await query(url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)");
    await store.stop();
    store = await startPostgres({ dataDir });
    expect(store.url).toBe(url);
    expect(await query(url, "SELECT n FROM kept")).toEqual([{ n: 7 }]);
    expect((await stat(join(dataDir, "postgres.json"))).mode & 0o777).toBe(0o600);
  });

  test("comes back with its committed data after a kill", async () => {
    store = await startPostgres({ dataDir });
    const { url, pid } = store;
    await query(url, "CREATE TABLE survivors (n int); INSERT INTO survivors VALUES (1)");
    await store.kill();
    await store.restart();
    expect(store.url).toBe(url);
    expect(store.pid).not.toBe(pid);
    expect(await query(url, "SELECT n FROM survivors")).toEqual([{ n: 1 }]);
  });

  test("does not believe a left-over postmaster.pid that names somebody else's process", async () => {
    store = await startPostgres({ dataDir });
    const file = join(dataDir, "cluster", "postmaster.pid");
    const text = await readFile(file, "utf8");
    await store.kill();
    await writeFile(file, text.replace(/^\d+/, String(process.pid)));
    store = await startPostgres({ dataDir });
    expect(await query(store.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("refuses a directory that a living process already serves", async () => {
    store = await startPostgres({ dataDir });
    await expect(startPostgres({ dataDir })).rejects.toThrow(/already serves .* \(pid \d+/);
  });
});

describe("provisionServices", () => {
  let store: Store;
  let dataDir: string;
  const services = [
    { service: "alpha-service", schema: "alpha_schema" },
    { service: "beta-service", schema: "beta_schema" },
  ];

  beforeAll(async () => {
    dataDir = await makeDirectory();
    store = await startPostgres({ dataDir });
  });

  afterAll(async () => {
    await store.stop();
  });

  const provision = (adminUrl = store.url, exclusive = true) =>
    provisionServices({ adminUrl, services, secretsFile: join(dataDir, "secrets.json"), exclusive });

  test("gives each service a schema that no other service can read", async () => {
    const { urls } = await provision();
    const alpha = urls.get("alpha-service") ?? "";
    const beta = urls.get("beta-service") ?? "";
    await query(alpha, "CREATE TABLE secret (n int); INSERT INTO secret VALUES (1)");
    expect(await query(alpha, "SELECT n FROM alpha_schema.secret")).toEqual([{ n: 1 }]);
    await expect(query(beta, "SELECT n FROM alpha_schema.secret")).rejects.toThrow(/permission denied for schema/);
    await expect(query(beta, "CREATE TABLE public.intruder (n int)")).rejects.toThrow(/permission denied/);
    await expect(query(beta, "CREATE SCHEMA intruder")).rejects.toThrow(/permission denied/);
    await expect(query(beta, "SET ROLE weft_alpha_service")).rejects.toThrow(/permission denied/);
  });

  test("can be repeated, keeps the passwords, and keeps them secret", async () => {
    const first = await provision();
    const second = await provision();
    expect(second.urls).toEqual(first.urls);
    expect((await stat(join(dataDir, "secrets.json"))).mode & 0o777).toBe(0o600);
  });

  test("provisions through a role that is no superuser but may create roles", async () => {
    await query(store.url, "CREATE ROLE creator LOGIN CREATEROLE PASSWORD 'x'");
    await query(store.url, "CREATE DATABASE shared OWNER creator");
    const adminUrl = store.url.replace(/\/\/.*@/, "//creator:x@").replace(/postgres$/, "shared");
    const own = [{ service: "gamma-service", schema: "gamma_schema" }];
    const secretsFile = join(dataDir, "shared.json");
    const { urls, note } = await provisionServices({ adminUrl, services: own, secretsFile, exclusive: false });
    expect(note).toBeUndefined();
    const rows = await query(urls.get("gamma-service") ?? "", "SELECT current_user AS role, current_schema AS schema");
    expect(rows).toEqual([{ role: "weft_gamma_service", schema: "gamma_schema" }]);
  });

  test("passes the given URL on, and says so, when its role may not create roles", async () => {
    await query(store.url, "CREATE ROLE plain LOGIN PASSWORD 'x'; GRANT CONNECT ON DATABASE postgres TO plain");
    const adminUrl = store.url.replace(/\/\/.*@/, "//plain:x@");
    const { urls, note } = await provision(adminUrl, false);
    expect([...urls.values()]).toEqual([adminUrl, adminUrl]);
    expect(note).toMatch(/"plain" may not create roles/);
  });

  test("names the unreachable database without its password", async () => {
    await expect(provision("postgres://me:hidden@127.0.0.1:1/none")).rejects.toThrow(/me:\*\*\*@127\.0\.0\.1:1\/none/);
  });
});

const kinds = [{ kind: "js" as const }, ...((await hasRealRedis()) ? [{ kind: "real" as const }] : [])];

describe.each(kinds)("startRedis ($kind)", ({ kind }) => {
  test("answers, comes back on its port after a kill, and keeps the port between starts", async () => {
    const dataDir = await makeDirectory();
    const store = await startRedis({ dataDir, kind });
    const { url, pid } = store;
    try {
      expect(await withRedis(url, (redis) => redis.set("a", "1"))).toBe("OK");
      await store.kill();
      await store.restart();
      expect(store.url).toBe(url);
      expect(store.pid).not.toBe(pid);
      expect(await withRedis(url, (redis) => redis.ping())).toBe("PONG");
    } finally {
      await store.stop();
    }
    const again = await startRedis({ dataDir, kind });
    expect(again.url).toBe(url);
    await again.stop();
  });

  test("keeps its data over a clean stop", async () => {
    const dataDir = await makeDirectory();
    const store = await startRedis({ dataDir, kind });
    await withRedis(store.url, async (redis) => {
      await redis.set("kept", "yes\u0000é", "EX", 1_000);
      await redis.hset("hash", { a: "1", b: "2" });
      await redis.rpush("list", "x", "y", "x");
      await redis.sadd("set", "m");
      await redis.zadd("zset", "1.5", "low", "7", "high");
      await redis.xadd("stream", "5-1", "field", "value");
      await redis.xgroup("CREATE", "stream", "readers", "0");
      await redis.xreadgroup("GROUP", "readers", "one", "STREAMS", "stream", ">");
    });
    await store.stop();
    const again = await startRedis({ dataDir, kind });
    try {
      await withRedis(again.url, async (redis) => {
        expect(await redis.get("kept")).toBe("yes\u0000é");
        expect(await redis.ttl("kept")).toBeGreaterThan(900);
        expect(await redis.hgetall("hash")).toEqual({ a: "1", b: "2" });
        expect(await redis.lrange("list", "0", "-1")).toEqual(["x", "y", "x"]);
        expect(await redis.smembers("set")).toEqual(["m"]);
        expect(await redis.zrange("zset", "0", "-1")).toEqual(["low", "high"]);
        expect(await redis.zscore("zset", "low")).toBe("1.5");
        expect(await redis.xrange("stream", "-", "+")).toEqual([["5-1", ["field", "value"]]]);
        const pending = (await redis.xpending("stream", "readers")).flat(2).map(String);
        expect(pending).toEqual(["1", "5-1", "5-1", "one", "1"]);
        expect(await redis.xreadgroup("GROUP", "readers", "one", "STREAMS", "stream", ">")).toBeNull();
      });
    } finally {
      await again.stop();
    }
  });
});
