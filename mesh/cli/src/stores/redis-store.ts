import { mkdir, realpath } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../cli-error.ts";
import { describeExit, ManagedChild } from "../process/managed-child.ts";
import { lastLines, openStoreLog, readLogFrom } from "./log-tail.ts";
import { findRedisProgram, type RedisProgram } from "./redis-program.ts";
import type { Store } from "./store.ts";
import { choosePort, readStoreRecord, reclaimStore, writeStoreRecord } from "./store-process.ts";

/*
 * A private Redis on a free port of 127.0.0.1: the machine's own `redis-server` or `valkey-server` with an append-only
 * file, else one in JavaScript from npm that keeps its data over a clean stop only. Either is a process of its own. It has no
 * password: it listens on the loopback address only, and holds nothing that PostgreSQL does not.
 */
export interface RedisStoreOptions {
  /** Holds the append-only file, the record with the port, and the log unless `logFile` says otherwise. */
  readonly dataDir: string;
  readonly logFile?: string;
  /** Which kind; the real one if there is one when absent. */
  readonly kind?: "real" | "js";
}

/** A Redis of ours; `real` is false for the one in JavaScript. */
export interface RedisStore extends Store {
  readonly real: boolean;
}

const startTimeoutMs = 30_000;

/** Starts Redis; resolves when it answers PING. Throws CliError. */
export async function startRedis(options: RedisStoreOptions): Promise<RedisStore> {
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = await realpath(options.dataDir);
  const recordFile = join(dataDir, "redis.json");
  const remembered = await readStoreRecord(recordFile);
  await reclaimStore("Redis", dataDir, remembered);
  const program = await findRedisProgram(options.kind);
  const store = new RedisProcess(program, dataDir, recordFile, options.logFile ?? join(dataDir, "redis.log"));
  await store.start(remembered?.port);
  return store;
}

class RedisProcess implements RedisStore {
  readonly kind = "redis";
  readonly logFile: string;
  readonly #program: RedisProgram;
  readonly #dataDir: string;
  readonly #recordFile: string;
  #port = 0;
  #child: ManagedChild | undefined;

  constructor(program: RedisProgram, dataDir: string, recordFile: string, logFile: string) {
    this.#program = program;
    this.#dataDir = dataDir;
    this.#recordFile = recordFile;
    this.logFile = logFile;
  }

  get real(): boolean {
    return this.#program.real;
  }

  get description(): string {
    return this.#program.description;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get exited() {
    return this.#running.exited;
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }

  async kill(): Promise<void> {
    await this.#running.kill();
  }

  async restart(): Promise<void> {
    await this.#running.stop();
    await this.start(this.#port);
  }

  async start(remembered: number | undefined): Promise<void> {
    const deadline = performance.now() + startTimeoutMs;
    let port = await choosePort(remembered);
    for (;;) {
      const log = openStoreLog(this.logFile);
      const child = await this.#spawn(port, log.fd).finally(() => log.close());
      while (child.exit === undefined && performance.now() < deadline) {
        if (await answersPing(port)) {
          this.#port = port;
          this.#child = child;
          await writeStoreRecord(this.#recordFile, { port }, child.identity);
          return;
        }
        await delay(15);
      }
      const reason = child.exit === undefined ? "did not answer in 30 s" : describeExit(child.exit);
      await child.stop();
      const output = await readLogFrom(this.logFile, log.startsAt);
      if (performance.now() > deadline || !/could not bind|Address already in use/i.test(output)) {
        throw new CliError(`Redis (${this.description}) ${reason}; its last words:\n${lastLines(output, 8)}`, {
          next: `read ${this.logFile}; moving ${this.#dataDir} away starts with an empty Redis`,
        });
      }
      port = await choosePort(undefined);
    }
  }

  get #running(): ManagedChild {
    if (this.#child === undefined) {
      throw new Error("Redis was not started");
    }
    return this.#child;
  }

  #spawn(port: number, output: number): Promise<ManagedChild> {
    return ManagedChild.start({
      name: "Redis",
      command: this.#program.command,
      args: this.#program.args(port, this.#dataDir),
      cwd: this.#dataDir,
      output,
      stopSignals: [{ signal: "SIGTERM", waitMs: 8_000 }],
      guardOrder: 1,
    });
  }
}

/** Whether a Redis on this port answers PING; one that still loads its data does not count. */
async function answersPing(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.on("error", () => finish(false));
    socket.on("close", () => finish(false));
    socket.on("connect", () => socket.write("PING\r\n"));
    socket.on("data", (data) => finish(data.toString("latin1").startsWith("+PONG")));
  });
}
