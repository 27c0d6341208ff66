import { until } from "@weft/mesh/testing";
import {
  startTestPostgres,
  startTestRedis,
  type TestPostgres,
  type TestStore,
  testRedisKinds,
} from "@weft/mesh/testing/stores";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, type Answer, openLive, rest, type System, signUp, startSystem } from "./system.ts";
import { failed, flows, traffic } from "./traffic.ts";

/*
 * What breaks, and what callers see of it. Two instances of each service behind the gateway; stores that are given by URL,
 * so that the test, not the supervisor, decides when they are away.
 */

let redis: TestStore;
let postgres: TestPostgres;
let system: System;
let account: Account;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([startTestRedis(testRedisKinds[0] ?? "js"), startTestPostgres()]);
  system = await startSystem({
    args: ["--instances", "auth-service=2,user-service=2,project-service=2,simulation-service=2"],
    env: { REDIS_URL: redis.url, DATABASE_URL: postgres.url },
  });
  account = await signUp(system);
}, 180_000);

afterAll(async () => {
  await system?.stop();
  await Promise.all([redis?.close(), postgres?.close()]);
});

const get = (path: string) => () => rest(system, "GET", path, { token: account.accessToken });

function statuses(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) {
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

async function pidsOf(service: string): Promise<readonly number[]> {
  const { services } = (await system.record()) as { services: { service: string; pid: number | null }[] };
  return services.filter((one) => one.service === service).flatMap(({ pid }) => (pid === null ? [] : [pid]));
}

/** Load that leaves the machine time for what comes back. */
const steady = { concurrency: 2, pauseMs: 20 };

describe("an instance killed with -9 under load", () => {
  it.each(["auth-service", "user-service", "project-service", "simulation-service"])(
    "%s: callers see no failed idempotent call",
    async (service) => {
      const project = await rest<{ id: string }>(system, "POST", "/api/projects", {
        token: account.accessToken,
        body: { name: service },
      });
      const loads = [
        traffic(get("/api/auth/profile")),
        traffic(get(`/api/projects/${project.body.id}`)),
        traffic(get(`/api/projects/${project.body.id}/simulations`)),
      ];
      await Promise.all(loads.map((load) => flows(load)));
      const [victim] = await pidsOf(service);
      process.kill(victim as number, "SIGKILL");
      await until("another process has taken its place", async () => {
        const pids = await pidsOf(service);
        return pids.length === 2 && !pids.includes(victim as number);
      });
      await Promise.all(loads.map((load) => flows(load)));
      const answers = (await Promise.all(loads.map((load) => load.stop()))).flat();
      expect(failed(answers)).toEqual([]);
    },
  );
});

describe("a simulation whose instance is killed", () => {
  it("is run again by another and completes", async () => {
    const token = account.accessToken;
    const project = await rest<{ id: string }>(system, "POST", "/api/projects", {
      token,
      body: { name: "survivor", templateId: "web-shop" },
    });
    const started = await rest<{ id: string }>(system, "POST", `/api/projects/${project.body.id}/simulations`, {
      token,
      body: { durationSeconds: 60, speed: 10, seed: 3 },
    });
    const status = async () =>
      (await rest<{ status: string }>(system, "GET", `/api/simulations/${started.body.id}`, { token })).body.status;
    await until("it runs", async () => (await status()) === "RUNNING");
    // Which of the two runs it is not the caller's business, so both go.
    for (const pid of await pidsOf("simulation-service")) {
      process.kill(pid, "SIGKILL");
    }
    await until("it has completed", async () => (await status().catch(() => "")) === "COMPLETED", 60_000);
  }, 300_000);
});

describe("Redis away for 30 seconds and back empty", () => {
  it("disturbs no call, and live channels resume", async () => {
    const token = account.accessToken;
    const project = await rest<{ id: string }>(system, "POST", "/api/projects", {
      token,
      body: { name: "redis", templateId: "web-shop" },
    });
    const simulation = await rest<{ id: string; channel: string }>(
      system,
      "POST",
      `/api/projects/${project.body.id}/simulations`,
      {
        token,
        body: { durationSeconds: 600, speed: 5 },
      },
    );
    const live = await openLive(system);
    live.send({ id: 1, connect: { token } });
    live.send({ id: 2, subscribe: { channel: simulation.body.channel } });
    await live.frame("live frames", (frame) => frame.push !== undefined);

    const loads = [traffic(get("/api/auth/profile"), steady), traffic(get(`/api/projects/${project.body.id}`), steady)];
    await Promise.all(loads.map((load) => flows(load)));
    await redis.stop();
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    const during = await Promise.all(loads.map((load) => load.stop()));
    expect(during.map(statuses)).toEqual([{ 200: expect.any(Number) }, { 200: expect.any(Number) }]);
    expect(live.closed).toBeUndefined();

    const framesBefore = live.frames.length;
    await redis.start();
    await until("frames flow again", () => live.frames.slice(framesBefore).some((frame) => frame.push !== undefined));
    await until("the registry is full again", async () => {
      const { stdout } = await system.weft("status", "--json");
      return ["gateway", "auth", "user", "project", "simulation"].every((name) => stdout.includes(`${name}-service-`));
    });
    expect((await get("/api/auth/profile")()).status).toBe(200);
    await rest(system, "POST", `/api/simulations/${simulation.body.id}:stop`, { token });
    live.close();
  }, 300_000);
});

describe("PostgreSQL restarted under load", () => {
  it("gives clear 503s, heals by itself, and loses nothing that was acknowledged", async () => {
    const token = account.accessToken;
    let made = 0;
    const nextName = () => {
      made += 1;
      return `write ${made}`;
    };
    const write = () => rest(system, "POST", "/api/projects", { token, body: { name: nextName() } });
    const writes = traffic(write, steady);
    const reads = traffic(get("/api/projects?pageSize=1"), steady);
    await Promise.all([flows(writes, 5), flows(reads, 5)]);
    await postgres.stop();
    await until("calls fail", () => writes.answers.some(({ status }) => status === 503));
    await until("readiness tells", async () => (await rest(system, "GET", "/readyz")).status === 503);
    await postgres.start();
    await until("the system is ready again", async () => (await rest(system, "GET", "/readyz")).status === 200, 30_000);
    await Promise.all([flows(writes, 5), flows(reads, 5)]);
    const [written, read] = await Promise.all([writes.stop(), reads.stop()]);
    for (const answer of [...written, ...read]) {
      expect([200, 503], JSON.stringify(answer.body)).toContain(answer.status);
      if (answer.status === 503) {
        expect(answer.headers.get("retry-after")).not.toBeNull();
        expect(answer.body.code).toBe("unavailable");
      }
    }
    for (const { status, body } of written) {
      if (status === 200) {
        expect((await rest(system, "GET", `/api/projects/${String(body.id)}`, { token })).status).toBe(200);
      }
    }
  }, 300_000);
});
