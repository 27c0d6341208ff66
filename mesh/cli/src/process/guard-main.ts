import { setTimeout as delay } from "node:timers/promises";
import { identifyProcess, isRunning, type ProcessIdentity, signalProcess } from "./process-identity.ts";

/*
 * The guard: a process of its own that outlives its starter only to clean up after it. It reads one JSON message per
 * line from standard input (see process-guard.ts). When the input ends, the starter is gone, even by SIGKILL: whatever
 * is still listed is then stopped, highest order first, each with its own signal and a grace before SIGKILL. It sits in
 * its own session, so that a Ctrl-C in the terminal does not reach it.
 */

interface Guarded {
  readonly identity: ProcessIdentity;
  readonly order: number;
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
}

const guarded = new Map<number, Guarded>();
let rest = "";

process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk: string) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    apply(JSON.parse(line));
  }
});
process.stdin.on("end", () => void stopAll());
process.stdin.on("error", () => void stopAll());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => undefined);
}

type Message =
  | { add: { pid: number; order: number; signal: NodeJS.Signals; graceMs: number } }
  | { remove: { pid: number } };

function apply(message: Message): void {
  if ("add" in message) {
    const { pid, order, signal, graceMs } = message.add;
    guarded.set(pid, { identity: identifyProcess(pid), order, signal, graceMs });
  } else {
    guarded.delete(message.remove.pid);
  }
}

async function stopAll(): Promise<void> {
  const orders = [...new Set([...guarded.values()].map((one) => one.order))].sort((a, b) => b - a);
  for (const order of orders) {
    await Promise.all([...guarded.values()].filter((one) => one.order === order).map(stop));
  }
  process.exit(0);
}

async function stop({ identity, signal, graceMs }: Guarded): Promise<void> {
  signalProcess(identity, signal);
  for (let waitedMs = 0; waitedMs < graceMs && isRunning(identity); waitedMs += 50) {
    await delay(50);
  }
  signalProcess(identity, "SIGKILL");
}
