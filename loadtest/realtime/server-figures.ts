import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/*
 * What a server's process uses, as Linux tells it of any process: the same for the gateway and for its peers. CPU is of all
 * its threads, in user and kernel; sending over loopback does the receiver's half of TCP in the sender's time, for everybody.
 */

/** For Node: loads the probe that measures the heap. */
export const probeFlags: readonly string[] = [`--import=${fileURLToPath(new URL("heap-probe.ts", import.meta.url))}`];

/** USER_HZ of Linux on everything that Node runs on. */
const ticksPerSecond = 100;
const heapWithinMs = 20_000;

/** CPU seconds since the process began, to 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function residentBytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  return Number(kilobytes) * 1024;
}

/** Files it may have open, which is a limit of connections. */
export function openFilesLimitOf(pid: number): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1"))?.[1]);
}

/** What is alive on the heap and beside it after a full collection, in a process with the probe. */
export async function liveHeapBytesOf(pid: number, folder: string): Promise<number> {
  const file = join(folder, `heap-${pid}`);
  rmSync(file, { force: true });
  process.kill(pid, "SIGUSR2");
  const deadlineMs = performance.now() + heapWithinMs;
  for (;;) {
    await sleep(20);
    try {
      return Number(readFileSync(file, "utf8"));
    } catch {
      if (performance.now() > deadlineMs) {
        throw new Error(`process ${pid} did not say what is alive on its heap in ${heapWithinMs} ms`);
      }
    }
  }
}
