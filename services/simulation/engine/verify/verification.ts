/**
 * Runs cases and properties and makes the scoreboard's rows. A row for every figure that a case states, whatever happened:
 * a case that breaks or is refused fails in all of them, with the reason.
 */
import { type Case, type Figure, leastReplications } from "./case.ts";
import { type Judgement, judge } from "./judge.ts";
import type { Observation, Property } from "./property.ts";
import { runTasks } from "./run-tasks.ts";
import type { Outcome } from "./task-worker.ts";
import { chosenCases, chosenProperties, propertyById, type Task, tasksOf } from "./tasks.ts";

export interface VerificationOptions {
  /** Parts of ids; everything when empty. */
  readonly only: readonly string[];
  readonly isQuick: boolean;
  readonly workers: number;
  /** Told after each task. */
  readonly onProgress?: (done: number, all: number, id: string) => void;
}

export interface FigureRow {
  readonly case: string;
  readonly what: string;
  readonly figure: string;
  readonly unit: string;
  readonly exact: number;
  readonly precisionAsked: number;
  readonly replications: number;
  /** Null when the case could not be run. */
  readonly judgement: Judgement | null;
  readonly ok: boolean;
  /** Why it could not be run; "" otherwise. */
  readonly error: string;
}

export interface PropertyRow {
  readonly property: string;
  readonly what: string;
  readonly name: string;
  readonly seen: string;
  readonly ok: boolean;
}

export interface Verification {
  readonly figures: readonly FigureRow[];
  readonly properties: readonly PropertyRow[];
  /** False when a row is not, and when nothing was chosen. */
  readonly ok: boolean;
}

export async function verify(options: VerificationOptions): Promise<Verification> {
  const { only, isQuick, workers, onProgress = () => {} } = options;
  const cases = chosenCases(only, isQuick);
  const properties = chosenProperties(only);
  const tasks = tasksOf(cases, properties, isQuick);
  const done = new Map<Task, Outcome>();
  await runTasks(tasks, workers, (task, outcome) => {
    done.set(task, outcome);
    onProgress(done.size, tasks.length, task.id);
  });
  // In the order of the tasks' making, not of their ending: sums of the same numbers in another order differ in the last bit.
  const outcomesOf = (id: string, kind: Task["kind"]) =>
    tasks
      .filter((task) => task.id === id && task.kind === kind)
      .map((task) => ({ task, outcome: done.get(task) as Outcome }));
  const figureRows = cases.flatMap((one) =>
    rowsOfCase(
      one,
      outcomesOf(one.id, "case").map(({ outcome }) => outcome),
    ),
  );
  const propertyRows = properties.flatMap((one) =>
    rowsOfProperty(one, isQuick, outcomesOf(one.id, "property")[0]?.outcome),
  );
  const rows = [...figureRows, ...propertyRows];
  return { figures: figureRows, properties: propertyRows, ok: rows.length > 0 && rows.every(({ ok }) => ok) };
}

function rowsOfCase(one: Case, outcomes: readonly Outcome[]): FigureRow[] {
  const error = outcomes.find((outcome) => outcome.kind === "error")?.message ?? "";
  const values = outcomes.flatMap((outcome) => (outcome.kind === "values" ? outcome.values : []));
  const replications = one.run.replications ?? leastReplications;
  return one.figures.map((figure, index) => {
    const judgement =
      error === ""
        ? judge(
            figure,
            values.map((row) => row[index] as number),
          )
        : null;
    return rowOf(one, figure, replications, judgement, error);
  });
}

function rowOf(
  one: Case,
  { name, unit, exact, precision }: Figure,
  replications: number,
  judgement: Judgement | null,
  error: string,
): FigureRow {
  return {
    ...{ case: one.id, what: one.what, figure: name, unit, exact, precisionAsked: precision, replications, judgement },
    ok: judgement?.verdict === "ok" && replications >= leastReplications,
    error,
  };
}

function rowsOfProperty(one: Property, isQuick: boolean, outcome: Outcome | undefined): PropertyRow[] {
  const row = ({ name, seen, holds }: Observation): PropertyRow => {
    return { property: one.id, what: one.what, name, seen, ok: holds };
  };
  if (outcome?.kind !== "observations") {
    const seen = outcome?.kind === "error" ? outcome.message : "it was not checked";
    return [row({ name: "", seen, holds: false })];
  }
  return [...outcome.observations, ...onMainThread(one, isQuick, outcome.observations)].map(row);
}

/** What has a fingerprint was made by a worker and is made here again. */
function onMainThread(one: Property, isQuick: boolean, ofWorker: readonly Observation[]): Observation[] {
  const marked = ofWorker.filter(({ fingerprint }) => fingerprint !== undefined);
  if (marked.length === 0) return [];
  const here = new Map(
    propertyById(one.id)
      .check(isQuick)
      .map(({ name, fingerprint }) => [name, fingerprint]),
  );
  return marked.map(({ name, fingerprint }) => ({
    name: `${name}, in a worker and here`,
    holds: here.get(name) === fingerprint,
    seen: `${fingerprint} and ${here.get(name)}`,
  }));
}
