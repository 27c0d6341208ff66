/** All runs of a design, or those a file has kept; progress on standard error. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { randomTopologies } from "../src/prediction/random-topology.ts";
import { type LabelledRun, labelledRun } from "./labelled-run.ts";

export interface RunDesign {
  readonly seed: number;
  readonly cases: number;
  readonly mostEventsPerCase: number;
}

/** `file` is read when it is there, and else written. */
export function designedRuns({ seed, cases, mostEventsPerCase }: RunDesign, file: string | undefined): LabelledRun[] {
  if (file !== undefined && existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as LabelledRun[];
  const runs: LabelledRun[] = [];
  for (const one of randomTopologies(seed, cases)) {
    runs.push(labelledRun(one, mostEventsPerCase));
    if (runs.length % 50 === 0) console.error(`${runs.length} of ${cases} topologies run`);
  }
  if (file !== undefined) writeFileSync(file, JSON.stringify(runs));
  return runs;
}
