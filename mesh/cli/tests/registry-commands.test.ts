import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Store, startRedis } from "../src/stores/index.ts";
import { FakeWorkspace } from "./fake-workspace.ts";

let workspace: FakeWorkspace;
let store: Store;
let redis: Redis;
let healthPort: number;
let health: Server;
let ready = true;

beforeAll(async () => {
  workspace = await FakeWorkspace.create([]);
  store = await startRedis({ dataDir: `${workspace.directory}/redis` });
  redis = new Redis(store.url);
  health = createServer((_, response) => {
    const database = ready ? { ok: true } : { ok: false, error: "connection refused" };
    response.statusCode = ready ? 200 : 503;
    response.end(JSON.stringify({ status: ready ? "ready" : "unready", checks: { database, redis: { ok: true } } }));
  });
  await new Promise<void>((resolve) => health.listen(0, "127.0.0.1", resolve));
  healthPort = (health.address() as AddressInfo).port;
});

afterAll(async () => {
  redis.disconnect();
  health.close();
  await store.stop();
  await workspace.dispose();
});

beforeEach(async () => {
  ready = true;
  await redis.flushall();
});

async function put(name: string, instanceId: string, change: Record<string, unknown> = {}): Promise<void> {
  const record = {
    ...{ name, instanceId, version: "0.1.0", address: "127.0.0.1", status: "ready", health: "healthy", zone: "" },
    ...{ ports: { grpc: 1, http: 2, metrics: 3, health: healthPort }, services: [`test.${name}.v1.Service`] },
    ...{ startedAtMs: Date.now() - 65_000, timestamp: Date.now() - 2_000, ...change },
  };
  await redis.set(`services:${name}:${instanceId}`, JSON.stringify(record));
  await redis.zadd("services:index", String(Date.now()), `${name}/${instanceId}`);
}

describe("weft status", () => {
  test("shows every instance with its health, checks, ports, version, uptime and heartbeat", async () => {
    await put("auth-service", "auth-1");
    await put("user-service", "user-1");
    const { code, stdout } = await workspace.run(["status", "--redis", store.url]);
    expect(stdout).toMatch(/SERVICE +INSTANCE +HEALTH +CHECKS +PORTS +VERSION +UPTIME +HEARTBEAT/);
    expect(stdout).toMatch(
      /auth-service +auth-1 +ready +2\/2 ok +grpc 1, http 2, metrics 3, health \d+ +0\.1\.0 +1 m \d+ s +\d+ s ago/,
    );
    expect(stdout).toMatch(/user-service +user-1 +ready/);
    expect(stdout).toMatch(/redis +up +redis:/);
    expect(code).toBe(0);
  });

  test("exits with 1 and names the failed check when an instance is not ready", async () => {
    ready = false;
    await put("auth-service", "auth-1");
    const { code, stdout } = await workspace.run(["status", "--redis", store.url]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/auth-1 +not ready +HTTP 503 database: connection refused/);
    expect(stdout).toMatch(/something is down/);
  });

  test("exits with 1 when an instance does not answer at all", async () => {
    await put("auth-service", "auth-1", { ports: { grpc: 1, health: 1 } });
    const { code, stdout } = await workspace.run(["status", "--redis", store.url]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/auth-1 +not ready +ECONNREFUSED/);
  });

  test("prints the same as JSON", async () => {
    await put("auth-service", "auth-1");
    const { code, stdout } = await workspace.run(["status", "--json"], { REDIS_URL: store.url });
    const status = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(status).toMatchObject({ up: true, missing: [], stores: [{ name: "redis", ok: true }] });
    expect(status.instances[0]).toMatchObject({
      name: "auth-service",
      ready: true,
      checks: [{ name: "database", ok: true }, {}],
    });
  });

  test("reports a record that cannot be read", async () => {
    await put("auth-service", "auth-1");
    await redis.set("services:odd-service:x", "not JSON");
    await redis.zadd("services:index", "1", "odd-service/x");
    const { code, stdout } = await workspace.run(["status", "--redis", store.url]);
    expect(code).toBe(1);
    expect(stdout).toContain("the record services:odd-service:x cannot be read");
  });

  test("says what to do when nothing runs, and when Redis does not answer", async () => {
    const nothing = await workspace.run(["status"]);
    expect(nothing.code).toBe(1);
    expect(nothing.stdout).toMatch(/nothing is running here\nnext: +start the system with `npm start`/);
    const away = await workspace.run(["status", "--redis", "redis://127.0.0.1:1"]);
    expect(away.code).toBe(1);
    expect(away.stdout).toMatch(/redis +down +redis:\/\/127\.0\.0\.1:1 +.*ECONNREFUSED/);
  });
});

describe("weft register and inspect", () => {
  test("puts a record into the registry that expires, and prints it", async () => {
    const registered = await workspace.run([
      ...["register", "billing-service", "10.0.0.7:9100", "--services", "acme.billing.v1.BillingService"],
      ...["--ports", "health=9103", "--ttl", "1m", "--redis", store.url],
    ]);
    expect(registered.stdout).toMatch(
      /^registered billing-service\/manual-10\.0\.0\.7-9100 at 10\.0\.0\.7:9100, for 1m/,
    );
    expect(await redis.pttl("services:billing-service:manual-10.0.0.7-9100")).toBeGreaterThan(30_000);
    const inspected = await workspace.run(["inspect", "billing", "--redis", store.url]);
    expect(JSON.parse(inspected.stdout)).toMatchObject([
      {
        name: "billing-service",
        address: "10.0.0.7",
        ports: { grpc: 9100, health: 9103 },
        services: ["acme.billing.v1.BillingService"],
      },
    ]);
  });

  test("refreshes the record while it runs with --forever, and withdraws it at the end", async () => {
    const args = ["register", "billing-service", "10.0.0.7:9100", "--id", "b1", "--ttl", "1s", "--forever"];
    const command = workspace.start([...args, "--redis", store.url]);
    await command.said(/registered/);
    const heartbeat = async () =>
      JSON.parse((await redis.get("services:billing-service:b1")) ?? "{}").timestamp as number;
    const first = await heartbeat();
    await expect.poll(heartbeat, { timeout: 10_000 }).toBeGreaterThan(first + 1_000);
    expect(await command.stop("SIGINT")).toBe(0);
    expect(await redis.exists("services:billing-service:b1")).toBe(0);
    expect(await redis.zrange("services:index", "0", "-1")).toEqual([]);
  });

  test("names the known services when the one asked for is not registered", async () => {
    await put("auth-service", "auth-1");
    const { code, stderr } = await workspace.run(["inspect", "nobody", "--redis", store.url]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no instance of "nobody" is registered\nnext: +registered: auth-service/);
  });
});
