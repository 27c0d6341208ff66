import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/*
 * The whole system for a run: `weft up` with ports and state of its own, so that it neither meets nor changes a system that
 * runs on this machine already.
 */
export interface System {
  /** Of the gateway. */
  readonly address: string;
  /** Where it writes down what runs, in `run.json`; removed when it stops. */
  readonly stateDir: string;
  stop(): Promise<void>;
}

const root = dirname(dirname(import.meta.dirname));
const startWithinMs = 60_000;
const stopPatienceMs = 15_000;
const attempts = 5;

export interface SystemOptions {
  /** Only these services; all when absent. */
  readonly only?: readonly string[];
  /** A server to use instead of one of the system's own. */
  readonly redisUrl?: string;
  /** Variables for the services, beside those of every run. */
  readonly settings?: NodeJS.ProcessEnv;
}

/** Resolves when the system says that it is ready. */
export async function startSystem({ only, redisUrl, settings }: SystemOptions = {}): Promise<System> {
  const stateDir = await mkdtemp(join(tmpdir(), "weft-bench-system-"));
  let output = "";
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    // Clear of the ports that connections are given, from 32768 on; a taken one is left for another.
    const portOffset = 5000 + 25 * Math.floor(Math.random() * 620);
    const chosen = only === undefined ? [] : ["--only", only.join(",")];
    const child = spawn(process.execPath, [join(root, "mesh/cli/bin/weft.js"), "up", ...chosen], {
      cwd: root,
      env: {
        ...process.env,
        NODE_ENV: "development",
        LOG_LEVEL: "info",
        // Every call is counted; that one user drives all of them is the only thing that is allowed here.
        WEFT_RATE_LIMITS: "*=1000000/1000000",
        ...settings,
        WEFT_PORT_OFFSET: String(portOffset),
        WEFT_STATE_DIR: stateDir,
        ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const endWithUs = (): void => void child.kill("SIGTERM");
    process.once("exit", endWithUs);
    const stop = async (): Promise<void> => {
      await end(child);
      process.off("exit", endWithUs);
    };
    const started = await readyAddress(child);
    if (started.address !== undefined) {
      return {
        address: started.address,
        stateDir,
        stop: async () => {
          await stop();
          await rm(stateDir, { recursive: true, force: true });
        },
      };
    }
    await stop();
    output = started.output;
    if (!/port/i.test(output)) {
      break;
    }
  }
  await rm(stateDir, { recursive: true, force: true });
  throw new Error(`the system did not start:\n${output}`);
}

function readyAddress(child: ChildProcess): Promise<{ address: string | undefined; output: string }> {
  return new Promise((resolve) => {
    let output = "";
    const give = (address: string | undefined): void => {
      clearTimeout(timer);
      resolve({ address, output });
    };
    const timer = setTimeout(give, startWithinMs, undefined);
    const look = (chunk: Buffer): void => {
      output += chunk.toString();
      const address = /^ready (http\S+)/m.exec(output)?.[1];
      if (address !== undefined) {
        give(address);
      }
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("exit", () => give(undefined));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopPatienceMs);
  await exited;
  clearTimeout(timer);
}
