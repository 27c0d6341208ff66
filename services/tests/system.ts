/**
 * The whole system for end-to-end tests: `weft up` as a child process on a port offset of its own, with its own state,
 * ended and removed afterwards; and the small clients that an outsider would write.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFailed } from "vitest";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cli = join(root, "mesh/cli/bin/weft.js");

export interface System {
  readonly address: string;
  readonly portOffset: number;
  readonly env: NodeJS.ProcessEnv;
  /** Runs another command of the command line against this system. */
  weft(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** What runs now, as `weft up` wrote it down. */
  record(): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export interface SystemOptions {
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Kept between two systems that share it; removed with the system when absent. */
  readonly stateDir?: string;
}

/** One person of a test calls as often as hundreds would: limits that count everything and are reached by nobody. */
const testRateLimits = ["*", "weft.auth.v1.AccountService/*", "weft.auth.v1.FactorService/*"]
  .map((methods) => `${methods}=100000/100000`)
  .join(", ");

/** Starts the system and resolves when it says that it is ready. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), "weft-system-")));
  for (let attempt = 1; ; attempt += 1) {
    // Any offset will do that keeps clear of the ports that connections are given (from 32768 on); one that meets a taken
    // port is given up for another.
    const portOffset = 5000 + 25 * Math.floor(Math.random() * 620);
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NODE_ENV: "development",
      WEFT_RATE_LIMITS: testRateLimits,
      ...options.env,
      WEFT_PORT_OFFSET: String(portOffset),
      WEFT_STATE_DIR: stateDir,
    };
    const child = spawn(process.execPath, [cli, "up", ...(options.args ?? [])], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = collect(child);
    const address = await readyAddress(child, output);
    if (address !== undefined) {
      return running(child, { address, portOffset, env, stateDir, keepState: options.stateDir !== undefined });
    }
    if (attempt === 10 || !/port/i.test(output.text)) {
      throw new Error(`the system did not start:\n${output.text}`);
    }
  }
}

function running(
  child: ChildProcess,
  {
    address,
    portOffset,
    env,
    stateDir,
    keepState,
  }: { address: string; portOffset: number; env: NodeJS.ProcessEnv; stateDir: string; keepState: boolean },
): System {
  return {
    address,
    portOffset,
    env,
    weft: async (...args) => {
      const command = spawn(process.execPath, [cli, ...args], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      command.stdout.on("data", (chunk) => (stdout += String(chunk)));
      command.stderr.on("data", (chunk) => (stderr += String(chunk)));
      const [code] = (await once(command, "close")) as [number | null];
      return { code, stdout, stderr };
    },
    record: async () => JSON.parse(await readFile(join(stateDir, "run.json"), "utf8")) as Record<string, unknown>,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        await ended;
      }
      await showTroubleIfFailed(join(stateDir, "logs"));
      if (!keepState) {
        await rm(stateDir, { recursive: true, force: true });
      }
    },
  };
}

/** What the services complained about, for whoever has to find out why a test failed; said only if the test fails. */
async function showTroubleIfFailed(folder: string): Promise<void> {
  const trouble: string[] = [];
  for (const file of (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".log"))) {
    const lines = (await readFile(join(folder, file), "utf8")).split("\n");
    trouble.push(...lines.filter((line) => /"level":"?(?:warn|error|fatal|[456]0)/.test(line)).slice(-30));
  }
  try {
    onTestFailed(() => console.error(`the system's warnings:\n${trouble.join("\n")}`));
  } catch {
    // Stopped after all tests: which of them failed is not known here.
  }
}

function collect(child: ChildProcess): { text: string } {
  const output = { text: "" };
  child.stdout?.on("data", (chunk) => (output.text += String(chunk)));
  child.stderr?.on("data", (chunk) => (output.text += String(chunk)));
  return output;
}

/** Undefined when the process ends before it is ready. */
function readyAddress(child: ChildProcess, output: { text: string }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const look = (): void => {
      const match = /^ready (http\S+)/m.exec(output.text);
      if (match?.[1] !== undefined) {
        resolve(match[1]);
      }
    };
    child.stdout?.on("data", look);
    child.once("exit", () => resolve(undefined));
  });
}

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** One REST call, with whatever it answers. */
export async function rest<Body = Record<string, unknown>>(
  system: { readonly address: string },
  method: string,
  path: string,
  options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer<Body>> {
  const response = await fetch(`${system.address}${path}`, {
    method,
    headers: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined
      ? {}
      : { body: typeof options.body === "string" ? options.body : JSON.stringify(options.body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === "" ? {} : JSON.parse(text)) as Body };
}

export interface Account {
  readonly user: { readonly id: string; readonly username: string; readonly email: string };
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresInSeconds: number;
  readonly password: string;
}

let accounts = 0;

/** Signs up somebody new. */
export async function signUp(system: { readonly address: string }): Promise<Account> {
  accounts += 1;
  const username = `user${process.pid}x${accounts}x${Math.floor(Math.random() * 1e6)}`;
  const password = `correct horse ${username}`;
  const answer = await rest<Account>(system, "POST", "/api/auth/signup", {
    body: { username, email: `${username}@example.org`, password, firstName: "Ada", lastName: "Lovelace" },
  });
  if (answer.status !== 200) {
    throw new Error(`signup: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return { ...answer.body, password };
}

export type WireFrame = Readonly<Record<string, unknown>> & {
  readonly id?: number;
  readonly push?: { readonly channel: string; readonly data: Record<string, unknown> };
};

/** A WebSocket client of the gateway that remembers every frame. */
export interface LiveClient {
  readonly frames: readonly WireFrame[];
  readonly closed: { code: number; reason: string } | undefined;
  send(frame: unknown): void;
  sendText(text: string): void;
  /** The first frame, old or new, that fits. */
  frame(description: string, fits: (frame: WireFrame) => boolean): Promise<WireFrame>;
  close(): void;
}

export async function openLive(system: { readonly address: string }): Promise<LiveClient> {
  const socket = new WebSocket(`${system.address.replace(/^http/, "ws")}/ws`, "weft.v1");
  const frames: WireFrame[] = [];
  const waiting = new Set<() => void>();
  const client = {
    frames,
    closed: undefined as { code: number; reason: string } | undefined,
    send: (frame: unknown) => socket.send(JSON.stringify(frame)),
    sendText: (text: string) => socket.send(text),
    frame: (description: string, fits: (frame: WireFrame) => boolean) =>
      new Promise<WireFrame>((resolve, reject) => {
        const look = (): void => {
          const found = frames.find(fits);
          if (found !== undefined) {
            waiting.delete(look);
            clearTimeout(limit);
            resolve(found);
          } else if (client.closed !== undefined) {
            waiting.delete(look);
            clearTimeout(limit);
            reject(new Error(`closed (${client.closed.code} ${client.closed.reason}) before ${description}`));
          }
        };
        const limit = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`no frame: ${description}; last: ${JSON.stringify(frames.at(-1))}`));
        }, 20_000);
        waiting.add(look);
        look();
      }),
    close: () => socket.close(),
  };
  socket.addEventListener("message", ({ data }) => {
    frames.push(JSON.parse(String(data)) as WireFrame);
    for (const look of [...waiting]) {
      look();
    }
  });
  socket.addEventListener("close", ({ code, reason }) => {
    client.closed = { code, reason };
    for (const look of [...waiting]) {
      look();
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error("the WebSocket could not be opened")), { once: true });
  });
  return client;
}
