import { readFileSync } from "node:fs";

/*
 * Which process a number means. Process ids are reused, so a pid that was written down is only trusted together with
 * the time its process started. Linux tells that time in /proc; elsewhere a living pid is taken for the same process.
 */

/** A process as it can be written to a file and recognised later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in the kernel's ticks since boot; null where the system does not tell it. */
  readonly startTicks: number | null;
}

/** Identity of a running process, this one by default. */
export function identifyProcess(pid: number = process.pid): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.startTicks ?? null };
}

/** Whether exactly this process still runs. A process that has ended but was not yet waited for counts as gone. */
export function isRunning(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") {
      return false;
    }
  }
  const stat = readStat(identity.pid);
  if (stat === undefined) {
    return process.platform !== "linux";
  }
  return stat.state !== "Z" && (identity.startTicks === null || stat.startTicks === identity.startTicks);
}

/** Sends a signal to exactly this process. Returns false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) {
    return false;
  }
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

function readStat(pid: number): { state: string; startTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name stands in parentheses and may hold anything; fields are counted after its end.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}
