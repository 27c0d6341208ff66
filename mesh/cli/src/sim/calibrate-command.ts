import { readFile, writeFile } from "node:fs/promises";
import {
  type Architecture,
  CalibrationError,
  calibrate,
  compareMeasured,
  compareMeasuredBuckets,
  type FigureComparison,
  holdOut,
  type Metrics,
  metricRoles,
  type ReplicationOutcome,
  readPrometheus,
  readTraces,
  runReplication,
  SpanCollector,
} from "@weft/simulator";
import { defineCommand } from "citty";
import { CliError, describeError } from "../cli-error.ts";
import { commonArgs } from "../command-line/options.ts";
import { formatBuckets, formatCalibration, formatHeldOut } from "./format-calibration.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";

const replications = 40;
/** Of a simulated window when nothing is held out. */
const usualWindowMs = 60_000;

export const simCalibrateCommand = defineCommand({
  meta: {
    name: "calibrate",
    description:
      "Make an architecture file from traces (Jaeger or OTLP JSON) and range queries of Prometheus, and say what they show and " +
      "what not. Needs no mesh. Example: weft sim calibrate --traces traces.json --sampling 0.1 --output shop.json",
  },
  args: {
    traces: { type: "string", description: "Trace files, one or several", valueHint: "file…", required: true },
    prometheus: {
      type: "string",
      description: `Answers of query_range, of counters and not of rate(); ${metricRoles.join(", ")} by name or as role=file`,
      valueHint: "file…",
    },
    sampling: { type: "string", description: "Share of traces that were kept", default: "1" },
    "hold-out": {
      type: "string",
      description: "Share of the time, at its end, to compare the model with instead of making it from",
      valueHint: "0.3",
    },
    output: { type: "string", description: "Where the architecture is written", valueHint: "file", required: true },
    ...commonArgs,
  },
  async run({ args, rawArgs }) {
    const samplingRatio = shareFrom("--sampling", args.sampling, 1);
    const heldOutShare = args["hold-out"] === undefined ? undefined : shareFrom("--hold-out", args["hold-out"], 0.9);
    const collector = new SpanCollector();
    const metrics: Metrics[] = [];
    for (const file of filesAfter("--traces", rawArgs)) {
      for (const value of await readJson(file)) explained(() => readTraces(value, collector, file));
    }
    for (const given of filesAfter("--prometheus", rawArgs)) {
      const role = metricRoles.find((name) => given.startsWith(`${name}=`));
      const file = role === undefined ? given : given.slice(role.length + 1);
      for (const value of await readJson(file)) metrics.push(explained(() => readPrometheus(value, file, role)));
    }
    const held = heldOutShare === undefined ? undefined : holdOut(collector, heldOutShare, samplingRatio);
    const result = explained(() => calibrate(held?.calibration ?? collector, { samplingRatio, metrics }));
    await write(args.output, `${JSON.stringify(result.architecture, null, 2)}\n`);
    // As the next command will: a file that it refuses is better refused here.
    assertRunnable((await readModelFile(args.output)).architecture, 1, { seed: 1, durationMs: 60_000 });
    process.stdout.write(formatCalibration(result));
    const series = metrics.flatMap((one) => one.series);
    if (held !== undefined || series.some(({ role }) => role === "buckets")) {
      const runs = simulateWindows(result.architecture, held?.windowMs ?? usualWindowMs);
      if (held !== undefined) process.stdout.write(`\n${formatHeldOut(compareHeldOut(runs, held.windows))}`);
      const bins = runs.map(({ latencyBins }) => latencyBins);
      const buckets = compareMeasuredBuckets(result.architecture, series, bins);
      if (buckets !== undefined) process.stdout.write(`\n${formatBuckets(buckets)}`);
    }
    process.stdout.write(`\nnext: weft sim run ${args.output}\n`);
  },
});

/** Each replication settles for a tenth of a window, at least a second, before its window begins. */
function simulateWindows(architecture: Architecture, windowMs: number): ReplicationOutcome[] {
  const warmupMs = Math.max(1000, windowMs / 10);
  return Array.from({ length: replications }, (_, index) =>
    runReplication(architecture, { seed: index + 1, durationMs: warmupMs + windowMs, warmupMs, load: 1, slices: 1 }),
  );
}

function compareHeldOut(
  runs: readonly ReplicationOutcome[],
  windows: ReturnType<typeof holdOut>["windows"],
): FigureComparison[] {
  const simulated = runs.map(({ results: { latency, throughputPerSecond } }) => {
    const { meanMs, p50Ms, p90Ms, p95Ms, p99Ms } = latency;
    return { ratePerSecond: throughputPerSecond, meanMs, p50Ms, p90Ms, p95Ms, p99Ms };
  });
  return compareMeasured(windows, simulated);
}

/** `--traces a.json b.json --traces=c.json`: what follows an option up to the next one. */
function filesAfter(option: string, rawArgs: readonly string[]): string[] {
  const files: string[] = [];
  let isTaken = false;
  for (const argument of rawArgs) {
    if (argument.startsWith(`${option}=`)) files.push(argument.slice(option.length + 1));
    else if (argument.startsWith("-")) isTaken = argument === option;
    else if (isTaken) files.push(argument);
  }
  return files;
}

/** One value, or one a line, as OpenTelemetry's collector writes files. */
async function readJson(file: string): Promise<unknown[]> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${describeError(error)}`, { cause: error });
  }
  try {
    return [JSON.parse(content)];
  } catch (error) {
    const lines = content.split("\n").filter((line) => line.trim() !== "");
    try {
      if (lines.length > 1) return lines.map((line) => JSON.parse(line));
    } catch {
      // What is wrong with the whole says more than what is wrong with a line of it.
    }
    throw new CliError(`${file} is no JSON: ${describeError(error)}`, { cause: error });
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new CliError(`--output ${file} cannot be written: ${describeError(error)}`, { cause: error });
  }
}

function explained<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CalibrationError) throw new CliError(error.message, { cause: error });
    throw error;
  }
}

function shareFrom(option: string, text: string, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= most) return value;
  throw new CliError(`${option} is "${text}"; it takes a share above 0, up to ${most}`);
}
