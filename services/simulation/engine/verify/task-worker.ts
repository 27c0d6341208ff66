/** Does tasks, one message each; what goes wrong in one is its outcome and does not end the worker. */
import { parentPort } from "node:worker_threads";
import type { Observation } from "./property.ts";
import { replicate } from "./replicate.ts";
import { caseById, propertyById, type Task } from "./tasks.ts";

export type Outcome =
  /** By replication, the values of the figures. */
  | { readonly kind: "values"; readonly values: readonly (readonly number[])[] }
  | { readonly kind: "observations"; readonly observations: readonly Observation[] }
  | { readonly kind: "error"; readonly message: string };

parentPort?.on("message", (task: Task) => {
  parentPort?.postMessage(outcomeOf(task));
});

function outcomeOf(task: Task): Outcome {
  try {
    if (task.kind === "property") {
      return { kind: "observations", observations: propertyById(task.id).check(task.isQuick) };
    }
    const given = caseById(task.id, task.isQuick);
    const values = Array.from({ length: task.to - task.from }, (_, index) => replicate(given, task.from + index));
    return { kind: "values", values };
  } catch (error) {
    return { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
}
