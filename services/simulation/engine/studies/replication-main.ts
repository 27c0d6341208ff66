import { parentPort, workerData } from "node:worker_threads";
import type { Architecture, ReplicationOptions } from "../src/index.ts";
// Not through index.ts: a thread starts twice as fast with only what it runs.
import { runReplication } from "../src/replications/run-replication.ts";

/*
 * The thread of one worker: runs the replications it is asked for, one after the other, on the architecture it was
 * started with. What goes wrong in a replication (a system that overflows) is answered, since the thread can go on;
 * anything else ends the thread, and its pool says so.
 */

export type ReplicationAnswer<Outcome = ReturnType<typeof runReplication>> =
  | { readonly outcome: Outcome }
  | { readonly error: { readonly name: string; readonly message: string } };

parentPort?.on("message", (options: ReplicationOptions) => parentPort?.postMessage(answer(options)));

function answer(options: ReplicationOptions): ReplicationAnswer {
  try {
    return { outcome: runReplication(workerData as Architecture, options) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { error: { name, message } };
  }
}
