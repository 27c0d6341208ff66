import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { until } from "@weft/mesh/testing";
import { WebSocket } from "ws";
import type { System } from "../system.ts";

/*
 * What the fuzzer sees of the processes behind the address: that they are the same ones as before, what they wrote to their
 * logs, and how much memory they keep after a garbage collection, which is asked for through the inspector that Node opens
 * on SIGUSR1 (on any port: `inspectable` has to be in their environment).
 */

export const inspectable: NodeJS.ProcessEnv = { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --inspect-port=0` };

export interface ServiceRecord {
  readonly service: string;
  readonly pid: number;
  readonly logFile: string;
}

export async function servicesOf(system: System): Promise<readonly ServiceRecord[]> {
  return (await system.record()).services as readonly ServiceRecord[];
}

/** Lines of the logs since then that are no records, or say that something happened that nobody had thought of. */
export async function troubleInLogs(system: System, sinceMs: number): Promise<string[]> {
  const [service] = await servicesOf(system);
  // All files of the folder: logs that have grown long are put aside under other names.
  const folder = dirname(service?.logFile ?? "");
  const files = (await readdir(folder)).filter((name) => /-service-\d+\.log/.test(name));
  const logs = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
  return logs.flatMap((log) =>
    log
      .split("\n")
      .filter((line) => line !== "")
      .filter((line) => isTrouble(line, sinceMs)),
  );
}

function isTrouble(line: string, sinceMs: number): boolean {
  try {
    const { level, time, message = "" } = JSON.parse(line) as Partial<Record<"level" | "time" | "message", string>>;
    // A record of its own that a request's text has broken out into, or one of an unexpected error.
    const isOurs = ["error", "fatal"].includes(level ?? "") && !/^Debugger |^For help, see/.test(message);
    return message === "planted" || (isOurs && Date.parse(time ?? "") >= sinceMs);
  } catch {
    return true;
  }
}

/** Where processes can be inspected; once opened it stays so. By process id. */
const inspectors = new Map<number, string>();

/** Bytes of JavaScript heap in use after a collection, by service. */
export async function heapsAfterCollection(system: System): Promise<Readonly<Record<string, number>>> {
  const heaps: Record<string, number> = {};
  for (const { service, pid, logFile } of await servicesOf(system)) {
    const address = inspectors.get(pid) ?? (await openInspector(pid, logFile));
    inspectors.set(pid, address);
    heaps[service] = await heapOf(address);
  }
  return heaps;
}

function openInspector(pid: number, logFile: string): Promise<string> {
  process.kill(pid, "SIGUSR1");
  return until(`process ${pid} can be inspected`, async () => {
    const log = await readFile(logFile, "utf8");
    return /Debugger listening on (ws:\/\/127\.0\.0\.1:\d+\/[\w-]+)/.exec(log)?.[1];
  });
}

async function heapOf(address: string): Promise<number> {
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  const ask = (id: number, method: string) =>
    new Promise<{ readonly usedSize?: number }>((resolve) => {
      const answer = (data: unknown): void => {
        const { id: answered, result } = JSON.parse(String(data)) as { id?: number; result: { usedSize?: number } };
        if (answered === id) {
          socket.off("message", answer);
          resolve(result);
        }
      };
      socket.on("message", answer);
      socket.send(JSON.stringify({ id, method }));
    });
  // Twice: what a first collection finalizes, the second one frees.
  await ask(1, "HeapProfiler.collectGarbage");
  await ask(2, "HeapProfiler.collectGarbage");
  const { usedSize } = await ask(3, "Runtime.getHeapUsage");
  socket.close();
  return usedSize ?? Number.NaN;
}
