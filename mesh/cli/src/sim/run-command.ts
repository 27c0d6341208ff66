import { access, constants, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { type Analysis, type Architecture, analyze, compileModel, type Study } from "@weft/simulator";
import { defineCommand } from "citty";
import { CliError, describeError } from "../cli-error.ts";
import { commonArgs, parseDuration, repeatedOption } from "../command-line/options.ts";
import { applySetting } from "./apply-setting.ts";
import { formatStudy } from "./format-study.ts";
import { showProgress } from "./progress.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import { ReplicationPool } from "./replication-pool.ts";
import { runStudy, type StudyPlan } from "./run-study.ts";

const formats = ["table", "json", "html"] as const;
type Format = (typeof formats)[number];

/** Twenty give intervals that are hardly wider than their due: t is 2.09 there, and 1.96 for ever many. */
const defaultReplications = 20;
/** Where --precision gives up when --replications does not say. */
const mostReplications = 200;
const replicationLimit = 10_000;

export const simRunCommand = defineCommand({
  meta: {
    name: "run",
    description:
      "Simulate an architecture file (weft, compose or Kubernetes; - is standard input) in several replications, and show " +
      "throughput, latency and bottlenecks with 95 % intervals. The same seed gives the same answer. Needs no mesh. " +
      "Example: weft sim run shop.yaml --load 1.5 --set checkout.instances=4",
  },
  args: {
    file: { type: "positional", description: "The architecture; - reads standard input", required: true },
    set: {
      type: "string",
      description: "Change a field, may be repeated; also 'link:<id>.timeoutMs=500', workload:<id>.ratePerSecond=80",
      valueHint: "component.field=value",
    },
    replications: { type: "string", description: `Independent runs (default ${defaultReplications})`, valueHint: "40" },
    duration: { type: "string", description: "Simulated time of each", default: "60s" },
    warmup: {
      type: "string",
      description: "Left out at the start of each; found by MSER-5 when absent",
      valueHint: "5s",
    },
    load: { type: "string", description: "Multiplies rates and users", default: "1" },
    seed: { type: "string", description: "Of the first replication; the others follow it", default: "1" },
    precision: {
      type: "string",
      description: `Stop when the p99 is known this well; then --replications is the most (default ${mostReplications})`,
      valueHint: "0.05",
    },
    format: { type: "string", description: formats.join(", "), default: "table" },
    output: { type: "string", description: "Write there instead of to standard output", valueHint: "file" },
    ...commonArgs,
  },
  async run({ args, rawArgs }) {
    const format = formatFrom(args.format);
    const precision =
      args.precision === undefined ? undefined : numberFrom("--precision", args.precision, { above: 0, below: 1 });
    const plan = {
      seed: wholeFrom("--seed", args.seed, 0, 2 ** 32 - 1),
      durationMs: parseDuration("--duration", args.duration),
      warmupMs: args.warmup === undefined ? undefined : parseDuration("--warmup", args.warmup.replace(/^0$/, "0s")),
      load: numberFrom("--load", args.load, { above: 0 }),
      replications:
        args.replications === undefined
          ? precision === undefined
            ? defaultReplications
            : mostReplications
          : wholeFrom("--replications", args.replications, 1, replicationLimit),
      precision,
    };
    if (args.output !== undefined) await assertWritable(args.output);
    const { architecture: read, notes } = await readModelFile(args.file);
    const architecture = repeatedOption(rawArgs, ["--set"]).reduce(applySetting, read);
    assertRunnable(architecture, plan.load, { ...plan, warmupMs: plan.warmupMs ?? 0 });
    for (const note of notes) process.stderr.write(`note: ${note}\n`);

    const study = await runToEnd(new ReplicationPool(architecture), plan);
    const title = args.file === "-" ? "standard input" : basename(args.file);
    const theory = analyze(compileModel(architecture, { load: plan.load }));
    const text = await render[format](study, { title, architecture, theory, load: plan.load });
    if (args.output === undefined) process.stdout.write(text);
    else await writeFile(args.output, text);
  },
});

/** Nothing is written before the end, so Ctrl-C needs no care: it ends the process with all its threads at once. */
async function runToEnd(pool: ReplicationPool, plan: StudyPlan): Promise<Study> {
  const progress = showProgress(process.stderr);
  try {
    return await runStudy(pool, plan, progress.report);
  } finally {
    progress.end();
    await pool.end();
  }
}

interface Subject {
  readonly title: string;
  readonly architecture: Architecture;
  readonly theory: Analysis;
  readonly load: number;
}

const render: Readonly<Record<Format, (study: Study, subject: Subject) => string | Promise<string>>> = {
  table: (study, { title, theory, load }) => formatStudy(study, theory, title, load),
  json: (study, { theory }) => `${JSON.stringify({ ...study, theory }, null, 2)}\n`,
  html: async (study, { title, architecture }) => {
    const { renderStudyPage } = await import("@weft/simulator/report");
    return renderStudyPage(study, { title, architecture });
  },
};

function formatFrom(text: string): Format {
  const format = formats.find((name) => name === text);
  if (format === undefined) throw new CliError(`--format is "${text}"; it takes ${formats.join(", ")}`);
  return format;
}

function wholeFrom(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CliError(`${option} is "${text}"; it takes a whole number from ${least} to ${most}`);
}

function numberFrom(option: string, text: string, { above, below = Number.POSITIVE_INFINITY }: Range): number {
  const value = Number(text);
  if (text.trim() !== "" && value > above && value < below) return value;
  const limit = Number.isFinite(below) ? ` and below ${below}` : "";
  throw new CliError(`${option} is "${text}"; it takes a number above ${above}${limit}`);
}

interface Range {
  readonly above: number;
  readonly below?: number;
}

/** Before the work rather than after it. */
async function assertWritable(file: string): Promise<void> {
  try {
    await access(dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw new CliError(`--output ${file} cannot be written: ${describeError(error)}`, { cause: error });
  }
}
