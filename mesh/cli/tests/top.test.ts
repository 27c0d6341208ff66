import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type RunningService, startService } from "@weft/mesh";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Store, startRedis } from "../src/stores/index.ts";
import { FakeWorkspace } from "./fake-workspace.ts";

/*
 * `weft top` on a real service, which is called all the while, beside a record of an instance that is not there.
 */
let workspace: FakeWorkspace;
let store: Store;
let redis: Redis;
let service: RunningService;

const lost = {
  ...{ name: "lost-service", instanceId: "lost-1", version: "", address: "127.0.0.1", ports: { grpc: 1, metrics: 1 } },
  ...{ status: "ready", health: "healthy", services: [], zone: "", startedAtMs: 0, timestamp: 0 },
};

beforeAll(async () => {
  workspace = await FakeWorkspace.create([]);
  store = await startRedis({ dataDir: `${workspace.directory}/redis` });
  redis = new Redis(store.url);
  const anyPorts = { GRPC_PORT: "0", HTTP_PORT: "0", METRICS_PORT: "0", HEALTH_PORT: "0" };
  service = await startService({
    ...{ name: "user-service", version: "1.0.0", basePort: 50_000, handleSignals: false },
    env: { REDIS_URL: store.url, LOG_LEVEL: "fatal", ...anyPorts },
    setup: () => ({
      routes: (router) =>
        router.service(UserService, { validateUserExists: () => ({ exists: true, username: "ada" }) }),
    }),
  });
  await redis.set("services:lost-service:lost-1", JSON.stringify(lost));
  await redis.zadd("services:index", String(Date.now()), "lost-service/lost-1");
});

afterAll(async () => {
  await service?.stop();
  redis?.disconnect();
  await store?.stop();
  await workspace?.dispose();
});

/** Runs the command while the service is called. */
async function runUnderLoad(args: readonly string[]) {
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${service.mesh.ports.grpc}` });
  const client = createClient(UserService, transport);
  const running = workspace.run(["top", "--redis", store.url, "--interval", "300ms", ...args]);
  let ended = false;
  const result = running.finally(() => {
    ended = true;
  });
  while (!ended) {
    await client.validateUserExists({ userId: "1" });
  }
  return await result;
}

describe("weft top", () => {
  test("prints one JSON object with the rates of a running service, and says what it cannot reach", async () => {
    const { code, stdout, stderr } = await runUnderLoad(["--once", "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { instances, registryError } = JSON.parse(stdout);
    expect(registryError).toBeNull();
    const found = instances.find((one: { service: string }) => one.service === "user-service");
    expect(found).toMatchObject({
      status: "ready",
      unreachable: null,
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(found.load).toMatchObject({ errorShare: 0, inFlight: expect.any(Number), peers: [] });
    for (const known of ["callsPerSecond", "p50Ms", "p99Ms", "cpuShare", "memoryBytes"]) {
      expect([known, found.load[known] > 0]).toEqual([known, true]);
    }
    expect(instances.find((one: { service: string }) => one.service === "lost-service")).toMatchObject({
      load: null,
      unreachable: "ECONNREFUSED",
    });
  });

  test("prints a table without colours when there is no terminal", async () => {
    const { code, stdout } = await runUnderLoad([]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^SERVICE +INSTANCE +STATE +CALLS\/S↓ +IN FLIGHT/);
    expect(stdout).toMatch(/user-service +\S+ +ready +[\d.]+k? +\d+ +[\d.]+ ms/);
    expect(stdout).toMatch(/lost-service +lost-1 +unreachable +- .*ECONNREFUSED/);
    expect(stdout).not.toContain("\u001b");
  });

  test("refuses an order and an interval that it does not have, and says what to do when nothing runs", async () => {
    const order = await workspace.run(["top", "--sort", "size"]);
    expect([order.code, order.stderr]).toEqual([1, expect.stringMatching(/--sort is "size"; it takes rate, p99/)]);
    const interval = await workspace.run(["top", "--interval", "1ms"]);
    expect([interval.code, interval.stderr]).toEqual([1, expect.stringMatching(/it takes 100ms at least/)]);
    const nothing = await workspace.run(["top"]);
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringMatching(/nothing is running here/)]);
  });
});
