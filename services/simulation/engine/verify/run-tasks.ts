/** Hands tasks to worker threads until all are done; every worker has one at a time. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Outcome } from "./task-worker.ts";
import type { Task } from "./tasks.ts";

/** Calls `onDone` for each task as it ends. Throws when a worker dies; none is left running. */
export async function runTasks(
  tasks: readonly Task[],
  workers: number,
  onDone: (task: Task, outcome: Outcome) => void,
): Promise<void> {
  const left = [...tasks];
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("task-worker.ts", import.meta.url), { execArgv: [] });
    try {
      for (let task = left.shift(); task !== undefined; task = left.shift()) {
        const answered = once(worker, "message");
        worker.postMessage(task);
        const [outcome] = (await answered) as [Outcome];
        onDone(task, outcome);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, work));
}
