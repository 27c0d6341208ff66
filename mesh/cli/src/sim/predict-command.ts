import { compileModel, type PredictedFigure, type Prediction, predict } from "@weft/simulator";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { commonArgs, repeatedOption } from "../command-line/options.ts";
import { formatTable } from "../command-line/table.ts";
import { applySetting } from "./apply-setting.ts";
import { assertRunnable, readModelFile } from "./read-model.ts";
import { loadArg, numberFrom, setArg } from "./study-options.ts";

/** There is no page: a prediction has nothing to draw. */
const predictionFormats = ["table", "json"] as const;

export const simPredictCommand = defineCommand({
  meta: {
    name: "predict",
    description:
      "Say without a run how fast an architecture will be, with 90 % intervals: theory, corrected by what the simulator showed on " +
      "hundreds of others. Says when the architecture is unlike all of them. Example: weft sim predict shop.yaml --load 2",
  },
  args: {
    file: { type: "positional", description: "The architecture; - reads standard input", required: true },
    set: setArg,
    load: loadArg,
    format: { type: "string", description: predictionFormats.join(", "), default: "table" },
    ...commonArgs,
  },
  async run({ args, rawArgs }) {
    const isJson = args.format === "json";
    if (!isJson && args.format !== "table") {
      throw new CliError(`--format is "${args.format}"; it takes ${predictionFormats.join(", ")}`);
    }
    const load = numberFrom("--load", args.load, { above: 0 });
    const { architecture: read, notes } = await readModelFile(args.file);
    const architecture = repeatedOption(rawArgs, ["--set"]).reduce(applySetting, read);
    assertRunnable(architecture, load, { seed: 1, durationMs: 1000 });
    for (const note of notes) process.stderr.write(`note: ${note}\n`);
    const prediction = predict(compileModel(architecture, { load }));
    process.stdout.write(isJson ? `${JSON.stringify(prediction, null, 2)}\n` : formatPrediction(prediction));
  },
});

function formatPrediction(prediction: Prediction): string {
  const { latencyMs, utilization, busiest, isSaturated, limitingComponent, maximumLoad } = prediction;
  const lines: string[] = [];
  if (isSaturated) lines.push("saturated: more arrives than can be done, so there is no steady latency to predict");
  if (latencyMs !== undefined && utilization !== undefined) {
    const rows = Object.entries(latencyMs).map(([name, figure]) => row(name, figure, (ms) => `${short(ms)} ms`));
    rows.push(row(`utilization of ${busiest}`, utilization, (share) => `${short(share * 100)} %`));
    lines.push(formatTable(["FIGURE", "PREDICTED", "90 % INTERVAL", "THEORY ALONE"], rows));
  }
  if (Number.isFinite(maximumLoad)) {
    const where = limitingComponent === undefined ? "" : `, where ${limitingComponent} saturates`;
    const rate = short(prediction.maximumRatePerSecond);
    lines.push(`it bears ${short(maximumLoad)} times this load (${rate} requests/s)${where}`);
  }
  if (prediction.isExtrapolated) {
    lines.push("unlike what it was trained on, so the intervals promise nothing; weft sim run can tell:");
    lines.push(...prediction.reasons.map((reason) => `  - ${reason}`));
  }
  return `${lines.join("\n")}\n`;
}

function row(name: string, { value, low, high, theory }: PredictedFigure, print: (value: number) => string): string[] {
  return [name, print(value), `${print(low)} to ${print(high)}`, print(theory)];
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
