import { parentPort, workerData } from "node:worker_threads";
import { runChaosPair } from "../src/chaos/run-chaos.ts";
import type { Architecture, ChaosRunOptions } from "../src/index.ts";
import type { ReplicationAnswer } from "./replication-main.ts";

/*
 * The thread of a worker that runs replications of a game day: as replication-main.ts, each beside the run without its faults.
 */

type Answer = ReplicationAnswer<ReturnType<typeof runChaosPair>>;

parentPort?.on("message", (options: ChaosRunOptions) => parentPort?.postMessage(answer(options)));

function answer(options: ChaosRunOptions): Answer {
  try {
    return { outcome: runChaosPair(workerData as Architecture, options) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { error: { name, message } };
  }
}
