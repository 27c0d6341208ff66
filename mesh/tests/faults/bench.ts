import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Client } from "@connectrpc/connect";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { Redis } from "ioredis";
import { vi } from "vitest";
import {
  type Clock,
  type Mesh,
  type Random,
  type RunningService,
  type ScalerOptions,
  startService,
} from "../../src/index.ts";
import { type ChaosProxy, FakeClock, silentLogger, startChaosProxy, until } from "../../src/testing/index.ts";
import { startTestRedis, type TestStore, testRedisKinds } from "../stores.ts";
import { type Fixture, fixtureRoutes, order } from "./fixture-routes.ts";

/*
 * What a test of a fault is made of: a private Redis, instances of `user-service` (in processes of their own, or in this
 * one behind a chaos proxy), and callers. Only the public API is used: what the transport is made of is none of its
 * business. `close` ends everything, stopped and killed processes too.
 */

/** WEFT_FAULTS=full runs everything at length; without it the suite is a part of `npm test` and must be quick. */
export const full = process.env.WEFT_FAULTS === "full";
/** Catches a hang: at length some take minutes, and ten times that where others use the machine. */
const hangMs = full ? 900_000 : 240_000;
vi.setConfig({ testTimeout: hangMs, hookTimeout: hangMs });

/** An instance in its own process. */
export interface InstanceProcess {
  readonly label: string;
  readonly child: ChildProcess;
  /** Resolves with the exit code when SIGTERM has been obeyed. */
  terminate(): Promise<number | null>;
}

export interface Caller {
  readonly mesh: Mesh;
  /** A call that may be repeated; tells who answered. */
  ask(callId: string, options?: CallOptions): Promise<string>;
  /** One that may not. */
  run(callId: string, options?: CallOptions): Promise<string>;
  /** Instances known, and how many of them would be called. */
  state(): { readonly instances: number; readonly available: number };
  /** Waits until so many instances are available. */
  sees(available: number): Promise<unknown>;
}

export interface CallOptions {
  readonly delayMs?: number;
  readonly answerBytes?: number;
  readonly timeoutMs?: number;
}

export interface CallerOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly pool?: Partial<ScalerOptions>;
  /** The instances that it knows, by the way to them; those in Redis when absent. */
  readonly through?: readonly ChaosProxy[];
}

