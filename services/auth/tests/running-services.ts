/** The auth and the user service as processes of their own, on free ports, over stores of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startTestPostgres, startTestRedis, type TestPostgres } from "@weft/mesh/testing/stores";

export interface RunningProcess {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Of its REST port. */
  readonly url: string;
}

export interface RunningServices {
  readonly postgres: TestPostgres;
  readonly auth: RunningProcess;
  readonly user: RunningProcess;
  /** Starts another one and waits until it is ready. */
  start(name: "auth" | "user"): Promise<RunningProcess>;
  /** Starts one that need not become ready. */
  spawn(name: "auth" | "user", extra?: NodeJS.ProcessEnv): { child: ChildProcess; lines: string[] };
  /** Ends everything and removes what it left. */
  stop(): Promise<void>;
}

const anyPort = { GRPC_PORT: "0", HTTP_PORT: "0", METRICS_PORT: "0", HEALTH_PORT: "0" };

export async function startServices(): Promise<RunningServices> {
  const [postgres, redis, folder] = await Promise.all([
    startTestPostgres(),
    startTestRedis("server"),
    mkdtemp(join(tmpdir(), "weft-auth-")),
  ]);
  const env = {
    PATH: process.env.PATH,
    ...anyPort,
    REDIS_URL: redis.url,
    DATABASE_URL: await postgres.createDatabase("weft"),
    WEFT_DATA_DIR: folder,
    LOG_LEVEL: "info",
  };
  const processes: RunningProcess[] = [];
  const spawnOne = (name: "auth" | "user", extra: NodeJS.ProcessEnv = {}) => {
    const entry = new URL(`../../${name}/src/main.ts`, import.meta.url).pathname;
    const child = spawn(process.execPath, [entry], { env: { ...env, ...extra }, stdio: ["ignore", "pipe", "pipe"] });
    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface(stream).on("line", (line) => lines.push(line));
    }
    return { child, lines };
  };
  const start = async (name: "auth" | "user"): Promise<RunningProcess> => {
    const { child, lines } = spawnOne(name);
    const ready = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`${name} ended with ${code}:\n${lines.slice(-20).join("\n")}`)));
      child.stdout?.on("data", () => {
        const line = lines.find((one) => one.includes("service is ready"));
        if (line !== undefined) resolve(line);
      });
    });
    const { ports } = JSON.parse(ready) as { ports: { http: number } };
    const running = { child, lines, url: `http://127.0.0.1:${ports.http}` };
    processes.push(running);
    return running;
  };
  const [auth, user] = await Promise.all([start("auth"), start("user")]);
  return {
    postgres,
    auth,
    user,
    start,
    spawn: spawnOne,
    async stop() {
      await Promise.all(processes.map((one) => endProcess(one, "SIGKILL")));
      await Promise.all([postgres.close(), redis.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The exit code; null when a signal ended it. */
export async function endProcess(
  { child }: RunningProcess,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, "exit");
  child.kill(signal);
  const [code] = (await ended) as [number | null];
  return code;
}
