import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startSystem } from "../processes/system.ts";
import type { LiveContenderId } from "./dialects.ts";
import { LiveProcess } from "./live-process.ts";
import { probeFlags } from "./server-figures.ts";

/*
 * What is measured: a server, who publishes to it, and what a client has to bring. Ours is the whole system as `weft up`
 * starts it; the clients are those of one user, whom they would otherwise need a hundred of for limits that protect others.
 */

export interface LiveServer {
  readonly id: LiveContenderId;
  /** Of the process that holds the connections. */
  readonly pid: number;
  readonly port: number;
  readonly token: string;
  /** Everybody is subscribed to it when messages are fanned out. */
  readonly channel: string;
  /** Takes orders to publish. */
  readonly publisher: LiveProcess;
}

export interface OurServer extends LiveServer {
  /** Channels whose messages replace each other and have no positions; they are silent but for what the bench publishes. */
  readonly latestChannels: readonly string[];
  readonly redisPid: number;
}

const startLimitMs = 30_000;
const latestChannelCount = 10;
const settings = {
  WEFT_WS_CONNECTIONS: "1000000",
  WEFT_WS_CONNECTIONS_PER_USER: "100000",
};

export interface Started<Server> {
  readonly server: Server;
  stop(): Promise<void>;
}

/** `folder` is where the processes write logs and heap sizes. */
export async function startOurs(folder: string): Promise<Started<OurServer>> {
  const system = await startSystem({
    settings: { ...settings, NODE_OPTIONS: probeFlags.join(" "), WEFT_BENCH_PROBE: folder },
  });
  const publisher = new LiveProcess("publisher-main.ts", folder, "publisher");
  const stop = async (): Promise<void> => {
    await publisher.stop();
    await system.stop();
  };
  try {
    const run = JSON.parse(await readFile(join(system.stateDir, "run.json"), "utf8")) as RunFile;
    const pid = run.services.find(({ service }) => service === "gateway-service")?.pid ?? 0;
    await publisher.ask({ kind: "connect", redisUrl: run.stores.redis.url }, startLimitMs);
    const { token, projectId, simulationIds } = await furnish(system.address);
    const server: OurServer = {
      id: "weft",
      pid,
      port: Number(new URL(system.address).port),
      token,
      channel: `project:${projectId}`,
      publisher,
      latestChannels: simulationIds.map((id) => `traces:${id}`),
      redisPid: run.stores.redis.pid ?? 0,
    };
    return { server, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export async function startPeer(id: Exclude<LiveContenderId, "weft">, folder: string): Promise<Started<LiveServer>> {
  const process = new LiveProcess("peers-main.ts", folder, id);
  const port = await process.ask<number>({ kind: "serve", contender: id }, startLimitMs);
  const server = { id, pid: process.pid, port, token: "", channel: "project:everybody", publisher: process };
  return { server, stop: () => process.stop() };
}

/** What is read of the file in which `weft up` says what runs. */
interface RunFile {
  readonly services: readonly { readonly service: string; readonly pid: number | null }[];
  readonly stores: { readonly redis: { readonly url: string; readonly pid: number | null } };
}

/** A user, a project of theirs, and simulations of it that have ended: their channels are there, and silent. */
async function furnish(address: string): Promise<{ token: string; projectId: string; simulationIds: string[] }> {
  const name = `realtime-${Math.random().toString(36).slice(2, 10)}`;
  const { accessToken: token } = await post<{ accessToken: string }>(`${address}/api/auth/signup`, "", {
    username: name,
    email: `${name}@example.org`,
    password: `${name}-${Math.random().toString(36).slice(2)}`,
  });
  const architecture = {
    components: [
      { id: "users", kind: "client" },
      { id: "api", kind: "service" },
    ],
    links: [{ from: "users", to: "api" }],
    workloads: [{ component: "users", kind: "poisson", ratePerSecond: 1 }],
  };
  const project = await post<{ id: string }>(`${address}/api/projects`, token, { name, architecture });
  const simulationIds: string[] = [];
  for (let count = 0; count < latestChannelCount; count += 1) {
    const url = `${address}/api/projects/${project.id}/simulations`;
    const { id } = await post<{ id: string }>(url, token, { durationSeconds: 60, seed: 1, speed: 1 });
    await post(`${address}/api/simulations/${id}:stop`, token, {});
    simulationIds.push(id);
  }
  return { token, projectId: project.id, simulationIds };
}

async function post<Body>(url: string, token: string, body: unknown): Promise<Body> {
  const headers = { "content-type": "application/json", ...(token === "" ? {} : { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) {
    throw new Error(`${url} answered with ${response.status}: ${await response.text()}`);
  }
  return (await response.json()) as Body;
}
