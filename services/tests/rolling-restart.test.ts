import { type RunningService, startService } from "@weft/mesh";
import { until } from "@weft/mesh/testing";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, type Answer, rest, type System, signUp, startSystem } from "./system.ts";
import { failed, flows, traffic } from "./traffic.ts";

/*
 * A deploy as it should be: of each service first one instance is asked to go (SIGTERM) and another takes its place, then
 * the other, while callers call. What they call may be repeated or not; they see none of it either way.
 *
 * The gateway is left out: it is one process with one port, and while it is away its callers are refused by the system. It
 * takes a balancer in front of two gateways to restart one unseen.
 */

const internal = ["auth-service", "user-service", "project-service", "simulation-service"];

let system: System;
let account: Account;
/** Logs in all the time: of a user's sessions the oldest end when there are too many. */
let visitor: Account;
let project: string;
let simulation: string;
/** A service of the mesh beside the others, for calls that do not pass the gateway. */
let neighbour: RunningService;

beforeAll(async () => {
  system = await startSystem({ args: ["--instances", internal.map((name) => `${name}=2`).join(",")] });
  account = await signUp(system);
  visitor = await signUp(system);
  const token = account.accessToken;
  const created = await rest<{ id: string }>(system, "POST", "/api/projects", {
    token,
    body: { name: "restarted", templateId: "web-shop" },
  });
  project = created.body.id;
  const started = await rest<{ id: string }>(system, "POST", `/api/projects/${project}/simulations`, {
    token,
    body: { durationSeconds: 1 },
  });
  simulation = started.body.id;
  neighbour = await startNeighbour();
}, 180_000);

afterAll(async () => {
  await neighbour?.stop();
  await system?.stop();
});

async function startNeighbour(): Promise<RunningService> {
  const { stores } = (await system.record()) as { stores: { redis: { url: string } } };
  const anyPorts = { GRPC_PORT: "0", HTTP_PORT: "0", METRICS_PORT: "0", HEALTH_PORT: "0" };
  return await startService({
    ...{ name: "neighbour-service", version: "1.0.0", basePort: 50_000, handleSignals: false },
    peers: {
      "auth-service": { services: [AuthService] },
      "user-service": { services: [UserService] },
      "project-service": { services: [ProjectService] },
      "simulation-service": { services: [SimulationService] },
    },
    env: { REDIS_URL: stores.redis.url, LOG_LEVEL: "fatal", ...anyPorts },
    setup: () => ({ routes: () => undefined }),
  });
}

interface Process {
  readonly service: string;
  readonly instance: number;
  readonly pid: number | null;
  readonly healthPort: number;
}

async function processesOf(service: string): Promise<readonly Process[]> {
  const { services } = (await system.record()) as { services: readonly Process[] };
  return services.filter((one) => one.service === service);
}

/** Asks one process to go, and waits until the one that takes its place says that it is ready: as a deploy does. */
async function restart({ service, instance, pid, healthPort }: Process): Promise<void> {
  process.kill(pid as number, "SIGTERM");
  await until(`another process is ${service} ${instance}`, async () => {
    const successor = (await processesOf(service)).find((one) => one.instance === instance)?.pid ?? null;
    return successor !== null && successor !== pid;
  });
  await until(
    `${service} ${instance} is ready`,
    async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => undefined))?.status === 200,
  );
}

/** Load that leaves the machine time for the processes that start: an overloaded service refuses calls, and may. */
const steady = { concurrency: 2, pauseMs: 200 };
/** Of what costs a tenth of a second of work: hashing a password, running a simulation. */
const slow = { concurrency: 1, pauseMs: 2500 };

/** What people do, through the gateway. */
function restLoads() {
  const { accessToken: token } = account;
  const { user, password } = visitor;
  const get = (path: string) => () => rest(system, "GET", path, { token });
  const post = (path: string, body: unknown) => () => rest(system, "POST", path, { token, body });
  return [
    traffic(get("/api/auth/profile"), steady),
    traffic(get(`/api/projects/${project}`), steady),
    traffic(get(`/api/simulations/${simulation}`), steady),
    traffic(post("/api/projects", { name: "made meanwhile" }), steady),
    traffic(post(`/api/projects/${project}/simulations`, { durationSeconds: 1 }), slow),
    traffic(post("/api/auth/login", { login: user.username, password }), slow),
  ];
}

/** What services do, straight to each other. */
function meshLoads() {
  const { mesh } = neighbour;
  const headers = { authorization: `Bearer ${account.accessToken}` };
  const [auth, user] = [mesh.client(AuthService), mesh.client(UserService)];
  const [projects, simulations] = [mesh.client(ProjectService), mesh.client(SimulationService)];
  const calls: (() => Promise<unknown>)[] = [
    () => auth.validateToken({ token: account.accessToken }),
    () => user.validateUserExists({ userId: account.user.id }),
    () => projects.createProject({ name: "made meanwhile" }, { headers }),
    () => simulations.getSimulation({ id: simulation }, { headers }),
  ];
  return calls.map((call) =>
    traffic(async (): Promise<Answer> => {
      await call();
      return { status: 200, headers: new Headers(), body: {} };
    }, steady),
  );
}

describe("a rolling restart under load", () => {
  it.each(internal)(
    "of %s costs no call, whether it may be repeated or not",
    async (service) => {
      const loads = [...restLoads(), ...meshLoads()];
      await Promise.all(loads.map((load) => flows(load, 2)));
      const before = await processesOf(service);
      expect(before).toHaveLength(2);
      for (const one of before) {
        await restart(one);
      }
      await Promise.all(loads.map((load) => flows(load, 2)));
      const answers = (await Promise.all(loads.map((load) => load.stop()))).flat();
      expect(failed(answers)).toEqual([]);
      const after = await processesOf(service);
      expect(after.some(({ pid }) => before.some((old) => old.pid === pid))).toBe(false);
    },
    300_000,
  );
});
