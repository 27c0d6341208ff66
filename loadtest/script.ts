import { relative } from "node:path";
import { type BenchArguments, parseBenchArguments, UsageError, usage } from "./arguments.ts";
import { describeMachine, type Machine, machineLine } from "./machine.ts";
import type { Picture } from "./report/html.ts";
import { renderJson, writeResults } from "./report/results.ts";
import type { Row } from "./report/rows.ts";
import { renderTable } from "./report/table.ts";

/*
 * What every script of this folder does around its measuring: reads the arguments, keeps standard output for the answer
 * and standard error for progress, writes the results, and ends with 1 when a row is not ok and 2 when it was called wrongly.
 */

export interface Measured {
  readonly rows: readonly Row[];
  readonly pictures: readonly Picture[];
  readonly notes: readonly string[];
}

export interface Script {
  /** As npm knows it: "bench:pool". */
  readonly name: string;
  readonly title: string;
  /** For the help. */
  readonly what: string;
  /** Behind the date in the names of its results. */
  readonly suffix: string;
  measure(args: BenchArguments, progress: (line: string) => void): Promise<Measured>;
}

export async function runScript(script: Script): Promise<void> {
  process.exitCode = await exitCodeOf(script, process.argv.slice(2));
}

async function exitCodeOf(script: Script, argv: readonly string[]): Promise<number> {
  try {
    const args = parseBenchArguments(argv);
    if (args.help) {
      console.log(usage(script.name, script.what));
      return 0;
    }
    const machine = describeMachine(new Date());
    progress(machineLine(machine));
    const measured = await script.measure(args, progress);
    await publish(script, args, machine, measured);
    return measured.rows.every(({ ok }) => ok) && measured.rows.length > 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${usage(script.name, script.what)}`);
      return 2;
    }
    console.error(error);
    return 1;
  }
}

async function publish(script: Script, args: BenchArguments, machine: Machine, measured: Measured): Promise<void> {
  const { rows, notes } = measured;
  if (args.json) {
    console.log(renderJson({ machine, rows }));
  } else {
    console.log([renderTable(rows), "", ...notes, machineLine(machine)].join("\n"));
  }
  if (args.write) {
    const page = await writeResults({ title: script.title, machine, ...measured }, script.suffix);
    progress(`written: ${relative(process.cwd(), page)} and the same as .json`);
  }
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}
