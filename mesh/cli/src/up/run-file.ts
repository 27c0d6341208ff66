import { rm } from "node:fs/promises";
import { isRunning, type ProcessIdentity } from "../process/process-identity.ts";
import { readJsonFile, writePrivateJson } from "../stores/private-file.ts";

/** What `weft up` has running, as the other commands read it. Private to its owner, for the URL of the database. */
export interface RunRecord {
  readonly up: ProcessIdentity;
  readonly startedAtMs: number;
  readonly portOffset: number;
  /** Address of the entrance. */
  readonly address: string;
  readonly logDir: string;
  readonly stores: {
    readonly postgres?: RunningStore;
    readonly redis?: RunningStore;
  };
  readonly services: readonly {
    readonly service: string;
    readonly instance: number;
    readonly pid: number | null;
    readonly healthPort: number;
    readonly logFile: string;
  }[];
}

export interface RunningStore {
  readonly url: string;
  readonly description: string;
  /** Null for a server that was given by URL. */
  readonly pid: number | null;
  readonly logFile: string | null;
}

/** The record of a run that is still going on; undefined when nothing runs. */
export async function readRunRecord(path: string): Promise<RunRecord | undefined> {
  const record = await readJsonFile<RunRecord>(path);
  return record !== undefined && isRunning(record.up) ? record : undefined;
}

export async function writeRunRecord(path: string, record: RunRecord): Promise<void> {
  await writePrivateJson(path, record);
}

export async function removeRunRecord(path: string): Promise<void> {
  await rm(path, { force: true });
}
