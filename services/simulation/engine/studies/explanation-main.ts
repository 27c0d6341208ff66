import { parentPort, workerData } from "node:worker_threads";
import type { Architecture, ReplicationOptions } from "../src/index.ts";
import { runReplication } from "../src/replications/run-replication.ts";
import type { ReplicationAnswer } from "./replication-main.ts";

/*
 * The thread of a worker that runs replications of an architecture and of small changes of it: as replication-main.ts, with
 * what has changed. Workloads never do, and may be long (a replay), so they are not sent each time.
 */

export interface ExplanationRun extends ReplicationOptions {
  /** Instead of its own. */
  readonly changed?: Pick<Architecture, "components" | "links">;
}

parentPort?.on("message", (options: ExplanationRun) => parentPort?.postMessage(answer(options)));

function answer({ changed, ...options }: ExplanationRun): ReplicationAnswer {
  try {
    return { outcome: runReplication({ ...(workerData as Architecture), ...changed }, options) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { error: { name, message } };
  }
}
