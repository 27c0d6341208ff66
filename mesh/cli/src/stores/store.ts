import type { ChildExit } from "../process/managed-child.ts";

/**
 * A running store of this machine: a real server process with its data in a directory.
 *
 * `kill` and `restart` are what tests need to show how others bear its loss: it comes back under the same address with
 * the data it had. `pid` changes with a restart.
 */
export interface Store {
  readonly kind: "postgres" | "redis";
  /** What it is, for people: "PostgreSQL 18", "redis-server 7.0.15 (/usr/bin/redis-server)". */
  readonly description: string;
  /** Connection string with administrative rights; stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** The store's own log. */
  readonly logFile: string;
  /** Resolves when the current process has ended, for whatever reason. */
  readonly exited: Promise<ChildExit>;
  /** Clean end: everything acknowledged is on disk. Safe to call twice. */
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Stops it if it runs, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
}
