import {
  type Architecture,
  checkChange,
  checkLoad,
  type compileModel,
  estimateEvents,
  type PlannedChange,
} from "@weft/simulator";
import { SimulationError } from "../domain/lifecycle/errors.ts";
import { caseOf } from "./change-message.ts";

/*
 * What is wrong with changes of a run, said before it is made. Loads and factors of workloads are followed through time,
 * since one may be possible only without the other, and so that a run cannot be made to last longer than anybody waits by a
 * change in its middle. What was changed live before is not known here: the run itself refuses what that makes impossible.
 */

/** A change and how the client calls it, as in "changes[2].change". */
interface NamedChange extends PlannedChange {
  readonly path: string;
}

/** Throws SimulationError, with every refused field. `load` is that at the beginning, `model` is compiled from it. */
export function assertChanges(
  changes: readonly NamedChange[],
  options: {
    readonly architecture: Architecture;
    readonly model: ReturnType<typeof compileModel>;
    readonly load: number;
    readonly durationMs: number;
    readonly maxEvents: number;
  },
): void {
  const { architecture, model, durationMs, maxEvents } = options;
  const fields: { field: string; description: string }[] = [];
  const factors = new Map<string, number>();
  let { load } = options;
  for (const { atMs, change, path } of [...changes].sort((one, other) => one.atMs - other.atMs)) {
    const refuse = (field: string, description: string) =>
      fields.push({ field: `${path}.${caseOf(change.kind)}.${field}`, description });
    if (atMs > durationMs) {
      const field = path.replace(/change$/, "atSeconds");
      fields.push({ field, description: `is ${atMs / 1000}; the run lasts ${durationMs / 1000} simulated seconds` });
    }
    const issues = checkChange(change, model);
    for (const { field, message } of issues) refuse(field, message);
    if (issues.length > 0 || (change.kind !== "load" && change.kind !== "workload")) continue;
    if (change.kind === "load") load = change.load;
    else factors.set(change.workload, change.factor);
    const loadOf = (workload: string) => load * (factors.get(workload) ?? 1);
    const field = change.kind === "load" ? "load" : "factor";
    for (const workload of architecture.workloads) {
      for (const { message } of checkLoad([workload], loadOf(workload.id))) refuse(field, message);
    }
    const events = model.workloads
      .map((workload) => ({ ...model, workloads: [workload], load: loadOf(workload.id) }))
      .reduce((sum, part) => sum + estimateEvents(part, Math.max(0, durationMs - atMs)), 0);
    if (events > maxEvents) {
      refuse(
        field,
        `makes the run take about ${events.toExponential(1)} events; at most ${maxEvents.toExponential(0)}`,
      );
    }
  }
  const [first] = fields;
  if (first === undefined) return;
  throw new SimulationError("invalid", `${first.field}: ${first.description}`, { fields });
}
