import { readFile } from "node:fs/promises";
import type { Architecture } from "@weft/project/architecture";
import { parseReplay, ReplayFileError, type ReplayTrace } from "@weft/simulator";
import { CliError, describeError } from "../cli-error.ts";

export interface Replayed {
  readonly architecture: Architecture;
  readonly notes: readonly string[];
}

/**
 * The architecture with arrivals from trace files (CSV with timestamps, and a class if there are several). `visits=trace.csv`
 * gives all rows to one workload. `trace.csv` alone gives the rows of each class to the workload of that name; without
 * classes there must be one workload. Throws CliError.
 */
export async function replayTraces(
  architecture: Architecture,
  given: readonly string[],
  durationMs: number,
): Promise<Replayed> {
  const arrivals = new Map<string, readonly number[]>();
  for (const text of given) {
    const named = architecture.workloads.find(({ id }) => text.startsWith(`${id}=`));
    const file = named === undefined ? text : text.slice(named.id.length + 1);
    const trace = await readTrace(file);
    const parts = named === undefined ? byClass(architecture, trace, file) : [{ id: named.id, ...trace }];
    for (const { id, arrivalsMs } of parts) arrivals.set(id, arrivalsMs);
  }
  const workloads = architecture.workloads.map((workload) => {
    const arrivalsMs = arrivals.get(workload.id);
    return arrivalsMs === undefined ? workload : { ...workload, kind: "replay" as const, arrivalsMs: [...arrivalsMs] };
  });
  const notes = [...arrivals].flatMap(([id, arrivalsMs]) => {
    const lastMs = arrivalsMs.at(-1) ?? 0;
    const within = arrivalsMs.filter((ms) => ms <= durationMs).length;
    return lastMs <= durationMs
      ? []
      : [
          `the trace of ${id} is ${lastMs / 1000} s long: ${within} of its ${arrivalsMs.length} arrivals are within --duration`,
        ];
  });
  return { architecture: { ...architecture, workloads }, notes };
}

async function readTrace(file: string): Promise<ReplayTrace> {
  try {
    return parseReplay(await readFile(file, "utf8"));
  } catch (error) {
    const what =
      error instanceof ReplayFileError ? `is no trace: ${error.message}` : `cannot be read: ${describeError(error)}`;
    throw new CliError(`--replay ${file} ${what}`, { cause: error });
  }
}

function byClass({ workloads }: Architecture, { arrivalsMs, classes }: ReplayTrace, file: string) {
  const ids = workloads.map(({ id }) => id).join(", ");
  if (classes.length === 0) {
    const [only, ...others] = workloads;
    if (only !== undefined && others.length === 0) return [{ id: only.id, arrivalsMs }];
    throw new CliError(`--replay ${file} does not say which workload it is of; the model has ${ids}`, {
      next: `write --replay ${only?.id ?? "workload"}=${file}, or add a column "class" with their names`,
    });
  }
  return classes.map(({ name, arrivalsMs: ofClass }) => {
    if (workloads.some(({ id }) => id === name)) return { id: name, arrivalsMs: ofClass };
    throw new CliError(`--replay ${file} has the class "${name}", which is no workload; the model has ${ids}`);
  });
}
