import { readdir, readFile, readlink } from "node:fs/promises";
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
    const {
      level,
      time = "",
      message = "",
    } = JSON.parse(line) as Partial<Record<"level" | "time" | "message", string>>;
    if (!time.endsWith("Z")) {
      return true;
    }
    // A record of its own that a request's text has broken out into, or one of an unexpected error.
    const isOurs = ["error", "fatal"].includes(level ?? "") && !/^Debugger |^For help, see/.test(message);
    return message === "planted" || (isOurs && Date.parse(time) >= sinceMs);
  } catch {
    return true;
  }
}

/** Files that a process has open to write to; none where the system does not tell (it is not Linux). */
export async function filesWrittenTo(system: System): Promise<string[]> {
  const found: string[] = [];
  for (const { service, pid } of await servicesOf(system)) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const path = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
      const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, "utf8").catch(() => "");
      // The last two bits of open(2)'s flags: 0 is reading.
      const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? "0", 8) & 3;
      if (flags !== 0 && /^\/(?!dev\/|memfd:)/.test(path)) {
        found.push(`${service}: ${path}`);
      }
    }
  }
  return found;
}

/** Where processes can be inspected; once opened it stays so. By process id. */
const inspectors = new Map<number, string>();

/** Bytes of JavaScript heap in use after a collection, by service. */
export async function heapsAfterCollection(system: System): Promise<Readonly<Record<string, number>>> {
  const heaps: Record<string, number> = {};
  for (const { service, pid, logFile } of await servicesOf(system)) {
    heaps[service] = await inspected(pid, logFile, async (ask) => {
      // Twice: what a first collection finalizes, the second one frees.
      await ask("HeapProfiler.collectGarbage");
      await ask("HeapProfiler.collectGarbage");
      return (await ask<{ usedSize: number }>("Runtime.getHeapUsage")).usedSize;
    });
  }
  return heaps;
}

/** What a plain object of each process has that nobody gave it: prototypes that somebody could write to. */
export async function pollutedPrototypes(system: System): Promise<string[]> {
  const expression = `JSON.stringify([Object, Array, Function, String, Number, Map, Error].flatMap(
    ({ name, prototype }) => [...Object.keys(prototype), ..."planted" in prototype ? ["planted"] : []]
      .map((key) => name + "." + key)))`;
  const found: string[] = [];
  for (const { service, pid, logFile } of await servicesOf(system)) {
    const { result } = await inspected(pid, logFile, (ask) =>
      ask<{ result: { value: string } }>("Runtime.evaluate", { expression }),
    );
    found.push(...(JSON.parse(result.value) as string[]).map((name) => `${service}: ${name}`));
  }
  return found;
}

function openInspector(pid: number, logFile: string): Promise<string> {
  process.kill(pid, "SIGUSR1");
  return until(`process ${pid} can be inspected`, async () => {
    const log = await readFile(logFile, "utf8");
    return /Debugger listening on (ws:\/\/127\.0\.0\.1:\d+\/[\w-]+)/.exec(log)?.[1];
  });
}

type Ask = <Result>(method: string, params?: object) => Promise<Result>;

async function inspected<Result>(pid: number, logFile: string, look: (ask: Ask) => Promise<Result>): Promise<Result> {
  const address = inspectors.get(pid) ?? (await openInspector(pid, logFile));
  inspectors.set(pid, address);
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  let asked = 0;
  const ask: Ask = (method, params = {}) =>
    new Promise((resolve) => {
      asked += 1;
      const id = asked;
      const answer = (data: unknown): void => {
        const { id: answered, result } = JSON.parse(String(data)) as { id?: number; result: never };
        if (answered === id) {
          socket.off("message", answer);
          resolve(result);
        }
      };
      socket.on("message", answer);
      socket.send(JSON.stringify({ id, method, params }));
    });
  try {
    return await look(ask);
  } finally {
    socket.close();
  }
}