export interface LocalOptions {
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Bench {
  readonly redis: TestStore;
  /** Starts an instance in its own process. */
  instance(label: string): Promise<InstanceProcess>;
  /** Starts one in this process, which nobody finds by itself: it is reached by its port alone. */
  hidden(fixture: Fixture, options?: LocalOptions): Promise<RunningService>;
  /** Starts one in this process that callers find. */
  local(fixture: Fixture, options?: LocalOptions): Promise<RunningService>;
  /** A hidden instance with a bad network before it. */
  behindProxy(fixture: Fixture): Promise<ChaosProxy>;
  proxyTo(service: RunningService, onAccept?: () => void): Promise<ChaosProxy>;
  caller(options?: CallerOptions): Promise<Caller>;
  /** Who ran each call that may not be repeated, in the processes. */
  runs(): Promise<Map<string, string[]>>;
  /** Ends what was started, but not Redis, for the next test. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export const anyPorts = { GRPC_PORT: "0", HTTP_PORT: "0", METRICS_PORT: "0", HEALTH_PORT: "0" };

export async function startBench(): Promise<Bench> {
  const redis = await startTestRedis(testRedisKinds[0] ?? "js");
  const admin = new Redis(redis.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  admin.on("error", () => undefined);
  const folder = await mkdtemp(join(tmpdir(), "weft-faults-"));
  const runsFile = join(folder, "runs");
  const cleanups: (() => Promise<unknown>)[] = [];

  const start = async (
    name: string,
    options: Partial<Parameters<typeof startService>[0]> & Pick<Parameters<typeof startService>[0], "setup">,
  ): Promise<RunningService> => {
    const service = await startService({
      name,
      version: "1.0.0",
      basePort: 50_000,
      handleSignals: false,
      logger: silentLogger,
      ...options,
      env: { REDIS_URL: redis.url, WEFT_DRAIN_TIMEOUT: "1s", ...anyPorts, ...options.env },
    });
    cleanups.push(() => service.stop());
    return service;
  };

  const bench: Bench = {
    redis,
    instance: async (label) => {
      const child = spawn(process.execPath, [fileURLToPath(new URL("fixture-service.ts", import.meta.url))], {
        env: {
          ...process.env,
          ...anyPorts,
          REDIS_URL: redis.url,
          LOG_LEVEL: "fatal",
          FIXTURE_LABEL: label,
          FIXTURE_RUNS: runsFile,
        },
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
      const exited = once(child, "exit") as Promise<[number | null]>;
      cleanups.push(() => {
        child.kill("SIGKILL");
        return exited;
      });
      await Promise.race([
        once(child, "message"),
        exited.then(([code]) => Promise.reject(new Error(`${label} ended with ${code} before it was ready`))),
      ]);
      return {
        label,
        child,
        terminate: async () => {
          child.kill("SIGTERM");
          return (await exited)[0];
        },
      };
    },
    hidden: (fixture, options) =>
      start("hidden-service", { setup: () => ({ routes: fixtureRoutes(fixture) }), ...options }),
    local: (fixture, options) =>
      start("user-service", { setup: () => ({ routes: fixtureRoutes(fixture) }), ...options }),
    behindProxy: async (fixture) => bench.proxyTo(await bench.hidden(fixture)),
    proxyTo: async ({ mesh }, onAccept) => {
      const proxy = await startChaosProxy({
        target: { host: "127.0.0.1", port: mesh.ports.grpc ?? 0 },
        ...(onAccept === undefined ? {} : { onAccept }),
      });
      cleanups.push(() => proxy.close());
      return proxy;
    },
    caller: async ({ through, pool, ...options } = {}) => {
      const peers = through?.map(({ host, port }) => `user-service=${host}:${port}`).join(",");
      const { mesh } = await start("caller-service", {
        ...options,
        env: peers === undefined ? {} : { WEFT_PEERS: peers },
        peers: {
          "user-service": { services: [UserService, AccountService], pool: { minConnections: 2, ...pool } },
        },
        setup: () => ({ routes: () => undefined }),
      });
      return callerOn(mesh);
    },
    runs: async () => {
      const runs = new Map<string, string[]>();
      const text = await readFile(runsFile, "utf8").catch(() => "");
      for (const line of text.split("\n").slice(0, -1)) {
        const [callId = "", label = ""] = line.split("\t");
        runs.set(callId, [...(runs.get(callId) ?? []), label]);
      }
      return runs;
    },
    clear: async () => {
      // The latest first: callers before whom they call, proxies before what is behind them.
      for (const cleanup of cleanups.splice(0).reverse()) {
        await cleanup();
      }
      // Whoever was killed is still on record.
      await admin.flushall();
    },
    close: async () => {
      await bench.clear();
      admin.disconnect();
      await redis.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return bench;
}

function callerOn(mesh: Mesh): Caller {
  const users: Client<typeof UserService> = mesh.client(UserService);
  const accounts: Client<typeof AccountService> = mesh.client(AccountService);
  const timeout = ({ timeoutMs }: CallOptions) => (timeoutMs === undefined ? {} : { timeoutMs });
  const state = () => mesh.peerState("user-service");
  return {
    mesh,
    state,
    ask: async (callId, options = {}) => {
      const { delayMs, answerBytes = 0 } = options;
      const answer = await users.getUserById({ userId: order(callId, delayMs, answerBytes) }, timeout(options));
      if (answer.userId !== callId || answer.firstName.length !== answerBytes) {
        throw new Error(`${callId} was answered with ${answer.userId} and ${answer.firstName.length} bytes`);
      }
      return answer.username;
    },
    run: async (callId, options = {}) => {
      const login = order(callId, options.delayMs, options.answerBytes);
      const answer = await accounts.login({ login, password: "x" }, timeout(options));
      if (answer.accessToken !== callId) {
        throw new Error(`${callId} was answered with ${answer.accessToken}`);
      }
      return answer.refreshToken;
    },
    sees: (available) => until(`${available} instances are available`, () => state().available === available),
  };
}

/** A clock that flows in small steps, several times as fast as the real one, with I/O between them. */
export interface FlowingClock extends FakeClock {
  stop(): Promise<void>;
}

/**
 * The wait for a keepalive in a fraction of its time, and exact: a machine that stalls stalls this clock too, so "noticed
 * within so many seconds" can be asserted.
 */
export function flowingClock(): FlowingClock {
  const clock = new FakeClock(Date.now());
  let stopped = false;
  const flow = (async () => {
    while (!stopped) {
      await clock.advance(20);
      await pause(2);
    }
  })();
  return Object.assign(clock, {
    stop: () => {
      stopped = true;
      return flow;
    },
  });
}
