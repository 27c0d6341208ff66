import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isPortFree } from "../src/stores/free-port.ts";

/*
 * A workspace in a temporary directory with services of a few lines, for tests that run the real command line on it.
 */
/** The program under test. */
export const weftBin = fileURLToPath(new URL("../bin/weft.js", import.meta.url));

export interface FakeService {
  readonly name: string;
  readonly basePort: number;
  readonly database?: string;
  readonly startAfter?: readonly string[];
  /** The program; `healthyService` when absent. */
  readonly source?: string;
}

/** Answers /readyz on its health port, logs as JSON, and ends on SIGTERM. `POST /die` ends it with code 3. */
export const healthyService = `
import { createServer } from "node:http";
const say = (level, message, fields = {}) =>
  console.log(JSON.stringify({ level, time: new Date().toISOString(), service: "NAME", instance: "NAME-" + process.env.WEFT_INSTANCE, message, ...fields }));
const port = BASE + Number(process.env.WEFT_PORT_OFFSET) + 4 * Number(process.env.WEFT_INSTANCE) + 3;
createServer((request, response) => {
  if (request.url === "/die") {
    console.error("going down with a reason");
    setImmediate(() => process.exit(3));
  }
  response.end(JSON.stringify({ status: "ready", pid: process.pid, checks: { itself: { ok: true } }, env: process.env }));
}).listen(port, "127.0.0.1", () => say("info", "listening", { port }));
say("warn", "a warning of NAME", { correlationId: "abc-123" });
process.on("SIGTERM", () => { say("info", "drained"); process.exit(0); });
`;

export class FakeWorkspace {
  readonly directory: string;
  readonly #running = new Set<ChildProcess>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(services: readonly FakeService[]): Promise<FakeWorkspace> {
    const directory = await mkdtemp(join(tmpdir(), "weft-cli-"));
    await writeFile(join(directory, "package.json"), JSON.stringify({ workspaces: ["services/*"], type: "module" }));
    for (const service of services) {
      const { name, basePort, database = null, startAfter = [], source = healthyService } = service;
      const home = join(directory, "services", name);
      await mkdir(home, { recursive: true });
      const weft = { service: name, basePort, entry: "main.ts", database, startAfter };
      await writeFile(join(home, "package.json"), JSON.stringify({ version: "1.2.3", type: "module", weft }));
      await writeFile(join(home, "main.ts"), source.replaceAll("NAME", name).replaceAll("BASE", String(basePort)));
    }
    return new FakeWorkspace(directory);
  }

  /** Starts a command and leaves it running. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningCommand {
    const child = spawn(process.execPath, [weftBin, ...args], {
      cwd: this.directory,
      env: {
        ...process.env,
        REDIS_URL: "",
        DATABASE_URL: "",
        WEFT_PORT_OFFSET: "",
        npm_lifecycle_event: undefined,
        NODE_ENV: undefined,
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    return new RunningCommand(child);
  }

  /** Runs a command to its end. */
  async run(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const command = this.start(args, env);
    const code = await command.exited;
    return { code, stdout: command.stdout, stderr: command.stderr };
  }

  /** Ends what still runs, and removes everything. */
  async dispose(): Promise<void> {
    for (const child of this.#running) {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

export class RunningCommand {
  readonly child: ChildProcess;
  readonly exited: Promise<number>;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
    this.exited = new Promise((resolve) => child.once("close", (code) => resolve(code ?? -1)));
  }

  /** Waits until the output holds a text. Throws with all output when the command ends before. */
  async said(text: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = text.exec(this.stdout + this.stderr);
      if (found !== null) {
        return found;
      }
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended without saying ${text}:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    this.child.kill(signal);
    return await this.exited;
  }
}

/**
 * A base port with forty free ports from there on. Blocks of fixed ports cannot be asked of the system; they are tried
 * below the range from which it gives ports to outgoing connections, as the port map's own ranges are.
 */
export async function freeBasePort(): Promise<number> {
  for (;;) {
    const base = 15_000 + 40 * randomInt(400);
    const free = await Promise.all(Array.from({ length: 40 }, (_, index) => isPortFree(base + index)));
    if (free.every((one) => one)) {
      return base;
    }
  }
}
