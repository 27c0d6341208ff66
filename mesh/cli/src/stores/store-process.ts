import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "../cli-error.ts";
import { identifyProcess, isRunning, type ProcessIdentity, signalProcess } from "../process/process-identity.ts";
import { findFreePort, isPortFree } from "./free-port.ts";
import { readJsonFile, writePrivateJson } from "./private-file.ts";

/*
 * What a store remembers between its starts, beside its data: its port, its secret, and which process served it for
 * whom. With that a directory is never served twice, and a store left behind by a starter that was killed together with
 * its guard is ended before the next one starts.
 */

/** The remembered facts. Kept in a file only its owner may read, because of the password. */
export interface StoreRecord {
  readonly port: number;
  readonly password?: string;
  /** The store's process at the last start. */
  readonly process?: ProcessIdentity;
  /** The process that started it. */
  readonly owner?: ProcessIdentity;
}

export async function readStoreRecord(path: string): Promise<StoreRecord | undefined> {
  return await readJsonFile<StoreRecord>(path);
}

/** Notes who serves the directory now. */
export async function writeStoreRecord(path: string, record: StoreRecord, store: ProcessIdentity): Promise<void> {
  await writePrivateJson(path, { ...record, process: store, owner: identifyProcess() });
}

/**
 * Makes sure that nothing serves the directory any more. Throws CliError when another living process owns the store;
 * stops one whose owner is gone.
 */
export async function reclaimStore(name: string, dataDir: string, record: StoreRecord | undefined): Promise<void> {
  if (record?.process === undefined || !isRunning(record.process)) {
    return;
  }
  if (record.owner !== undefined && isRunning(record.owner)) {
    throw new CliError(
      `${name} already serves ${dataDir} (pid ${record.process.pid}, started by process ${record.owner.pid})`,
      { next: "stop that one first, or use another data directory" },
    );
  }
  await endProcess(record.process, "SIGINT");
}

/** Ends a process that is not our child: a clean signal first, SIGKILL after ten seconds. */
export async function endProcess(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<void> {
  for (const [next, patienceMs] of [
    [signal, 10_000],
    ["SIGKILL", 5_000],
  ] as const) {
    signalProcess(identity, next);
    for (let waitedMs = 0; waitedMs < patienceMs && isRunning(identity); waitedMs += 20) {
      await delay(20);
    }
  }
}

/** The remembered port while nobody else has taken it, else a free one. */
export async function choosePort(remembered: number | undefined): Promise<number> {
  return remembered !== undefined && (await isPortFree(remembered)) ? remembered : await findFreePort();
}
