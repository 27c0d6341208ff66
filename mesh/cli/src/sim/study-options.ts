import { access, constants, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { type StudyAnswer, type StudyPlan, studyDefaults } from "@weft/simulator/studies";
import type { ArgsDef } from "citty";
import { CliError, describeError } from "../cli-error.ts";
import { commonArgs, parseDuration } from "../command-line/options.ts";

/** What the commands that run studies have in common: their options, and what is made of them. */
export const formats = ["table", "json", "html"] as const;
export type Format = (typeof formats)[number];

const replicationLimit = 10_000;

export const studyArgs = {
  duration: { type: "string", description: "Simulated time of each replication", default: "60s" },
  warmup: {
    type: "string",
    description: "Left out at the start of each; found by MSER-5 when absent",
    valueHint: "5s",
  },
  seed: { type: "string", description: "Of the first replication; the others follow it", default: "1" },
  format: { type: "string", description: formats.join(", "), default: "table" },
  output: { type: "string", description: "Write there instead of to standard output", valueHint: "file" },
  ...commonArgs,
} as const satisfies ArgsDef;

export const loadArg = { type: "string", description: "Multiplies rates and users", default: "1" } as const;
export const setArg = {
  type: "string",
  description: "Change a field, may be repeated; also 'link:<id>.timeoutMs=500', workload:<id>.ratePerSecond=80",
  valueHint: "component.field=value",
} as const;
export const replicationsArg = {
  type: "string",
  description: `Independent runs (default ${studyDefaults.replications})`,
  valueHint: "40",
} as const;

export function timesFrom(args: {
  duration: string;
  warmup?: string | undefined;
  seed: string;
}): Pick<StudyPlan, "seed" | "durationMs" | "warmupMs"> {
  return {
    seed: wholeFrom("--seed", args.seed, 0, 2 ** 32 - 1),
    durationMs: parseDuration("--duration", args.duration),
    warmupMs: args.warmup === undefined ? undefined : parseDuration("--warmup", args.warmup.replace(/^0$/, "0s")),
  };
}

export function replicationsFrom(text: string | undefined, otherwise: number = studyDefaults.replications): number {
  return text === undefined ? otherwise : wholeFrom("--replications", text, 1, replicationLimit);
}

export function formatFrom(text: string): Format {
  const format = formats.find((name) => name === text);
  if (format === undefined) throw new CliError(`--format is "${text}"; it takes ${formats.join(", ")}`);
  return format;
}

export function wholeFrom(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CliError(`${option} is "${text}"; it takes a whole number from ${least} to ${most}`);
}

export function numberFrom(option: string, text: string, { above, below = Number.POSITIVE_INFINITY }: Range): number {
  const value = Number(text);
  if (text.trim() !== "" && value > above && value < below) return value;
  const limit = Number.isFinite(below) ? ` and below ${below}` : "";
  throw new CliError(`${option} is "${text}"; it takes a number above ${above}${limit}`);
}

interface Range {
  readonly above: number;
  readonly below?: number;
}

/** What the simulator refuses with a RangeError, told to a person. */
export function orCliError<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

/** How a file is called in what is shown. */
export function titleOf(file: string): string {
  return file === "-" ? "standard input" : basename(file);
}

/** Before the work rather than after it. */
export async function assertWritable(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    await access(dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw new CliError(`--output ${file} cannot be written: ${describeError(error)}`, { cause: error });
  }
}

/** To the file, or to standard output without one. */
export async function writeResult(text: string, file: string | undefined): Promise<void> {
  if (file === undefined) process.stdout.write(text);
  else await writeFile(file, text);
}

/** In the format that was asked for; JSON and the page are those of the answer, the table is the command's own. */
export async function writeAnswer<Answer extends StudyAnswer>(
  format: Format,
  answer: Answer,
  table: (answer: Answer) => string,
  file: string | undefined,
): Promise<void> {
  const render: Readonly<Record<Format, () => string | Promise<string>>> = {
    table: () => table(answer),
    json: () => `${JSON.stringify(answer.result, null, 2)}\n`,
    html: answer.renderPage,
  };
  await writeResult(await render[format](), file);
}
