import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../cli-error.ts";
import { describeExit, ManagedChild } from "../process/managed-child.ts";
import { lastLines, openStoreLog, readLogFrom } from "./log-tail.ts";
import { type PostgresAccount, resolvePostgresAccount } from "./postgres-account.ts";
import { findPostgresBinaries, type PostgresBinaries } from "./postgres-binaries.ts";
import { clearPostmasterFile, ensureCluster, isPostmasterReady, postgresAdmin } from "./postgres-cluster.ts";
import { randomPassword, writePrivateJson } from "./private-file.ts";
import type { Store } from "./store.ts";
import { choosePort, readStoreRecord, reclaimStore, type StoreRecord, writeStoreRecord } from "./store-process.ts";

/*
 * A real PostgreSQL from npm on a free port of 127.0.0.1, with its data in a directory that outlives it.
 *
 * Start: end what an earlier starter left running, make the cluster if there is none, take the remembered port unless
 * somebody else has it, wait until the server says "ready". A stop is a "fast shutdown": open transactions are rolled
 * back, everything committed is on disk; it takes well under a second. Durability stays at PostgreSQL's defaults, so a
 * kill loses nothing that was committed.
 */
export interface PostgresStoreOptions {
  /** Holds the cluster, the record with port and password (mode 0600), and the log unless `logFile` says otherwise. */
  readonly dataDir: string;
  readonly logFile?: string;
  /** Most simultaneous connections; 200 when absent: five services with a pool each, several times over. */
  readonly maxConnections?: number;
}

const startTimeoutMs = 60_000;

/** Starts PostgreSQL; the returned store's `url` belongs to the administrator. Throws CliError. */
export async function startPostgres(options: PostgresStoreOptions): Promise<Store> {
  await mkdir(options.dataDir, { recursive: true });
  const dataDir = await realpath(options.dataDir);
  const binaries = await findPostgresBinaries();
  const recordFile = join(dataDir, "postgres.json");
  const remembered = await readStoreRecord(recordFile);
  await reclaimStore("PostgreSQL", dataDir, remembered);
  const store = new PostgresStore({
    binaries,
    account: await resolvePostgresAccount([binaries.postgres, join(dataDir, "cluster")]),
    cluster: join(dataDir, "cluster"),
    recordFile,
    logFile: options.logFile ?? join(dataDir, "postgres.log"),
    maxConnections: options.maxConnections ?? 200,
    record: { port: remembered?.port ?? 0, password: remembered?.password ?? randomPassword() },
  });
  await store.open();
  return store;
}

interface Settings {
  readonly binaries: PostgresBinaries;
  readonly account: PostgresAccount;
  readonly cluster: string;
  readonly recordFile: string;
  readonly logFile: string;
  readonly maxConnections: number;
  readonly record: StoreRecord;
}

class PostgresStore implements Store {
  readonly kind = "postgres";
  readonly description = "PostgreSQL 18 (embedded)";
  readonly logFile: string;
  readonly #settings: Settings;
  readonly #password: string;
  #port = 0;
  #child: ManagedChild | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#password = settings.record.password ?? "";
    this.logFile = settings.logFile;
  }

  async open(): Promise<void> {
    const { cluster, account, binaries, record, recordFile } = this.#settings;
    // Kept before the cluster exists: a start interrupted in between must not lose the password of what it made.
    await writePrivateJson(recordFile, record);
    await ensureCluster(cluster, account, binaries.initdb, this.#password);
    await clearPostmasterFile(cluster);
    await this.#start(record.port);
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `postgres://${postgresAdmin}:${this.#password}@127.0.0.1:${this.#port}/postgres`;
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
    await clearPostmasterFile(this.#settings.cluster);
    await this.#start(this.#port);
  }

  get #running(): ManagedChild {
    if (this.#child === undefined) {
      throw new Error("PostgreSQL was not started");
    }
    return this.#child;
  }

  /** One attempt may meet a port that was taken meanwhile, or memory that a killed server's children still hold. */
  async #start(rememberedPort: number): Promise<void> {
    const deadline = performance.now() + startTimeoutMs;
    let port = await choosePort(rememberedPort === 0 ? undefined : rememberedPort);
    for (;;) {
      const attempt = await this.#attempt(port, deadline);
      if (attempt.ok) {
        this.#port = port;
        this.#child = attempt.child;
        const record = { port, password: this.#password };
        await writeStoreRecord(this.#settings.recordFile, record, attempt.child.identity);
        return;
      }
      if (performance.now() > deadline || !/could not bind|still in use/.test(attempt.log)) {
        throw new CliError(`PostgreSQL ${attempt.reason}; its last words:\n${lastLines(attempt.log, 8)}`, {
          next: `read ${this.logFile}; moving ${this.#settings.cluster} away starts with an empty database`,
        });
      }
      await delay(100);
      port = await choosePort(port);
    }
  }

  async #attempt(
    port: number,
    deadline: number,
  ): Promise<{ ok: true; child: ManagedChild } | { ok: false; reason: string; log: string }> {
    const { account, binaries, cluster, maxConnections } = this.#settings;
    const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", max_connections: maxConnections };
    const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const launch = account.launch(binaries.postgres, ["-D", cluster, "-p", String(port), ...flags]);
    const log = openStoreLog(this.logFile);
    const child = await ManagedChild.start({
      name: "PostgreSQL",
      ...launch,
      cwd: "/",
      env: { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" },
      output: log.fd,
      stopSignals: [
        { signal: "SIGINT", waitMs: 8_000 },
        { signal: "SIGQUIT", waitMs: 2_000 },
      ],
      guardOrder: 0,
    }).finally(() => log.close());
    while (child.exit === undefined && performance.now() < deadline) {
      if (await isPostmasterReady(cluster, child.pid)) {
        return { ok: true, child };
      }
      await delay(15);
    }
    const reason = child.exit === undefined ? "was not ready in 60 s" : describeExit(child.exit);
    await child.stop();
    return { ok: false, reason, log: await readLogFrom(this.logFile, log.startsAt) };
  }
}
